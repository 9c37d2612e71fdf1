//! `conclave backup`: the state of the cluster as files, and a cluster made of them; a file a command.

mod create;
mod inspect;
mod list;
mod prune;
mod restore;
mod restore_report;
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
    Prune(prune::PruneArgs),
    Restore(Box<restore::RestoreArgs>),
}

impl BackupCommand {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        match self {
            Self::Create(args) => args.run(session).await,
            Self::List(args) => args.run(session).await,
            Self::Inspect(args) => args.run(session).await,
            Self::Verify(args) => args.run(session).await,
            Self::Prune(args) => args.run(session).await,
            Self::Restore(args) => args.run(session).await,
        }
    }
}

impl From<BackupError> for Failure {
    fn from(error: BackupError) -> Self {
        let exit = match &error {
            BackupError::Place { .. } | BackupError::SeveralClusters { .. } => Exit::Usage,
            BackupError::Exists { .. } => Exit::Conflict,
            BackupError::NoSuchBackup { .. } | BackupError::Missing { .. } => Exit::NotFound,
            BackupError::NotABackup { .. } | BackupError::Damaged { .. } | BackupError::Broken { .. } => {
                Exit::Invalid
            }
            BackupError::Io { .. }
            | BackupError::Store { .. }
            | BackupError::Unfit(_)
            | BackupError::Sink(_) => Exit::Failed,
        };
        let failure = Self::new(exit, error.to_string());
        match hint(&error) {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    }
}

/// What to do next, if that is more than the message says.
fn hint(error: &BackupError) -> Option<String> {
    match error {
        BackupError::Exists { .. } => Some("--force writes over it".into()),
        BackupError::NoSuchBackup { .. } => Some("`conclave backup list` tells what is there".into()),
        BackupError::SeveralClusters { .. } => Some(
            "say which is meant: --cluster-id ID, or --backup ID for one of `conclave backup list`".into(),
        ),
        BackupError::Store { unset, .. } if !unset.is_empty() => Some(format!(
            "{} {} not set, so credentials were asked of the machine that this runs on, as a cloud gives them",
            unset.join(" and "),
            if unset.len() == 1 { "is" } else { "are" }
        )),
        _ => None,
    }
}
