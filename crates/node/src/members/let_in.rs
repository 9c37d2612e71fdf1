//! How the leader lets new nodes in: it admits them, and makes whoever brings a good token a learner.

use std::fmt::Write as _;

use conclave_core::cluster::{
    Admit, ClusterCommand, ClusterOutcome, ClusterRejection, Redeem, Redeemed, Standing,
};
use conclave_raft::{
    JoinRequest, Joined, MemberChange, MembersAnswer, MembersError, MembersRefusal, PeerAddress, Token,
};
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use super::lead::{Outcome, read_standing, refuse, settled, turn, unexpected};
use super::{new_request_id, propose};
use crate::handle::Shared;

const TOKEN_SIZE_BYTES: usize = 32;

/// Gives a node an id and a token, if nobody has its name or its address.
pub(super) async fn admit(shared: &Shared, address: PeerAddress, deadline: Instant) -> Outcome {
    let raft = shared.consensus.status();
    for (id, member) in &raft.members {
        if !member.name.is_empty() && member.name == address.name {
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

/// Makes whoever brings a good token a learner. A node that means another cluster is told so before it has used it up.
pub(super) async fn join(shared: &Shared, request: &JoinRequest, deadline: Instant) -> Outcome {
    require_this_cluster(shared, request)?;
    let redeem = Redeem {
        token_hash: hash(&request.token),
        instance: request.instance,
        cluster_id: shared.cluster_id,
        peer_address: request.peer_address.clone(),
        client_address: request.client_address.clone(),
    };
    let proposed = propose(shared, new_request_id(), ClusterCommand::Redeem(redeem), deadline).await?;
    let ClusterOutcome::Redeemed(node) = proposed else { return Err(unexpected()) };
    let id = node.id;
    // The node was let in: another change that is under way only delays it.
    add_learner(shared, node, deadline).await.map_err(|error| match error {
        MembersError::Refused(MembersRefusal::ChangeUnderWay) => MembersError::OutcomeUnknown,
        error => error,
    })?;
    tracing::info!(id, "a node has joined as a learner");
    let (cluster_id, cluster_name) = (shared.cluster_id, shared.cluster_name.clone());
    Ok(MembersAnswer::Joined(Joined { cluster_id, cluster_name, node_id: id }))
}

fn require_this_cluster(shared: &Shared, request: &JoinRequest) -> Result<(), MembersError> {
    match &request.cluster_name {
        Some(told) if *told != shared.cluster_name => {
            let (name, told) = (shared.cluster_name.clone(), told.clone());
            Err(MembersRefusal::OtherCluster { name, told }.into())
        }
        _ => Ok(()),
    }
}

/// Makes it a learner, unless it was taken out while this waited for its turn.
async fn add_learner(shared: &Shared, node: Redeemed, deadline: Instant) -> Result<(), MembersError> {
    let Redeemed { id, name, peer_address, client_address } = node;
    let _turn = turn(shared, deadline).await?;
    let raft = settled(shared, deadline).await?;
    if !matches!(read_standing(shared, id)?, Some(Standing::Member { .. })) {
        return Err(MembersRefusal::from(ClusterRejection::MemberRemoved { id }).into());
    }
    if raft.members.contains_key(&id) {
        return Ok(());
    }
    let address = PeerAddress { peer: peer_address, client: client_address, name };
    shared.consensus.change_members(MemberChange::AddLearner { id, address }, deadline).await
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
