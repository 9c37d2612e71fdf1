//! `conclave backup`: the state of the cluster as files, and a cluster made of them; a file a command.

mod create;
mod inspect;
mod list;
mod restore;
mod source;
mod verify;
mod views;

use conclave_backup::BackupError;

use super::errors::Failure;
use super::exit::Exit;
use super::session::Session;

/// What can be done with backups.
#[derive(Debug, clap::Subcommand)]
pub(super) enum BackupCommand {
    Create(create::CreateArgs),
    List(list::ListArgs),
    Inspect(inspect::InspectArgs),
    Verify(verify::VerifyArgs),
    Restore(Box<restore::RestoreArgs>),
}

impl BackupCommand {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        match self {
            Self::Create(args) => args.run(session).await,
            Self::List(args) => args.run(session).await,
            Self::Inspect(args) => args.run(session).await,
            Self::Verify(args) => args.run(session).await,
            Self::Restore(args) => args.run(session).await,
        }
    }
}

impl From<BackupError> for Failure {
    fn from(error: BackupError) -> Self {
        let exit = match &error {
            BackupError::Place { .. } => Exit::Usage,
            BackupError::Exists { .. } => Exit::Conflict,
            BackupError::NoSuchBackup { .. } => Exit::NotFound,
            BackupError::NotABackup { .. } | BackupError::Damaged { .. } | BackupError::Broken { .. } => {
                Exit::Invalid
            }
            BackupError::Io { .. }
            | BackupError::Store { .. }
            | BackupError::Unfit(_)
            | BackupError::Sink(_) => Exit::Failed,
        };
        let failure = Self::new(exit, error.to_string());
        match error {
            BackupError::Exists { .. } => failure.with_hint("--force writes over it"),
            BackupError::NoSuchBackup { .. } => {
                failure.with_hint("`conclave backup list` tells what is there")
            }
            _ => failure,
        }
    }
}
