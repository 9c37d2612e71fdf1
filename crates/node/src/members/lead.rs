//! What the leader does about the members: one change at a time, each from what was agreed on before.

use std::time::Duration;

use conclave_core::cluster::{ClusterCommand, ClusterRejection, Forget, Standing, standing};
use conclave_raft::{
    MemberChange, MembersAnswer, MembersError, MembersRefusal, MembersRequest, PeerAddress, RaftStatus,
};
use tokio::sync::MutexGuard;
use tokio::time::{Instant, timeout_at};

use super::guard::{require_caught_up, require_quorum};
use super::let_in::{admit, join};
use super::{new_request_id, propose};
use crate::handle::Shared;
use crate::propose::with_margin;

/// How long a change waits for the one before it. What ends a change that was cut off takes no longer.
const TURN_WAIT: Duration = Duration::from_millis(500);

pub(super) type Outcome = Result<MembersAnswer, MembersError>;

/// Does it, if this node leads. To end its own vote, the leader hands leadership over first and names the next.
pub(crate) async fn lead(shared: &Shared, request: &MembersRequest, deadline: Instant) -> Outcome {
    let leader = shared.consensus.leader();
    if leader != Some(shared.node_id) {
        return Err(MembersError::NotLeader { leader });
    }
    match request {
        MembersRequest::Admit { name, peer_address, client_address } => {
            let address = PeerAddress {
                peer: peer_address.clone(),
                client: client_address.clone(),
                name: name.clone(),
            };
            admit(shared, address, deadline).await
        }
        MembersRequest::Join(request) => join(shared, request, deadline).await,
        MembersRequest::Transfer { to } => transfer(shared, *to, deadline).await,
        change => {
            // Without a majority nothing is begun, and nobody else is kept waiting for a turn.
            shared.consensus.wait_current(with_margin(deadline)).await?;
            let _turn = turn(shared, deadline.min(Instant::now() + TURN_WAIT)).await?;
            let raft = settled(shared, deadline).await?;
            lead_change(shared, &raft, change, deadline).await
        }
    }
}

/// Takes the turn to change the members, if it comes in time.
pub(super) async fn turn(shared: &Shared, until: Instant) -> Result<MutexGuard<'_, ()>, MembersError> {
    timeout_at(until, shared.changing.lock()).await.map_err(|_| MembersRefusal::ChangeUnderWay.into())
}

/// The members as they are agreed on, once nothing that was begun before is open. It is told a little before the
/// deadline that it is not so: then nothing was begun.
pub(super) async fn settled(shared: &Shared, deadline: Instant) -> Result<RaftStatus, MembersError> {
    shared.consensus.settle_members(with_margin(deadline)).await
}

async fn lead_change(
    shared: &Shared,
    raft: &RaftStatus,
    request: &MembersRequest,
    deadline: Instant,
) -> Outcome {
    match *request {
        MembersRequest::Readdress { id, ref peer_address } => {
            readdress(shared, raft, (id, peer_address), deadline).await
        }
        MembersRequest::Promote { id } => promote(shared, raft, id, deadline).await,
        MembersRequest::Demote { id, force_quorum_loss } => {
            demote(shared, raft, Leaving { id, force_quorum_loss }, deadline).await
        }
        MembersRequest::Remove { id, force_quorum_loss } => {
            remove(shared, raft, Leaving { id, force_quorum_loss }, deadline).await
        }
        MembersRequest::Replace { old_id, new_id } => replace(shared, raft, (old_id, new_id), deadline).await,
        MembersRequest::Admit { .. } | MembersRequest::Join(_) | MembersRequest::Transfer { .. } => {
            Err(unexpected())
        }
    }
}

/// Who is to lose its vote.
#[derive(Clone, Copy)]
struct Leaving {
    id: u64,
    force_quorum_loss: bool,
}

async fn promote(shared: &Shared, raft: &RaftStatus, id: u64, deadline: Instant) -> Outcome {
    require_member(raft, id)?;
    if !raft.voters.contains(&id) {
        require_caught_up(shared, id).await?;
        shared.consensus.change_members(MemberChange::Promote(id), deadline).await?;
    }
    Ok(MembersAnswer::Done)
}

