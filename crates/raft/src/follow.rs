//! What the rest of the program is told of the engine: who leads, whether this node has recovered, and why
//! it stopped.

use std::time::Duration;

use openraft::ServerState;
use openraft::async_runtime::{Instant as _, WatchReceiver as _};
use openraft::errors::Fatal;
use openraft::metrics::RaftMetrics;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::consensus::Raft;
use crate::type_config::{LogId, TypeConfig, Vote};

/// How often is looked whether the leader is still there.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// What is followed, as it changes.
#[derive(Clone)]
pub(crate) struct Followed {
    /// Who leads. None also if the leader was not heard of for too long; and on the leader, if no majority
    /// has answered it.
    pub(crate) leader: watch::Receiver<Option<u64>>,
    /// Why the engine stopped by itself.
    pub(crate) failed: watch::Receiver<Option<String>>,
    /// Whether all is applied that this node may have shown before it was started.
    pub(crate) recovered: watch::Receiver<bool>,
}

/// What is known at the start.
pub(crate) struct FollowOptions {
    /// The last entry that was in the log.
    pub(crate) last_index: Option<u64>,
    /// A leader that is silent for longer counts as gone.
    pub(crate) silence_max: Duration,
}

/// Follows the engine until it stops.
pub(crate) fn follow(
    raft: &Raft,
    options: &FollowOptions,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> Followed {
    let (leader_now, leader) = watch::channel(None);
    let (failure, failed) = watch::channel(None);
    let (recovery, recovered) = watch::channel(false);
    // Told to stop they end at once, and close what they tell: that is no failure.
    let leading = follow_leader(raft.clone(), options.silence_max, leader_now, failure);
    let recovering = follow_recovery(raft.clone(), options.last_index, recovery);
    tasks.spawn(stop.clone().run_until_cancelled_owned(leading));
    tasks.spawn(stop.clone().run_until_cancelled_owned(recovering));
    Followed { leader, failed, recovered }
}

/// Tells who leads until the engine ends, and then why it did.
async fn follow_leader(
    raft: Raft,
    silence_max: Duration,
    leader: watch::Sender<Option<u64>>,
    failure: watch::Sender<Option<String>>,
) {
    let mut metrics = raft.server_metrics();
    loop {
        let known = metrics.borrow_and_update().current_leader;
        let now =
            if silence(&raft).await.is_some_and(|silence| silence <= silence_max) { known } else { None };
        let changed = leader.send_if_modified(|leader| std::mem::replace(leader, now) != now);
        if changed {
            tracing::info!(leader = ?now, "leader changed");
        }
        if let Ok(Err(_)) = timeout(LOOK_INTERVAL, metrics.changed()).await {
            break;
        }
    }
    leader.send_replace(None);
    let cause = match &raft.metrics().borrow_watched().running_state {
        // It was told to.
        Err(Fatal::Stopped) => return,
        Err(fatal) => fatal.to_string(),
        Ok(()) => "it ended without saying why".to_owned(),
    };
    tracing::error!(%cause, "consensus has stopped");
    failure.send_replace(Some(cause));
}

/// For how long this node has not heard of its leader; if it leads itself, for how long no majority has
/// answered it. None if the engine has stopped, or there never was a leader.
pub(crate) async fn silence(raft: &Raft) -> Option<Duration> {
    let voted = raft.with_raft_state(|state| state.vote_last_modified()).await.ok()?;
    let metrics = raft.metrics();
    let metrics = metrics.borrow_watched();
    let alone = metrics.membership_config.voter_ids().all(|id| id == metrics.id);
    if metrics.state == ServerState::Leader && alone {
        return Some(Duration::ZERO);
    }
    let acknowledged = metrics.last_quorum_acked.as_ref().map(|at| at.elapsed());
    // A new leader has no acknowledgement yet: its election counts.
    voted.map(|at| at.elapsed()).into_iter().chain(acknowledged).min()
}

/// Tells when all is applied that was committed before the start.
///
/// What was committed is not known at first: a new commitment by the present leader tells it, since it comes
/// after all that any leader committed before. It must also cover what was in the log at the start. That alone
/// would not do: an entry is applied when a majority has it on disk, and here it may have been lost from the
/// log in the crash. (The engine's own wait looks at the log's end alone, as it moves, which under load is ever
/// a step ahead.)
async fn follow_recovery(raft: Raft, last_index: Option<u64>, recovery: watch::Sender<bool>) {
    let mut metrics = raft.metrics();
    let committed = loop {
        let (covered, seen) = {
            let metrics = metrics.borrow_watched();
            (covers(&metrics, last_index), signs(&metrics))
        };
        if covered {
            let by_present = raft
                .with_raft_state(|state| by_present_leader(state.vote_ref(), state.cluster_committed()))
                .await;
            match by_present {
                Ok(None) => {}
                Ok(committed) => break committed,
                Err(_) => return,
            }
        }
        // Not any change: that the engine was asked is one.
        if metrics.wait_until(|metrics| signs(metrics) != seen).await.is_err() {
            return;
        }
    };
    let applied = |metrics: &RaftMetrics<TypeConfig>| metrics.last_applied.map(|log_id| log_id.index());
    if metrics.wait_until(|metrics| applied(metrics) >= committed).await.is_ok() {
        tracing::info!(applied_index = committed, "recovered: all that was committed before is applied");
        recovery.send_replace(true);
    }
}

/// What is known to be committed, if an entry of the present leader's own term is. Before that, a new leader
/// tells what it knew when it was none: that may be less than this node had shown. The metrics would not do:
/// their term is the one on disk, which comes after what the new leader tells.
fn by_present_leader(vote: &Vote, committed: Option<&LogId>) -> Option<u64> {
    let own = |committed: &&LogId| **committed.committed_leader_id() == vote.leader_id().term;
    committed.filter(own).map(|committed| committed.index())
}

fn committed(metrics: &RaftMetrics<TypeConfig>) -> Option<u64> {
    metrics.cluster_committed.map(|log_id| log_id.index())
}

/// What the recovery hangs on.
fn signs(metrics: &RaftMetrics<TypeConfig>) -> (u64, Vote, Option<u64>, Option<u64>) {
    (metrics.current_term, metrics.vote, committed(metrics), metrics.last_log_index)
}

/// Whether what is committed reaches the log's end as of the start. The end may since have moved back, when
/// the leader replaced entries that were never committed.
fn covers(metrics: &RaftMetrics<TypeConfig>, last_index: Option<u64>) -> bool {
    let end = last_index.min(metrics.last_log_index);
    committed(metrics).is_some_and(|committed| Some(committed) >= end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{log_id, vote};

    fn metrics(committed: Option<u64>, last_log_index: Option<u64>) -> RaftMetrics<TypeConfig> {
        let mut metrics = RaftMetrics::new_initial(1);
        metrics.cluster_committed = committed.map(|index| log_id(2, index));
        metrics.last_log_index = last_log_index;
        metrics
    }

    #[test]
    fn recovery_waits_for_the_end_of_the_log_as_of_the_start() {
        assert!(!covers(&metrics(None, None), None));
        assert!(!covers(&metrics(None, Some(9)), Some(9)));
        assert!(!covers(&metrics(Some(8), Some(9)), Some(9)));
        assert!(covers(&metrics(Some(9), Some(9)), Some(9)));
        assert!(covers(&metrics(Some(0), Some(0)), None));
    }

    #[test]
    fn the_end_of_the_log_may_move_meanwhile() {
        assert!(covers(&metrics(Some(9), Some(500)), Some(9)), "under load");
        assert!(covers(&metrics(Some(8), Some(8)), Some(9)), "an uncommitted entry was replaced");
    }

    #[test]
    fn what_a_leader_knew_before_it_led_is_not_enough() {
        let told =
            |term, committed: Option<LogId>| by_present_leader(&vote(term, 1, true), committed.as_ref());
        assert_eq!(told(3, None), None);
        assert_eq!(told(3, Some(log_id(2, 9))), None, "an entry 10 of term 2 may have been shown here");
        assert_eq!(told(3, Some(log_id(3, 11))), Some(11));
    }
}
