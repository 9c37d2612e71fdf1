//! `conclave cluster`: who leads, who follows, and who comes and goes.

mod add;
mod change;
mod members;
mod status;

use super::errors::Failure;
use super::session::Session;

/// What can be asked of the cluster.
#[derive(Debug, clap::Subcommand)]
pub(super) enum ClusterCommand {
    /// Show the leader and the state of every node; exit code 5 without a leader or a quorum
    #[command(after_help = "Examples:
  conclave cluster status
  conclave cluster status --endpoints db1:4101,db2:4101 --output json | jq .leader_id")]
    Status,
    /// List the members, and the nodes that were admitted and have not joined
    #[command(after_help = "Examples:\n  conclave cluster members --output json")]
    Members,
    Add(add::Add),
    Promote(change::Promote),
    Demote(change::Demote),
    Remove(change::Remove),
    Replace(change::Replace),
    TransferLeader(change::TransferLeader),
}

impl ClusterCommand {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        match self {
            Self::Status => status::status(session).await,
            Self::Members => members::members(session).await,
            Self::Add(command) => command.run(session).await,
            Self::Promote(command) => command.run(session).await,
            Self::Demote(command) => command.run(session).await,
            Self::Remove(command) => command.run(session).await,
            Self::Replace(command) => command.run(session).await,
            Self::TransferLeader(command) => command.run(session).await,
        }
    }
}
