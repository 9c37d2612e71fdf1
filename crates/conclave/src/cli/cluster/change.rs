//! The commands that change the part which a node has in the cluster.

use conclave_client::cluster::{DemoteMemberRequest, RemoveMemberRequest, TransferLeaderResponse};
use serde::Serialize;

use super::super::colour::Paint;
use super::super::errors::Failure;
use super::super::output::Report;
use super::super::session::Session;

/// Give a learner a vote; refused while it is more than 1,000 entries behind or does not answer
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  conclave cluster promote 4")]
pub(in crate::cli) struct Promote {
    /// Id of the learner
    id: u64,
}

/// Take the vote of a member, which goes on as a learner
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  conclave cluster demote 3")]
pub(in crate::cli) struct Demote {
    /// Id of the voter
    id: u64,
    /// Do it although the voters that are left and well would be no majority
    #[arg(long)]
    force_quorum_loss: bool,
}

/// Take a member out for ever, or take back an admission; its id is not used again
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  conclave cluster remove 3")]
pub(in crate::cli) struct Remove {
    /// Id of the member, or of the admission
    id: u64,
    /// Do it although the voters that are left and well would be no majority
    #[arg(long)]
    force_quorum_loss: bool,
}

/// Put a learner that has caught up in the place of a voter, in one change
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  conclave cluster add db4 db4.internal:4201
  conclave serve --join ... --token ...        # on db4
  conclave cluster replace 3 4")]
pub(in crate::cli) struct Replace {
    /// Id of the voter that goes; it may be down
    old_id: u64,
    /// Id of the learner that comes
    new_id: u64,
}

/// Hand leadership to another voter
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  conclave cluster transfer-leader --to 2")]
pub(in crate::cli) struct TransferLeader {
    /// Id of the voter; unset: the one that has come furthest
    #[arg(long, value_name = "ID")]
    to: Option<u64>,
}

impl Promote {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        session.client.promote_member(self.id).await?;
        session.output.show(&Done { id: self.id, done: "votes" })
    }
}

impl Demote {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let Self { id, force_quorum_loss } = self;
        session.client.demote_member(DemoteMemberRequest { id, force_quorum_loss }).await?;
        session.output.show(&Done { id, done: "has no vote" })
    }
}

impl Remove {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let Self { id, force_quorum_loss } = self;
        session.client.remove_member(RemoveMemberRequest { id, force_quorum_loss }).await?;
        session.output.show(&Done { id, done: "is out of the cluster" })
    }
}

impl Replace {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let Self { old_id, new_id } = self;
        session.client.replace_member(old_id, new_id).await?;
        session.output.show(&Done { id: old_id, done: "is out of the cluster" })?;
        session.output.note(&format!("node {new_id} votes in its place"));
        Ok(())
    }
}

impl TransferLeader {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let answer = session.client.transfer_leader(self.to.unwrap_or(0)).await?;
        let TransferLeaderResponse { leader_id } = answer;
        session.output.show(&Done { id: leader_id, done: "leads" })
    }
}

#[derive(Debug, Serialize)]
struct Done {
    id: u64,
    done: &'static str,
}

impl Report for Done {
    fn text(&self, _: Paint) -> String {
        format!("node {} {}\n", self.id, self.done)
    }
}
