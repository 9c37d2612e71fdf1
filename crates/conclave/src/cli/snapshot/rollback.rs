//! `conclave snapshot rollback`: namespaces as they were in a snapshot, in one commit.

use conclave_client::config::{RollbackSnapshotRequest, RollbackSnapshotResponse};
use serde::Serialize;

use crate::cli::colour::Paint;
use crate::cli::config::commit_report::CommitReport;
use crate::cli::config::{HeldArgs, WriteArgs};
use crate::cli::errors::Failure;
use crate::cli::output::Report;
use crate::cli::session::Session;
use crate::cli::text::{self, grouped};

/// Make namespaces what they are in a snapshot, all in one commit
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  conclave snapshot rollback before-upgrade --dry-run
  conclave snapshot rollback before-upgrade -m \"4.2 broke checkout\"
  conclave snapshot rollback before-upgrade --namespace payments/prod --namespace shop/prod

Each namespace that differs gets a new version; namespaces that came to be after the snapshot are left as \
they are. `conclave snapshot diff` shows what would change, item by item.")]
pub(in crate::cli) struct RollbackArgs {
    /// Name of the snapshot
    #[arg(value_name = "SNAPSHOT")]
    name: String,
    /// Only this namespace; may be given several times
    #[arg(long, value_name = "NAMESPACE")]
    namespace: Vec<String>,
    /// Check everything and tell what would change, but change nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    held: HeldArgs,
    #[command(flatten)]
    write: WriteArgs,
}

impl RollbackArgs {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let request = RollbackSnapshotRequest {
            snapshot: self.name.clone(),
            namespaces: self.namespace,
            authorship: Some(session.authorship(&self.write)),
            dry_run: self.dry_run,
            held_locks: self.held.locks(),
        };
        let answer = session.client.rollback_snapshot(request).await?;
        session.output.show(&RollbackReport::of(self.name, &answer, self.dry_run))
    }
}

#[derive(Debug, Serialize)]
struct RollbackReport {
    snapshot: String,
    dry_run: bool,
    /// None: nothing was changed.
    revision: Option<u64>,
    namespaces_changed: u64,
    namespaces_unchanged: u64,
    /// At most 1,000 of those that changed.
    versions: Vec<CommitReport>,
}

impl RollbackReport {
    fn of(snapshot: String, answer: &RollbackSnapshotResponse, dry_run: bool) -> Self {
        Self {
            snapshot,
            dry_run,
            revision: Some(answer.revision).filter(|revision| *revision != 0 && !dry_run),
            namespaces_changed: answer.namespaces_changed,
            namespaces_unchanged: answer.namespaces_unchanged,
            versions: CommitReport::of_snapshot(answer, dry_run),
        }
    }
}

impl Report for RollbackReport {
    fn text(&self, paint: Paint) -> String {
        let versions: String = self.versions.iter().map(|version| version.text(paint)).collect();
        let name = paint.heading(&text::one_line(&self.snapshot, usize::MAX));
        let verb = if self.dry_run { "would be rolled back" } else { "rolled back" };
        format!(
            "{versions}{name}: {} {verb}, {} as in it already\n",
            grouped(self.namespaces_changed),
            grouped(self.namespaces_unchanged),
        )
    }
}

#[cfg(test)]
mod tests {
    use conclave_client::config::CommittedVersion;

    use super::*;

    fn answer(revision: u64) -> RollbackSnapshotResponse {
        let committed =
            CommittedVersion { namespace: "a".into(), version: 4, changed: 2, ..Default::default() };
        RollbackSnapshotResponse {
            versions: vec![committed],
            namespaces_changed: 1,
            namespaces_unchanged: 1_100,
            revision,
            time_ms: 0,
            request_id: "id".into(),
        }
    }

    #[test]
    fn each_namespace_that_changed_is_a_line() {
        let report = RollbackReport::of("s".into(), &answer(9), false);
        let expected = "a version 4: 2 changed (revision 9)\ns: 1 rolled back, 1,100 as in it already\n";
        assert_eq!(report.text(Paint::PLAIN), expected);
        assert_eq!(report.revision, Some(9));
    }

    #[test]
    fn a_dry_run_says_so() {
        let report = RollbackReport::of("s".into(), &answer(0), true);
        let text = report.text(Paint::PLAIN);
        assert!(
            text.contains("a would become version 4: 2 changed; nothing was changed (dry run)"),
            "{text}"
        );
        assert!(text.contains("1 would be rolled back"), "{text}");
        assert_eq!(report.revision, None);
    }
}
