//! `conclave snapshot show`: what a snapshot holds, and what has changed since.

use conclave_client::config::{GetSnapshotRequest, SnapshotNamespace};
use serde::Serialize;

use super::views::{self, SnapshotView};
use crate::cli::colour::Paint;
use crate::cli::config::consistency;
use crate::cli::errors::Failure;
use crate::cli::output::Report;
use crate::cli::session::Session;
use crate::cli::table::Columns;
use crate::cli::text;

/// Show a snapshot: its namespaces with their versions, then and now
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  conclave snapshot show before-upgrade
  conclave snapshot show before-upgrade --output json | jq '.namespaces[] | select(.version != .newest_version)'")]
pub(in crate::cli) struct ShowArgs {
    /// Name of the snapshot
    #[arg(value_name = "SNAPSHOT")]
    name: String,
    /// Read what the node has, without asking the leader: fast, perhaps stale
    #[arg(long)]
    local: bool,
}

impl ShowArgs {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let request =
            GetSnapshotRequest { snapshot: self.name.clone(), consistency: consistency(self.local) };
        let snapshot = session.client.get_snapshot(request).await?.snapshot.unwrap_or_default();
        let namespaces = views::namespaces(session, &self.name, self.local).await?;
        session.output.show(&ShowReport::of(snapshot.into(), namespaces))
    }
}

#[derive(Debug, Serialize)]
struct ShowReport {
    snapshot: SnapshotView,
    namespaces: Vec<NamespaceView>,
}

#[derive(Debug, Serialize)]
struct NamespaceView {
    namespace: String,
    version: u64,
    newest_version: u64,
    deleted: bool,
}

impl ShowReport {
    fn of(snapshot: SnapshotView, namespaces: Vec<SnapshotNamespace>) -> Self {
        let view = |found: SnapshotNamespace| {
            let SnapshotNamespace { namespace, version, newest_version, deleted } = found;
            NamespaceView { namespace, version, newest_version, deleted }
        };
        Self { snapshot, namespaces: namespaces.into_iter().map(view).collect() }
    }
}

impl Report for ShowReport {
    fn text(&self, paint: Paint) -> String {
        let mut columns = Columns::new(&["NAMESPACE", ">VERSION", ">NOW", "SINCE THEN"], paint);
        for found in &self.namespaces {
            let since = match found {
                NamespaceView { deleted: true, .. } => paint.deleted("deleted"),
                NamespaceView { version, newest_version, .. } if version == newest_version => String::new(),
                _ => paint.changed("changed"),
            };
            columns.row([
                text::one_line(&found.namespace, usize::MAX),
                found.version.to_string(),
                found.newest_version.to_string(),
                since,
            ]);
        }
        self.snapshot.text(paint) + &columns.into_text()
    }
}

#[cfg(test)]
mod tests {
    use conclave_client::config::Snapshot;

    use super::*;

    #[test]
    fn the_table_says_what_changed_since() {
        let snapshot = Snapshot { name: "s".into(), revision: 9, namespaces: 3, ..Snapshot::default() };
        let found = |namespace: &str, version, newest_version, deleted| SnapshotNamespace {
            namespace: namespace.into(),
            version,
            newest_version,
            deleted,
        };
        let namespaces = vec![found("a", 1, 1, false), found("b", 1, 12, false), found("c", 2, 3, true)];
        let expected = "\
s: 3 namespaces at revision 9
NAMESPACE  VERSION  NOW  SINCE THEN
a                1    1
b                1   12  changed
c                2    3  deleted
";
        assert_eq!(ShowReport::of(snapshot.into(), namespaces).text(Paint::PLAIN), expected);
    }
}
