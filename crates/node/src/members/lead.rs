//! What the leader does about the members.

use std::fmt::Write as _;

use conclave_core::cluster::{
    Admit, ClusterCommand, ClusterOutcome, ClusterRejection, Forget, Redeem, Redeemed, Standing, standing,
};
use conclave_raft::{
    JoinRequest, Joined, MemberChange, MembersAnswer, MembersError, MembersRefusal, MembersRequest,
    PeerAddress, RaftStatus, Token,
};
use sha2::{Digest as _, Sha256};
use tokio::sync::MutexGuard;
use tokio::time::{Instant, timeout_at};

use super::guard::{require_caught_up, require_quorum};
use super::{new_request_id, propose};
use crate::handle::Shared;

const TOKEN_SIZE_BYTES: usize = 32;

type Outcome = Result<MembersAnswer, MembersError>;

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
        MembersRequest::Promote { id } => {
            let _turn = turn(shared)?;
            promote(shared, *id, deadline).await
        }
        MembersRequest::Demote { id, force_quorum_loss } => {
            let _turn = turn(shared)?;
            demote(shared, *id, *force_quorum_loss, deadline).await
        }
        MembersRequest::Remove { id, force_quorum_loss } => {
            let _turn = turn(shared)?;
            remove(shared, *id, *force_quorum_loss, deadline).await
        }
        MembersRequest::Replace { old_id, new_id } => {
            let _turn = turn(shared)?;
            replace(shared, *old_id, *new_id, deadline).await
        }
    }
}

/// One change at a time.
fn turn(shared: &Shared) -> Result<MutexGuard<'_, ()>, MembersError> {
    shared.changing.try_lock().map_err(|_| MembersRefusal::ChangeUnderWay.into())
}

async fn admit(shared: &Shared, address: PeerAddress, deadline: Instant) -> Outcome {
    let raft = shared.consensus.status();
    for (id, member) in &raft.members {
        if member.name == address.name {
            return refuse(ClusterRejection::NameTaken { name: address.name, id: *id });
        }
        if member.peer == address.peer {
            return refuse(ClusterRejection::AddressTaken { address: address.peer, id: *id });
        }
    }
    let token = new_token();
    let admit = Admit {
        name: address.name,
        peer_address: address.peer,
        client_address: address.client,
        token_hash: hash(&token),
        highest_id: raft.members.keys().next_back().copied().unwrap_or(0),
    };
    let proposed = propose(shared, new_request_id(), ClusterCommand::Admit(admit), deadline).await?;
    let ClusterOutcome::Admitted { id, .. } = proposed else { return Err(unexpected()) };
    tracing::info!(id, "a node was admitted");
    let join_addresses = raft.members.into_values().map(|member| member.peer).collect();
    Ok(MembersAnswer::Admitted { id, token, join_addresses })
}

/// Makes whoever brings a good token a learner.
async fn join(shared: &Shared, request: &JoinRequest, deadline: Instant) -> Outcome {
    let redeem = Redeem {
        token_hash: hash(&request.token),
        instance: request.instance,
        cluster_id: shared.cluster_id,
        peer_address: request.peer_address.clone(),
        client_address: request.client_address.clone(),
    };
    let proposed = propose(shared, new_request_id(), ClusterCommand::Redeem(redeem), deadline).await?;
    let ClusterOutcome::Redeemed(Redeemed { id, name, peer_address, client_address }) = proposed else {
        return Err(unexpected());
    };
    let turn = timeout_at(deadline, shared.changing.lock()).await;
    let _turn = turn.map_err(|_| MembersError::OutcomeUnknown)?;
    if !shared.consensus.status().members.contains_key(&id) {
        let address = PeerAddress { peer: peer_address, client: client_address, name };
        let added = shared.consensus.change_members(MemberChange::AddLearner { id, address }, deadline).await;
        // The node was let in: another change that is under way only delays it.
        added.map_err(|error| match error {
            MembersError::Refused(MembersRefusal::ChangeUnderWay) => MembersError::OutcomeUnknown,
            error => error,
        })?;
    }
    tracing::info!(id, "a node has joined as a learner");
    let (cluster_id, cluster_name) = (shared.cluster_id, shared.cluster_name.clone());
    Ok(MembersAnswer::Joined(Joined { cluster_id, cluster_name, node_id: id }))
}

