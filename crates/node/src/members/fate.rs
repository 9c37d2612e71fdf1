//! How a node finds out that it does not belong to its cluster any more.
//!
//! One that was removed: the others stop talking to it, perhaps before it heard of its removal. A node that has no
//! leader, or is no member any more, asks those that it knew; while it knows none, those that let it in. One that
//! lost its data and came back under its id: the others mean another instance when they call it, and say so.

use std::sync::Arc;
use std::time::Duration;

use conclave_core::cluster::{Introduction, introduction};
use conclave_raft::{Introduced, introduce};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::guard::MEMBER_TIMEOUT;
use crate::ended::Ended;
use crate::handle::Shared;
use crate::readiness::Readiness;

/// How often it looks.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Watches whether this node still belongs to its cluster, until it does not or the node stops. `let_in_by` are the
/// addresses of those that it asked to be let in, if it did.
pub(crate) async fn follow_fate(shared: Arc<Shared>, let_in_by: Vec<String>, stop: CancellationToken) {
    let mut displaced = shared.consensus.displaced();
    let asking = async {
        loop {
            if let Some(why) = ask(&shared, &let_in_by).await {
                return why;
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    };
    let following = async {
        tokio::select! {
            why = asking => why,
            Ok(_) = displaced.wait_for(|displaced| *displaced) => Ended::Displaced,
        }
    };
    if let Some(why) = stop.run_until_cancelled(following).await {
        tracing::error!(?why, "this node does not belong to the cluster any more");
        shared.readiness.send_replace(Readiness::ShuttingDown);
        shared.ended.send_replace(Some(why));
    }
}

/// Why this node does not belong to the cluster any more, if so. Only one that has no leader or is no member asks.
async fn ask(shared: &Shared, let_in_by: &[String]) -> Option<Ended> {
    let raft = shared.consensus.status();
    let is_member = raft.members.contains_key(&shared.node_id);
    if is_member && raft.leader_id.is_some() {
        return None;
    }
    let own = |view: &dyn conclave_mvcc::ReadMap| {
        introduction(view, shared.cluster_id, shared.node_id, shared.instance)
    };
    if matches!(shared.state.read(own), Ok(Introduction::Removed)) {
        return Some(Ended::Removed);
    }
    let (cluster_id, node_id, instance) = (shared.cluster_id, shared.node_id, shared.instance);
    let deadline = Instant::now() + MEMBER_TIMEOUT;
    let mut asked = JoinSet::new();
    let others = raft.members.into_iter().filter(|(id, _)| *id != shared.node_id);
    let mut addresses: Vec<_> = others.map(|(_, address)| address.peer).collect();
    if addresses.is_empty() {
        addresses.extend_from_slice(let_in_by);
    }
    for address in addresses {
        let who = Introduced { cluster_id, node_id, instance };
        let network = Arc::clone(&shared.network);
        asked.spawn(async move { introduce(&*network, &address, who, deadline).await });
    }
    while let Some(told) = asked.join_next().await {
        match told {
            Ok(Some(Introduction::Removed)) => return Some(Ended::Removed),
            Ok(Some(Introduction::OtherInstance)) => return Some(Ended::Displaced),
            _ => {}
        }
    }
    None
}
