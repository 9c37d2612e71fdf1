//! `conclave snapshot`: names for the state of many namespaces at one revision, a file a command.

mod create;
mod delete;
mod diff;
mod list;
mod rollback;
mod show;
mod views;

use super::errors::Failure;
use super::session::Session;

/// What can be done with snapshots.
#[derive(Debug, clap::Subcommand)]
pub(super) enum SnapshotCommand {
    Create(create::CreateArgs),
    List(list::ListArgs),
    Show(show::ShowArgs),
    Diff(diff::DiffArgs),
    Rollback(rollback::RollbackArgs),
    Delete(delete::DeleteArgs),
}

impl SnapshotCommand {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        match self {
            Self::Create(args) => args.run(session).await,
            Self::List(args) => args.run(session).await,
            Self::Show(args) => args.run(session).await,
            Self::Diff(args) => args.run(session).await,
            Self::Rollback(args) => args.run(session).await,
            Self::Delete(args) => args.run(session).await,
        }
    }
}
