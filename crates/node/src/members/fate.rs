//! How a node that was removed finds out: the others stop talking to it, perhaps before it heard of its removal.
//! A node that has no leader, or is no member any more, asks those that it knew.

use std::sync::Arc;
use std::time::Duration;

use conclave_core::cluster::{Introduction, introduction};
use conclave_raft::{Introduced, introduce};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::guard::MEMBER_TIMEOUT;
use crate::handle::Shared;
use crate::readiness::Readiness;

/// How often it looks.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Why a node that was removed stops.
pub(crate) const REMOVED: &str = "it was removed from the cluster, for ever: its data directory is of no further \
    use. A node that is to take its place is a new one: `conclave cluster add`, and an empty data directory";

/// Watches whether this node still belongs to its cluster, until it does not or the node stops.
pub(crate) async fn follow_fate(shared: Arc<Shared>, stop: CancellationToken) {
    let following = async {
        while !is_removed(&shared).await {
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    };
    if stop.run_until_cancelled(following).await.is_some() {
        tracing::error!("this node was removed from the cluster");
        shared.readiness.send_replace(Readiness::ShuttingDown);
        shared.removed.send_replace(true);
    }
}

async fn is_removed(shared: &Shared) -> bool {
    let raft = shared.consensus.status();
    let is_member = raft.members.contains_key(&shared.node_id);
    if is_member && raft.leader_id.is_some() {
        return false;
    }
    let own = |view: &dyn conclave_mvcc::ReadMap| {
        introduction(view, shared.cluster_id, shared.node_id, shared.instance)
    };
    if matches!(shared.state.read(own), Ok(Introduction::Removed)) {
        return true;
    }
    let (cluster_id, node_id, instance) = (shared.cluster_id, shared.node_id, shared.instance);
    let deadline = Instant::now() + MEMBER_TIMEOUT;
    let mut asked = JoinSet::new();
    for (_, address) in raft.members.into_iter().filter(|(id, _)| *id != shared.node_id) {
        let who = Introduced { cluster_id, node_id, instance };
        asked.spawn(async move { introduce(&address.peer, who, deadline).await });
    }
    while let Some(told) = asked.join_next().await {
        if matches!(told, Ok(Some(Introduction::Removed))) {
            return true;
        }
    }
    false
}
