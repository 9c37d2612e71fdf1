//! `conclave cluster`: who leads, who follows, and who comes and goes.

mod add;
mod change;
mod doctor;
mod log_level;
mod member;
mod members;
mod status;
mod status_report;

use super::errors::Failure;
use super::session::Session;

/// What can be asked of the cluster.
#[derive(Debug, clap::Subcommand)]
pub(super) enum ClusterCommand {
    Status(status::Status),
    Doctor(doctor::Doctor),
    /// List the members, and the nodes that were admitted and have not joined
    #[command(after_help = "Examples:\n  conclave cluster members --output json")]
    Members,
    Add(add::Add),
    Promote(change::Promote),
    Demote(change::Demote),
    Remove(change::Remove),
    Replace(change::Replace),
    TransferLeader(change::TransferLeader),
    LogLevel(log_level::LogLevel),
}

impl ClusterCommand {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        match self {
            Self::Status(command) => command.run(session).await,
            Self::Doctor(command) => command.run(session).await,
            Self::Members => members::members(session).await,
            Self::Add(command) => command.run(session).await,
            Self::Promote(command) => command.run(session).await,
            Self::Demote(command) => command.run(session).await,
            Self::Remove(command) => command.run(session).await,
            Self::Replace(command) => command.run(session).await,
            Self::TransferLeader(command) => command.run(session).await,
            Self::LogLevel(command) => command.run(session).await,
        }
    }
}
