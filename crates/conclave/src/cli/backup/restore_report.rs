//! What a restore tells: what was made, and how the other nodes of the new cluster are made.

use std::path::PathBuf;

use conclave_backup::Manifest;
use serde::Serialize;

use super::restore::RestoreArgs;
use crate::cli::colour::Paint;
use crate::cli::output::Report;
use crate::cli::text;
use crate::serve::settings::{ClusterMembers, MemberAddress};

/// The nodes that are still to be restored, and what they have in common with the first.
pub(super) struct OtherNodes {
    source: String,
    backup: String,
    data_dir: PathBuf,
    members: ClusterMembers,
    cluster_name: String,
    revision_gap: u64,
    ids: Vec<u64>,
}

impl OtherNodes {
    /// All but the one that is restored; none, if that is not the first.
    pub(super) fn of(args: &RestoreArgs, manifest: &Manifest) -> Self {
        let members = args.initial_cluster.clone();
        let is_first = args.restore_id.is_none();
        let others = members.keys().copied().filter(|id| is_first && *id != args.node_id);
        Self {
            source: args.source.place().to_owned(),
            backup: manifest.id(),
            data_dir: args.data_dir.clone(),
            ids: others.collect(),
            members,
            cluster_name: args.cluster_name.clone().unwrap_or_else(|| manifest.cluster_name.clone()),
            revision_gap: args.revision_gap,
        }
    }

    /// The command for each. It names the very backup: what is the newest may have changed.
    pub(super) fn commands(&self, restore_id: u64) -> Vec<String> {
        self.ids.iter().map(|id| self.command(*id, restore_id)).collect()
    }

    fn command(&self, node_id: u64, restore_id: u64) -> String {
        let words = [
            self.source.clone(),
            "--backup".into(),
            self.backup.clone(),
            "--restore-id".into(),
            format!("{restore_id:016x}"),
            "--revision-gap".into(),
            self.revision_gap.to_string(),
            "--cluster-name".into(),
            self.cluster_name.clone(),
            "--initial-cluster".into(),
            members(&self.members),
            "--data-dir".into(),
            self.data_dir.display().to_string(),
            "--node-id".into(),
            node_id.to_string(),
        ];
        let words: Vec<String> = words.iter().map(|word| text::shell_word(word)).collect();
        format!("conclave backup restore {}", words.join(" "))
    }
}

/// As the setting has them.
fn members(members: &ClusterMembers) -> String {
    let told = |(id, member): (&u64, &MemberAddress)| match &member.client {
        Some(client) => format!("{id}={}/{client}", member.peer),
        None => format!("{id}={}", member.peer),
    };
    members.iter().map(told).collect::<Vec<_>>().join(",")
}

/// What was made.
#[derive(Debug, Serialize)]
pub(super) struct RestoreReport {
    pub(super) backup: String,
    pub(super) cluster_id: String,
    pub(super) cluster_name: String,
    pub(super) node_id: u64,
    pub(super) data_dir: String,
    pub(super) backup_revision: u64,
    pub(super) revision: u64,
    pub(super) restore_id: String,
    /// How the other nodes are restored, unless this one was not the first.
    pub(super) other_nodes: Vec<String>,
}

impl Report for RestoreReport {
    fn text(&self, paint: Paint) -> String {
        let mut text = format!(
            "{}: node {} of cluster {} ({}) is ready in {}\nrevisions go on after {}, restore id {}\n",
            paint.heading(&self.backup),
            self.node_id,
            text::one_line(&self.cluster_name, 64),
            self.cluster_id,
            text::one_line(&self.data_dir, usize::MAX),
            text::grouped(self.revision),
            self.restore_id,
        );
        if !self.other_nodes.is_empty() {
            text += "\nrestore the other nodes with these commands, each on its machine:\n\n";
            for command in &self.other_nodes {
                text += &format!("  {}\n", text::one_line(command, usize::MAX));
            }
            text += "\n";
        }
        text + "start them with the same initial_cluster when all are restored\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::settings::parse_members;

    #[test]
    fn the_other_nodes_get_their_commands() {
        let others = OtherNodes {
            source: "/my backups".into(),
            backup: "b-1".into(),
            data_dir: "/var/lib/conclave".into(),
            members: parse_members("1=a:4201/http://a:4101,2=b:4201").expect("they are members"),
            cluster_name: "prod".into(),
            revision_gap: 1_000,
            ids: vec![2],
        };
        let expected = "conclave backup restore '/my backups' --backup b-1 --restore-id 00000000000000ff \
                        --revision-gap 1000 --cluster-name prod --initial-cluster \
                        1=a:4201/http://a:4101,2=b:4201 --data-dir /var/lib/conclave --node-id 2";
        assert_eq!(others.commands(255), [expected]);
    }
}
