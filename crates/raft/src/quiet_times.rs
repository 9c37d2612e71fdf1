//! When a leader that hears no majority says nothing, so that those whom it does not hear can elect another one.
//!
//! The engine leaves out heartbeats then, in turns: for a while none, for a while all. It does not leave out entries.
//! One that nobody is heard to have is sent again and again, and whoever gets it takes the leader for alive, and
//! neither stands for election nor votes. So entries keep the engine's turns: same beginning, same length.
//!
//! While a majority answers, an entry costs one look at a flag.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::stream::{self, Stream, StreamExt};
use openraft::ServerState;
use openraft::async_runtime::WatchReceiver as _;
use openraft::metrics::RaftMetrics;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::consensus::Raft;
use crate::follow::silence;
use crate::options::ConsensusOptions;
use crate::type_config::TypeConfig;

/// The turns in which a leader that hears no majority is quiet and speaks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QuietTimes {
    /// A majority that was heard within this is still there.
    lease: Duration,
    /// How long each turn is. The first is quiet.
    turn: Duration,
}

/// Whether a leader is quiet, and how much longer if it goes on to hear no majority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Turn {
    is_quiet: bool,
    left: Duration,
}

impl QuietTimes {
    pub(crate) fn new(options: &ConsensusOptions) -> Self {
        let lease = Duration::from_millis(options.election_ms_max);
        Self { lease, turn: Duration::from_millis(turn_ms(options)) }
    }

    /// The turn of a leader that no majority has answered for `unheard`.
    fn at(&self, unheard: Duration) -> Turn {
        let Some(late) = unheard.checked_sub(self.lease) else {
            return Turn { is_quiet: false, left: self.lease.saturating_sub(unheard) };
        };
        let turn_ns = self.turn.as_nanos().max(1);
        let (number, passed_ns) = (late.as_nanos() / turn_ns, late.as_nanos() % turn_ns);
        let passed = Duration::from_nanos(u64::try_from(passed_ns).unwrap_or(u64::MAX));
        Turn { is_quiet: number % 2 == 0, left: self.turn.saturating_sub(passed) }
    }
}

/// How long each turn is, in milliseconds: long enough for the followers to take the leader for gone and to elect
/// another one.
pub(crate) fn turn_ms(options: &ConsensusOptions) -> u64 {
    options.election_ms_max.saturating_mul(5) / 2
}

/// Whether this node is quiet at this moment.
#[derive(Debug, Default)]
pub(crate) struct Quiet {
    is_kept: AtomicBool,
    ended: Notify,
}

impl Quiet {
    /// What a follower is to be sent, as it may be sent.
    pub(crate) fn keep<S>(
        self: Arc<Self>,
        requests: S,
    ) -> impl Stream<Item = S::Item> + Send + Unpin + 'static
    where
        S: Stream<Item: Send> + Send + Unpin + 'static,
    {
        let kept = stream::unfold((requests, self), |(mut requests, quiet)| async move {
            let request = requests.next().await?;
            quiet.over().await;
            Some((request, (requests, quiet)))
        });
        Box::pin(kept)
    }

    /// Waits until it is over.
    async fn over(&self) {
        while self.is_kept.load(Ordering::SeqCst) {
            let ended = self.ended.notified();
            // It may have ended before that was listened to.
            if self.is_kept.load(Ordering::SeqCst) {
                ended.await;
            }
        }
    }

    fn set(&self, is_kept: bool) {
        let was_kept = self.is_kept.swap(is_kept, Ordering::SeqCst);
        match (was_kept, is_kept) {
            (false, true) => tracing::warn!("no majority answers: quiet for a while, others may be elected"),
            (true, false) => self.ended.notify_waiters(),
            (true, true) | (false, false) => {}
        }
    }
}

/// Has this node keep its quiet times, until it is dropped.
pub(crate) async fn keep_quiet(raft: Raft, times: QuietTimes, quiet: Arc<Quiet>) {
    let mut metrics = raft.metrics();
    loop {
        let (leads, heard) = {
            let metrics = metrics.borrow_watched();
            (metrics.state == ServerState::Leader, metrics.last_quorum_acked)
        };
        let unheard = if leads { silence(&raft).await } else { None };
        let turn = times.at(unheard.unwrap_or_default());
        quiet.set(turn.is_quiet);
        if turn.is_quiet {
            // Until a majority answers, or another one leads. Not until any change: that the engine was asked is one.
            let over = |metrics: &RaftMetrics<TypeConfig>| {
                metrics.state != ServerState::Leader || metrics.last_quorum_acked != heard
            };
            // However it ends, it is looked anew.
            let _ = timeout(turn.left, metrics.wait_until(over)).await;
        } else {
            // No turn can be missed: the next one begins a lease after a majority was heard, at the soonest.
            tokio::time::sleep(turn.left.min(times.lease)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use tokio::time::Instant;

    use super::*;

    const TIMES: QuietTimes =
        QuietTimes { lease: Duration::from_millis(300), turn: Duration::from_millis(600) };

    fn turn_at(unheard_ms: u64) -> (bool, u128) {
        let turn = TIMES.at(Duration::from_millis(unheard_ms));
        (turn.is_quiet, turn.left.as_millis())
    }

    #[test]
    fn a_leader_that_is_heard_speaks() {
        assert_eq!(turn_at(0), (false, 300));
        assert_eq!(turn_at(299), (false, 1));
    }

    #[test]
    fn one_that_is_not_heard_is_quiet_and_speaks_in_turns() {
        assert_eq!(turn_at(300), (true, 600));
        assert_eq!(turn_at(899), (true, 1));
        assert_eq!(turn_at(900), (false, 600));
        assert_eq!(turn_at(1_499), (false, 1));
        assert_eq!(turn_at(1_500), (true, 600));
        assert_eq!(turn_at(2_100), (false, 600));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_to_be_sent_waits_until_the_quiet_is_over() {
        let quiet = Arc::new(Quiet::default());
        let mut sent = Arc::clone(&quiet).keep(stream::iter([1, 2, 3]));
        assert_eq!(sent.next().now_or_never(), Some(Some(1)), "while it is not quiet nothing waits");
        quiet.set(true);
        assert_eq!(sent.next().now_or_never(), None);
        let ends = async {
            tokio::time::sleep(TIMES.turn).await;
            quiet.set(false);
        };
        let began = Instant::now();
        let ((), second) = tokio::join!(ends, sent.next());
        assert_eq!((second, began.elapsed()), (Some(2), TIMES.turn), "nothing is lost");
        assert_eq!(sent.collect::<Vec<_>>().now_or_never(), Some(vec![3]));
    }
}