async fn demote(shared: &Shared, raft: &RaftStatus, leaving: Leaving, deadline: Instant) -> Outcome {
    require_member(raft, leaving.id)?;
    if raft.voters.contains(&leaving.id) {
        end_vote(shared, raft, leaving, deadline).await?;
        shared.consensus.change_members(MemberChange::Demote(leaving.id), deadline).await?;
    }
    Ok(MembersAnswer::Done)
}

async fn remove(shared: &Shared, raft: &RaftStatus, leaving: Leaving, deadline: Instant) -> Outcome {
    let id = leaving.id;
    if raft.voters.contains(&id) {
        end_vote(shared, raft, leaving, deadline).await?;
        shared.consensus.change_members(MemberChange::RemoveVoter(id), deadline).await?;
        return forget_member(shared, id, deadline).await;
    }
    if raft.members.contains_key(&id) {
        shared.consensus.change_members(MemberChange::RemoveLearner(id), deadline).await?;
        return forget_member(shared, id, deadline).await;
    }
    match read_standing(shared, id)? {
        None => refuse(MembersRefusal::NoSuchMember { id }),
        Some(Standing::Removed) => Ok(MembersAnswer::Done),
        Some(Standing::Admitted { .. }) => forget(shared, Forget { id, was_member: false }, deadline).await,
        // Its removal was cut off.
        Some(Standing::Member { .. }) => forget_member(shared, id, deadline).await,
    }
}

/// The others learn it with the next list of members that they have. Who goes there says as before which cluster,
/// which node and which instance it means: whoever else is there does not answer.
async fn readdress(
    shared: &Shared,
    raft: &RaftStatus,
    (id, peer_address): (u64, &str),
    deadline: Instant,
) -> Outcome {
    let Some(known) = raft.members.get(&id) else { return refuse(MembersRefusal::NoSuchMember { id }) };
    if known.peer == peer_address {
        return Ok(MembersAnswer::Done);
    }
    if let Some((other, _)) = raft.members.iter().find(|(_, member)| member.peer == peer_address) {
        let taken = ClusterRejection::AddressTaken { address: peer_address.to_owned(), id: *other };
        return refuse(taken);
    }
    let address = PeerAddress { peer: peer_address.to_owned(), ..known.clone() };
    shared.consensus.change_members(MemberChange::Readdress { id, address }, deadline).await?;
    tracing::info!(id, peer_address, "a member is reached elsewhere");
    Ok(MembersAnswer::Done)
}

async fn replace(
    shared: &Shared,
    raft: &RaftStatus,
    (old_id, new_id): (u64, u64),
    deadline: Instant,
) -> Outcome {
    if !raft.members.contains_key(&old_id) {
        return replaced(shared, raft, (old_id, new_id), deadline).await;
    }
    require_member(raft, new_id)?;
    if !raft.voters.contains(&old_id) {
        return refuse(MembersRefusal::NotAVoter { id: old_id });
    }
    if raft.voters.contains(&new_id) {
        return refuse(MembersRefusal::NotALearner { id: new_id });
    }
    require_caught_up(shared, new_id).await?;
    let mut left = raft.voters.clone();
    left.remove(&old_id);
    left.insert(new_id);
    require_quorum(shared, &left).await?;
    if old_id == shared.node_id {
        step_aside(shared, raft, deadline).await?;
    }
    shared.consensus.change_members(MemberChange::Replace { old_id, new_id }, deadline).await?;
    forget_member(shared, old_id, deadline).await
}

/// The old one is no member: it was replaced before, by a leader that may have been lost before it noted that.
async fn replaced(
    shared: &Shared,
    raft: &RaftStatus,
    (old_id, new_id): (u64, u64),
    deadline: Instant,
) -> Outcome {
    match read_standing(shared, old_id)? {
        Some(Standing::Removed) if raft.voters.contains(&new_id) => Ok(MembersAnswer::Done),
        Some(Standing::Member { .. }) if raft.voters.contains(&new_id) => {
            forget_member(shared, old_id, deadline).await
        }
        Some(Standing::Admitted { .. }) => refuse(MembersRefusal::NotAVoter { id: old_id }),
        Some(Standing::Removed | Standing::Member { .. }) | None => {
            refuse(MembersRefusal::NoSuchMember { id: old_id })
        }
    }
}

