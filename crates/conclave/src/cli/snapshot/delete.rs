//! `conclave snapshot delete`.

use conclave_client::config::DeleteSnapshotRequest;

use super::views::DeletedView;
use crate::cli::config::WriteArgs;
use crate::cli::errors::Failure;
use crate::cli::session::Session;

/// Forget a snapshot; the namespaces stay as they are
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  conclave snapshot delete before-upgrade

Versions that only the snapshot kept are then dropped in time.")]
pub(in crate::cli) struct DeleteArgs {
    /// Name of the snapshot
    #[arg(value_name = "SNAPSHOT")]
    name: String,
    #[command(flatten)]
    write: WriteArgs,
}

impl DeleteArgs {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let authorship = Some(session.authorship(&self.write));
        let request = DeleteSnapshotRequest { snapshot: self.name, authorship };
        let answer = session.client.delete_snapshot(request).await?;
        let snapshot = answer.snapshot.unwrap_or_default().into();
        session.output.show(&DeletedView { snapshot, deleted: true })
    }
}
