//! `conclave session`: the sessions of workers, on which their locks hang; a file a command.

mod close;
mod list;
mod show;
mod views;

use super::errors::Failure;
use super::session::Session;

/// What can be done with sessions.
#[derive(Debug, clap::Subcommand)]
pub(super) enum SessionCommand {
    List(list::ListArgs),
    Show(show::ShowArgs),
    Close(close::CloseArgs),
}

impl SessionCommand {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        match self {
            Self::List(args) => args.run(session).await,
            Self::Show(args) => args.run(session).await,
            Self::Close(args) => args.run(session).await,
        }
    }
}