async fn transfer(shared: &Shared, to: Option<u64>, deadline: Instant) -> Outcome {
    let raft = shared.consensus.status();
    let Some(to) = to else {
        if raft.voters.len() < 2 {
            return refuse(MembersRefusal::LastVoter { id: shared.node_id });
        }
        return hand_over(shared, deadline).await.map(|id| MembersAnswer::Leader { id });
    };
    require_member(&raft, to)?;
    if !raft.voters.contains(&to) {
        return refuse(MembersRefusal::NotAVoter { id: to });
    }
    if to != shared.node_id {
        require_caught_up(shared, to).await?;
        if !shared.consensus.transfer_leader(to, deadline).await {
            return refuse(MembersRefusal::NotHandedOver);
        }
    }
    Ok(MembersAnswer::Leader { id: to })
}

/// What must hold before a voter loses its vote.
async fn end_vote(
    shared: &Shared,
    raft: &RaftStatus,
    Leaving { id, force_quorum_loss }: Leaving,
    deadline: Instant,
) -> Result<(), MembersError> {
    let mut left = raft.voters.clone();
    left.remove(&id);
    if left.is_empty() {
        return Err(MembersRefusal::LastVoter { id }.into());
    }
    match require_quorum(shared, &left).await {
        Err(error) if force_quorum_loss => {
            tracing::warn!(id, %error, "a vote ends by force: if that is so, it ends once enough of the others are back");
        }
        outcome => outcome?,
    }
    if id == shared.node_id { step_aside(shared, raft, deadline).await } else { Ok(()) }
}

/// Hands leadership over and says so: whoever leads next makes the change.
async fn step_aside(shared: &Shared, raft: &RaftStatus, deadline: Instant) -> Result<(), MembersError> {
    if raft.voters.len() < 2 {
        return Err(MembersRefusal::NotHandedOver.into());
    }
    let leader = Some(hand_over(shared, deadline).await?);
    Err(MembersError::NotLeader { leader })
}

/// Hands leadership to whoever has come furthest; tells who leads.
async fn hand_over(shared: &Shared, deadline: Instant) -> Result<u64, MembersError> {
    let mut leaders = shared.consensus.leader_changes();
    let own = shared.node_id;
    let another = |leader: &Option<u64>| leader.is_some_and(|leader| leader != own);
    if shared.consensus.hand_over(deadline).await
        && let Ok(Ok(leader)) = timeout_at(deadline, leaders.wait_for(another)).await
        && let Some(leader) = *leader
    {
        return Ok(leader);
    }
    Err(MembersRefusal::NotHandedOver.into())
}

/// Forgets one that consensus has no more among the members. So whatever fails, something was changed.
async fn forget_member(shared: &Shared, id: u64, deadline: Instant) -> Outcome {
    let forgotten = forget(shared, Forget { id, was_member: true }, deadline).await;
    forgotten.map_err(|error| {
        tracing::warn!(id, %error, "a node is out, but that is not noted yet");
        MembersError::OutcomeUnknown
    })
}

async fn forget(shared: &Shared, forget: Forget, deadline: Instant) -> Outcome {
    let id = forget.id;
    propose(shared, new_request_id(), ClusterCommand::Forget(forget), deadline).await?;
    tracing::info!(id, "a node was taken out, or its admission back");
    Ok(MembersAnswer::Done)
}

/// What is known of a node beside the list of members.
pub(super) fn read_standing(shared: &Shared, id: u64) -> Result<Option<Standing>, MembersError> {
    let known = shared.state.read(|view| standing(view, id));
    known.map_err(|error| MembersError::Failed(error.to_string()))
}

fn require_member(raft: &RaftStatus, id: u64) -> Result<(), MembersError> {
    if raft.members.contains_key(&id) { Ok(()) } else { Err(MembersRefusal::NoSuchMember { id }.into()) }
}

pub(super) fn refuse(refusal: impl Into<MembersRefusal>) -> Outcome {
    Err(MembersError::Refused(refusal.into()))
}

pub(super) fn unexpected() -> MembersError {
    MembersError::Failed("another command was answered".to_owned())
}
