//! `conclave config rollback`: a new version with the content of an earlier one.

use conclave_client::config::{DiffRequest, RollbackRequest};

use super::CommitArgs;
use super::commit_report::CommitReport;
use super::moment::Point;
use super::views::ChangeView;
use crate::cli::errors::Failure;
use crate::cli::session::Session;

/// Bring back the content of an earlier version, as a new version
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  conclave config rollback payments/prod --to 7 --dry-run
  conclave config rollback payments/prod --to 7 -m \"8 broke checkout\" --expect-version 8
  conclave config rollback payments/prod --to stable

A number is a version and any other word a tag; tag:, revision:, snapshot: and time: say what follows.")]
pub(in crate::cli) struct RollbackArgs {
    /// The namespace; a deleted one comes back
    namespace: String,
    /// The version or tag whose content is wanted
    #[arg(long, value_name = "VERSION", value_parser = Point::existing)]
    to: Point,
    #[command(flatten)]
    commit: CommitArgs,
}

impl RollbackArgs {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let to_version = self.to.version(session, &self.namespace).await?;
        let request = RollbackRequest {
            namespace: self.namespace.clone(),
            to_version,
            expected_version: self.commit.expect_version,
            authorship: Some(session.authorship(&self.commit.write)),
            dry_run: self.commit.dry_run,
            held_locks: self.commit.held.locks(),
        };
        let answer = session.client.rollback(request).await?;
        let mut report = CommitReport::of_rollback(answer, self.commit.dry_run);
        if report.dry_run {
            report.changes = Some(self.changes(session, to_version, report.version).await?);
        }
        session.output.show(&report)
    }

    /// What the rollback would change: from the version before the one that it would make.
    async fn changes(
        &self,
        session: &Session,
        to_version: u64,
        version: u64,
    ) -> Result<Vec<ChangeView>, Failure> {
        let request = DiffRequest {
            namespace: self.namespace.clone(),
            from_version: version.saturating_sub(1),
            to_version,
            ..DiffRequest::default()
        };
        let differences = session.client.diff_all(request).await?;
        Ok(differences.changes.into_iter().map(ChangeView::from).collect())
    }
}
