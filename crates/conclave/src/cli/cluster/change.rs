//! The commands that change the part which a node has in the cluster.

use conclave_client::ClientError;
use conclave_client::cluster::{DemoteMemberRequest, RemoveMemberRequest, TransferLeaderResponse};
use serde::Serialize;

use super::super::colour::Paint;
use super::super::errors::Failure;
use super::super::output::Report;
use super::super::session::Session;
use super::member::id_of;

/// Give a learner a vote; refused while it is more than 1,000 entries behind or does not answer
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  conclave cluster promote db4\n  conclave cluster promote 4")]
pub(in crate::cli) struct Promote {
    /// Id or name of the learner
    member: String,
}

/// Take the vote of a member, which goes on as a learner
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  conclave cluster demote db4\n  conclave cluster demote 3")]
pub(in crate::cli) struct Demote {
    /// Id or name of the voter
    member: String,
    #[command(flatten)]
    force: Force,
}

/// Take a member out for ever, or take back an admission; its id is not used again
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  conclave cluster remove db4\n  conclave cluster remove 3")]
pub(in crate::cli) struct Remove {
    /// Id or name of the member, or of the admission
    member: String,
    #[command(flatten)]
    force: Force,
}

#[derive(Debug, clap::Args)]
struct Force {
    /// Begin it although too few of the voters that would be left are well
    ///
    /// The change is made only once a majority of the voters that would be left agree to it. If too few of them can,
    /// the command ends with code 6; until enough of them are back, the cluster takes no writes, and the change cannot
    /// be taken back.
    #[arg(long)]
    force_quorum_loss: bool,
}

/// Put a learner that has caught up in the place of a voter, in one change
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  conclave cluster add db4 db4.internal:4201
  conclave serve --join ... --token ...        # on db4
  conclave cluster replace 3 db4")]
pub(in crate::cli) struct Replace {
    /// Id or name of the voter that goes; it may be down
    old: String,
    /// Id or name of the learner that comes
    new: String,
}

/// Hand leadership to another voter
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  conclave cluster transfer-leader --to 2")]
pub(in crate::cli) struct TransferLeader {
    /// Id or name of the voter; unset: the one that has come furthest
    #[arg(long, value_name = "MEMBER")]
    to: Option<String>,
}

impl Promote {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let id = id_of(session, &self.member).await?;
        session.client.promote_member(id).await.map_err(failed)?;
        session.output.show(&Done { id, done: "votes" })
    }
}

impl Demote {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let Force { force_quorum_loss } = self.force;
        let id = id_of(session, &self.member).await?;
        let demoted = session.client.demote_member(DemoteMemberRequest { id, force_quorum_loss }).await;
        demoted.map_err(if force_quorum_loss { failed_by_force } else { failed })?;
        session.output.show(&Done { id, done: "has no vote" })
    }
}

impl Remove {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let Force { force_quorum_loss } = self.force;
        let id = id_of(session, &self.member).await?;
        let removed = session.client.remove_member(RemoveMemberRequest { id, force_quorum_loss }).await;
        removed.map_err(if force_quorum_loss { failed_by_force } else { failed })?;
        session.output.show(&Done { id, done: "is out of the cluster" })
    }
}

impl Replace {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let old_id = id_of(session, &self.old).await?;
        let new_id = id_of(session, &self.new).await?;
        session.client.replace_member(old_id, new_id).await.map_err(failed)?;
        session.output.show(&Done { id: old_id, done: "is out of the cluster" })?;
        session.output.note(&format!("node {new_id} votes in its place"));
        Ok(())
    }
}

impl TransferLeader {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let to_id = match &self.to {
            Some(member) => id_of(session, member).await?,
            None => 0,
        };
        let answer = session.client.transfer_leader(to_id).await.map_err(failed)?;
        let TransferLeaderResponse { leader_id } = answer;
        session.output.show(&Done { id: leader_id, done: "leads" })
    }
}

/// A change of which the outcome is not known has no request id that would settle it: it is asked for again.
fn failed(error: ClientError) -> Failure {
    open(
        error,
        "most of the voters must run and reach one another: `conclave cluster status` shows who does. Then the \
                 same command again does what is left",
    )
}

fn failed_by_force(error: ClientError) -> Failure {
    open(
        error,
        "if too few of the voters that would be left can agree to it, the cluster takes no writes now, and the \
                 change cannot be taken back: start them (`conclave cluster status` shows who is away). Then the same \
                 command again does what is left",
    )
}

fn open(error: ClientError, hint: &str) -> Failure {
    let is_open = error.is_outcome_unknown();
    let failure = Failure::from(error);
    if is_open { failure.with_hint(hint) } else { failure }
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
