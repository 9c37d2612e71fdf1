//! Whether what this node tells may be taken for news.
//!
//! A node that hears of no leader hears of no change either: its heartbeats would tell its watchers that nothing
//! happens. An election is waited for; what lasts longer ends the stream, and so do wrong data and the node's
//! end, so that the client turns to another node.

use std::time::Duration;

use conclave_node::{Readiness, RequestError, WatchClosed};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// When a stream that ends with the node should be opened elsewhere.
const RETRY_AFTER: Duration = Duration::from_millis(200);

/// What ends a stream from this side.
pub struct Ends {
    /// The door closes.
    stop: CancellationToken,
    /// The node cannot tell any more what is new.
    trust: Trust,
}

impl Ends {
    /// Of a stream that goes on for `leaderless_max` while its node, of this readiness, knows no leader, and at most
    /// until `stop`.
    pub fn new(
        readiness: watch::Receiver<Readiness>,
        leaderless_max: Duration,
        stop: &CancellationToken,
    ) -> Self {
        Self { stop: stop.clone(), trust: Trust::new(readiness, leaderless_max) }
    }

    /// Refuses what the stream would tell next, if it has come to an end.
    pub fn check(&mut self) -> Result<(), RequestError> {
        if self.stop.is_cancelled() { Err(shutting_down()) } else { self.trust.check() }
    }

    /// Waits for an end, and tells which it is. Cancel-safe.
    pub async fn come(&mut self) -> RequestError {
        tokio::select! {
            () = self.stop.cancelled() => shutting_down(),
            error = self.trust.lost() => error,
        }
    }
}

/// Follows the node's readiness for one stream.
struct Trust {
    readiness: watch::Receiver<Readiness>,
    leaderless_max: Duration,
    /// When the present readiness was noticed.
    since: Instant,
}

impl Trust {
    fn new(readiness: watch::Receiver<Readiness>, leaderless_max: Duration) -> Self {
        Self { readiness, leaderless_max, since: Instant::now() }
    }

    /// Refuses what the stream would tell next, if the node cannot be trusted.
    fn check(&mut self) -> Result<(), RequestError> {
        let (now, news) = {
            let seen = self.readiness.borrow_and_update();
            (*seen, seen.has_changed())
        };
        if news {
            self.since = Instant::now();
        }
        match now {
            // A stream begins on a node that has recovered: at most, that was not told yet.
            Readiness::Ready | Readiness::Recovering => Ok(()),
            Readiness::NoLeader if self.since.elapsed() < self.leaderless_max => Ok(()),
            Readiness::NoLeader => Err(RequestError::NoLeader { retry_after: RETRY_AFTER }),
            Readiness::Corrupt => Err(RequestError::Corrupt { retry_after: RETRY_AFTER }),
            Readiness::ShuttingDown => Err(shutting_down()),
        }
    }

    /// Waits until the node cannot be trusted any more, and tells why. Cancel-safe.
    async fn lost(&mut self) -> RequestError {
        loop {
            if let Err(error) = self.check() {
                return error;
            }
            let leaderless = *self.readiness.borrow() == Readiness::NoLeader;
            let patience = sleep(self.leaderless_max.saturating_sub(self.since.elapsed()));
            tokio::select! {
                changed = self.readiness.changed() => match changed {
                    Ok(()) => self.since = Instant::now(),
                    // The node is gone.
                    Err(_) => return shutting_down(),
                },
                () = patience, if leaderless => {}
            }
        }
    }
}

/// What a watcher that was closed means for its stream.
pub fn closed(closed: WatchClosed) -> RequestError {
    match closed {
        WatchClosed::Closed => shutting_down(),
        WatchClosed::Failed(cause) => RequestError::NodeFailed { cause },
    }
}

/// The node is about to stop.
fn shutting_down() -> RequestError {
    RequestError::ShuttingDown { retry_after: RETRY_AFTER }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ELECTION: Duration = Duration::from_secs(3);

    fn trust() -> (watch::Sender<Readiness>, Trust) {
        let readiness = watch::Sender::new(Readiness::Recovering);
        let trust = Trust::new(readiness.subscribe(), ELECTION);
        (readiness, trust)
    }

    /// Whether the trust lasts for so long.
    async fn lasts(trust: &mut Trust, wait: Duration) -> bool {
        tokio::time::timeout(wait, trust.lost()).await.is_err()
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_without_a_leader_is_trusted_for_as_long_as_an_election_takes() {
        let (readiness, mut trust) = trust();
        assert!(lasts(&mut trust, 10 * ELECTION).await);
        readiness.send_replace(Readiness::NoLeader);
        assert!(lasts(&mut trust, ELECTION / 2).await);
        assert!(lasts(&mut trust, ELECTION / 3).await, "a wait that is given up does not begin it anew");
        trust.check().unwrap();
        assert!(matches!(trust.lost().await, RequestError::NoLeader { .. }));
        assert!(matches!(trust.check(), Err(RequestError::NoLeader { .. })));
    }

    #[tokio::test(start_paused = true)]
    async fn each_election_has_its_own_time() {
        let (readiness, mut trust) = trust();
        for _ in 0..5 {
            readiness.send_replace(Readiness::NoLeader);
            assert!(lasts(&mut trust, ELECTION * 2 / 3).await);
            // Nobody looks at what comes between.
            readiness.send_replace(Readiness::Ready);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn wrong_data_and_the_end_are_told_at_once() {
        let (readiness, mut trust) = trust();
        readiness.send_replace(Readiness::Corrupt);
        assert!(matches!(trust.check(), Err(RequestError::Corrupt { .. })));
        readiness.send_replace(Readiness::ShuttingDown);
        assert!(matches!(trust.lost().await, RequestError::ShuttingDown { .. }));
        readiness.send_replace(Readiness::Ready);
        drop(readiness);
        assert!(matches!(trust.lost().await, RequestError::ShuttingDown { .. }));
    }
}
