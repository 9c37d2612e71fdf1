//! `conclave backup inspect`.

use super::source::SourceArgs;
use super::views::ManifestView;
use crate::cli::errors::Failure;
use crate::cli::session::Session;

/// Show what a backup is: of which cluster, at which revision, in which files
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  conclave backup inspect nightly.conclave
  conclave backup inspect /backups --time 2026-02-28T17:00:00Z --output json")]
pub(in crate::cli) struct InspectArgs {
    #[command(flatten)]
    source: SourceArgs,
}

impl InspectArgs {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let open = self.source.open().await?;
        session.output.show(&ManifestView::from(open.manifest()))
    }
}
