//! Gives leadership to another voter before this node stops.

use std::time::Duration;

use openraft::ServerState;
use openraft::async_runtime::{Instant as _, WatchReceiver as _};
use openraft::metrics::RaftMetrics;

use crate::consensus::Raft;
use crate::type_config::TypeConfig;

/// A voter with more entries still to come than this is not asked to lead.
const LAG_ENTRIES_MAX: u64 = 1_000;

/// How long a voter may be silent before it is not asked, and may take to lead after it was.
#[derive(Clone, Copy)]
pub(crate) struct HandOverBounds {
    pub(crate) silence_max: Duration,
    pub(crate) attempt_timeout: Duration,
}

/// Hands leadership to the voter that is furthest, and again if that comes to nothing; returns whether another
/// node leads, at once if no other voter was heard of lately. Bound it from outside.
pub(crate) async fn hand_over(raft: &Raft, bounds: HandOverBounds) -> bool {
    let mut metrics = raft.metrics();
    loop {
        let target = metrics.borrow_and_update().clone();
        if target.state != ServerState::Leader {
            return led_by_another(raft, &target).await;
        }
        let heard = heard_voters(&target, bounds.silence_max);
        if heard.is_empty() {
            return false;
        }
        let Some(target) = furthest(&target, &heard) else {
            if metrics.changed().await.is_err() {
                return false;
            }
            continue;
        };
        tracing::info!(target, "handing leadership over");
        if raft.trigger().transfer_leader(target).await.is_err() {
            return false;
        }
        let followed = metrics.wait_until(|metrics| metrics.state != ServerState::Leader);
        if let Ok(Err(_)) = tokio::time::timeout(bounds.attempt_timeout, followed).await {
            return false;
        }
    }
}

/// Waits until another node is seen to lead.
async fn led_by_another(raft: &Raft, now: &RaftMetrics<TypeConfig>) -> bool {
    let own = now.id;
    let other =
        |metrics: &RaftMetrics<TypeConfig>| metrics.current_leader.is_some_and(|leader| leader != own);
    raft.metrics().wait_until(other).await.is_ok()
}

/// The other voters that were heard of lately.
fn heard_voters(metrics: &RaftMetrics<TypeConfig>, silence_max: Duration) -> Vec<u64> {
    let Some(heartbeat) = &metrics.heartbeat else { return Vec::new() };
    let heard = |id: &u64| {
        heartbeat.get(id).is_some_and(|at| at.as_ref().is_some_and(|at| at.elapsed() < silence_max))
    };
    metrics.membership_config.voter_ids().filter(|id| *id != metrics.id && heard(id)).collect()
}

/// Which of these has most of the log; none if all are far behind.
fn furthest(metrics: &RaftMetrics<TypeConfig>, voters: &[u64]) -> Option<u64> {
    let replication = metrics.replication.as_ref()?;
    let matched = |id: &u64| Some((replication.get(id).copied().flatten()?.index(), *id));
    let (index, id) = voters.iter().filter_map(matched).max()?;
    let end = metrics.last_log_index.unwrap_or(0);
    (index.saturating_add(LAG_ENTRIES_MAX) >= end).then_some(id)
}