async fn promote(shared: &Shared, id: u64, deadline: Instant) -> Outcome {
    let raft = shared.consensus.status();
    require_member(&raft, id)?;
    if !raft.voters.contains(&id) {
        require_caught_up(shared, id).await?;
        shared.consensus.change_members(MemberChange::Promote(id), deadline).await?;
    }
    Ok(MembersAnswer::Done)
}

async fn demote(shared: &Shared, id: u64, force_quorum_loss: bool, deadline: Instant) -> Outcome {
    let raft = shared.consensus.status();
    require_member(&raft, id)?;
    if raft.voters.contains(&id) {
        end_vote(shared, &raft, id, force_quorum_loss, deadline).await?;
        shared.consensus.change_members(MemberChange::Demote(id), deadline).await?;
    }
    Ok(MembersAnswer::Done)
}

async fn remove(shared: &Shared, id: u64, force_quorum_loss: bool, deadline: Instant) -> Outcome {
    let raft = shared.consensus.status();
    if raft.voters.contains(&id) {
        end_vote(shared, &raft, id, force_quorum_loss, deadline).await?;
        shared.consensus.change_members(MemberChange::RemoveVoter(id), deadline).await?;
    } else if raft.members.contains_key(&id) {
        shared.consensus.change_members(MemberChange::RemoveLearner(id), deadline).await?;
    } else {
        let known = shared.state.read(|view| standing(view, id));
        match known.map_err(|error| MembersError::Failed(error.to_string()))? {
            None => return refuse(MembersRefusal::NoSuchMember { id }),
            Some(Standing::Removed) => return Ok(MembersAnswer::Done),
            // An admission; or a member whose removal was cut off.
            Some(Standing::Admitted { .. } | Standing::Member { .. }) => {}
        }
    }
    forget(shared, id, deadline).await
}

async fn replace(shared: &Shared, old_id: u64, new_id: u64, deadline: Instant) -> Outcome {
    let raft = shared.consensus.status();
    let is_done = !raft.members.contains_key(&old_id) && raft.voters.contains(&new_id);
    if is_done {
        return forget(shared, old_id, deadline).await;
    }
    require_member(&raft, old_id)?;
    require_member(&raft, new_id)?;
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
        step_aside(shared, &raft, deadline).await?;
    }
    shared.consensus.change_members(MemberChange::Replace { old_id, new_id }, deadline).await?;
    forget(shared, old_id, deadline).await
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
    id: u64,
    force_quorum_loss: bool,
    deadline: Instant,
) -> Result<(), MembersError> {
    let mut left = raft.voters.clone();
    left.remove(&id);
    if left.is_empty() {
        return Err(MembersRefusal::LastVoter { id }.into());
    }
    if !force_quorum_loss {
        require_quorum(shared, &left).await?;
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

async fn forget(shared: &Shared, id: u64, deadline: Instant) -> Outcome {
    propose(shared, new_request_id(), ClusterCommand::Forget(Forget { id }), deadline).await?;
    tracing::info!(id, "a node was taken out, or its admission back");
    Ok(MembersAnswer::Done)
}

fn require_member(raft: &RaftStatus, id: u64) -> Result<(), MembersError> {
    if raft.members.contains_key(&id) { Ok(()) } else { Err(MembersRefusal::NoSuchMember { id }.into()) }
}

fn refuse(refusal: impl Into<MembersRefusal>) -> Outcome {
    Err(MembersError::Refused(refusal.into()))
}

fn unexpected() -> MembersError {
    MembersError::Failed("another command was answered".to_owned())
}

fn new_token() -> Token {
    let bytes: [u8; TOKEN_SIZE_BYTES] = rand::random();
    let mut text = String::with_capacity(2 * TOKEN_SIZE_BYTES);
    for byte in bytes {
        write!(text, "{byte:02x}").expect("a text takes what is written");
    }
    Token(text)
}

fn hash(token: &Token) -> [u8; 32] {
    Sha256::digest(token.0.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_long_and_never_the_same() {
        let (one, other) = (new_token(), new_token());
        assert_eq!(one.0.len(), 64);
        assert_ne!(one, other);
        assert_ne!(hash(&one), hash(&other));
        assert_eq!(hash(&one), hash(&one.clone()));
    }
}
