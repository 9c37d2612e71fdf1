//! `conclave snapshot diff`: what has changed since a snapshot.

use std::collections::BTreeSet;

use conclave_client::config::{DiffRequest, SnapshotNamespace};
use serde::Serialize;

use super::views;
use crate::cli::colour::Paint;
use crate::cli::config::change_text;
use crate::cli::config::consistency;
use crate::cli::config::views::ChangeView;
use crate::cli::errors::Failure;
use crate::cli::exit::Exit;
use crate::cli::output::Report;
use crate::cli::progress::Progress;
use crate::cli::session::Session;
use crate::cli::text;

/// Show what has changed since a snapshot
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  conclave snapshot diff before-upgrade
  conclave snapshot diff before-upgrade --namespace payments/prod --output json

Namespaces that came to be after the snapshot are not in it, and not shown.")]
pub(in crate::cli) struct DiffArgs {
    /// Name of the snapshot
    #[arg(value_name = "SNAPSHOT")]
    name: String,
    /// Only this namespace; may be given several times
    #[arg(long, value_name = "NAMESPACE")]
    namespace: Vec<String>,
    /// Read what the node has, without asking the leader: fast, perhaps stale
    #[arg(long)]
    local: bool,
}

impl DiffArgs {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let all = views::namespaces(session, &self.name, self.local).await?;
        let chosen = chosen(all, &self.namespace, &self.name)?;
        let unchanged = chosen.iter().filter(|found| !differs(found)).count();
        let progress = Progress::of("comparing", chosen.len() - unchanged);
        let mut namespaces = Vec::new();
        for found in chosen.into_iter().filter(differs) {
            namespaces.push(self.difference(session, found).await?);
            progress.step();
        }
        drop(progress);
        let nothing = || format!("all is as in {}", self.name);
        let empty = namespaces.is_empty().then(nothing);
        session.output.show_or_note(&DiffReport { snapshot: self.name, namespaces, unchanged }, empty)
    }

    async fn difference(
        &self,
        session: &Session,
        found: SnapshotNamespace,
    ) -> Result<NamespaceDiff, Failure> {
        let request = DiffRequest {
            namespace: found.namespace.clone(),
            from_version: found.version,
            to_version: found.newest_version,
            consistency: consistency(self.local),
            ..DiffRequest::default()
        };
        let differences = session.client.diff_all(request).await?;
        Ok(NamespaceDiff {
            namespace: found.namespace,
            version: found.version,
            newest_version: found.newest_version,
            deleted: found.deleted,
            changes: differences.changes.into_iter().map(ChangeView::from).collect(),
        })
    }
}

fn differs(found: &SnapshotNamespace) -> bool {
    found.version != found.newest_version || found.deleted
}

/// The namespaces that were asked for; all of them if none was.
fn chosen(
    all: Vec<SnapshotNamespace>,
    names: &[String],
    snapshot: &str,
) -> Result<Vec<SnapshotNamespace>, Failure> {
    if names.is_empty() {
        return Ok(all);
    }
    let there: BTreeSet<&str> = all.iter().map(|found| found.namespace.as_str()).collect();
    if let Some(name) = names.iter().find(|name| !there.contains(name.as_str())) {
        let message = format!("namespace {name:?} is not in snapshot {snapshot:?}");
        let hint = format!("`conclave snapshot show {snapshot}` lists what is in it");
        return Err(Failure::new(Exit::NotFound, message).with_hint(hint));
    }
    Ok(all.into_iter().filter(|found| names.contains(&found.namespace)).collect())
}

#[derive(Debug, Serialize)]
struct DiffReport {
    snapshot: String,
    /// Those that are at another version.
    namespaces: Vec<NamespaceDiff>,
    /// How many are as they were.
    unchanged: usize,
}

#[derive(Debug, Serialize)]
struct NamespaceDiff {
    namespace: String,
    version: u64,
    newest_version: u64,
    deleted: bool,
    changes: Vec<ChangeView>,
}

impl Report for DiffReport {
    fn text(&self, paint: Paint) -> String {
        self.namespaces.iter().map(|diff| diff.text(paint)).collect()
    }
}

impl NamespaceDiff {
    fn text(&self, paint: Paint) -> String {
        let name = text::one_line(&self.namespace, usize::MAX);
        let heading = paint.heading(&format!("{name} version {} -> {}", self.version, self.newest_version));
        let deleted = if self.deleted { " (deleted)" } else { "" };
        let same = if self.changes.is_empty() { ": the same items" } else { "" };
        format!("{heading}{deleted}{same}\n{}", change_text::changes(&self.changes, paint, "  "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::config::views::samples::view;

    fn found(namespace: &str) -> SnapshotNamespace {
        SnapshotNamespace { namespace: namespace.into(), version: 1, newest_version: 1, deleted: false }
    }

    #[test]
    fn each_namespace_has_its_heading() {
        let diff = |namespace: &str, deleted, changes| NamespaceDiff {
            namespace: namespace.into(),
            version: 3,
            newest_version: 5,
            deleted,
            changes,
        };
        let namespaces = vec![
            diff("a", false, vec![view("k", Some("1"), Some("2"))]),
            diff("b", true, vec![view("k", Some("1"), None)]),
            diff("c", false, Vec::new()),
        ];
        let expected = "\
a version 3 -> 5
  ~ k
      - 1
      + 2
b version 3 -> 5 (deleted)
  - k: 1
c version 3 -> 5: the same items
";
        let report = DiffReport { snapshot: "s".into(), namespaces, unchanged: 4 };
        assert_eq!(report.text(Paint::PLAIN), expected);
    }

    #[test]
    fn a_namespace_that_is_not_in_it_is_told() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let all = || vec![found("a"), found("b")];
        assert_eq!(chosen(all(), &[], "s").map(|it| it.len()), Ok(2));
        assert_eq!(chosen(all(), &names(&["b"]), "s"), Ok(vec![found("b")]));
        let failure = chosen(all(), &names(&["c"]), "s").expect_err("it is not in it");
        assert_eq!(failure.exit(), Exit::NotFound);
    }

    #[test]
    fn only_what_is_at_another_version_is_compared() {
        assert!(!differs(&found("a")));
        assert!(differs(&SnapshotNamespace { newest_version: 2, ..found("a") }));
        assert!(differs(&SnapshotNamespace { deleted: true, ..found("a") }));
    }
}
