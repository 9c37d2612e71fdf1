//! Until when a session surely lives, by the worker's own clock.
//!
//! A renewal that was answered holds from the moment at which it was **sent**: the cluster counts from when it came,
//! which is later. The session counts as lost a margin before its TTL is over, for clocks that run at different
//! speeds. So the worker knows of the loss before the cluster can have given its locks to another. What is lost stays
//! lost, whatever is answered later.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::sync::watch;

use super::clock::Clock;
use super::lost::{SessionLost, SessionLostCause};
use crate::error::ClientError;

/// The clock is looked at so often, whatever tokio's timers say: they stand still while the machine sleeps.
const TICK: Duration = Duration::from_secs(1);
/// The margin of sessions that are long enough for it.
const MARGIN_MIN: Duration = Duration::from_millis(500);

/// What a worker knows of its session.
#[derive(Debug)]
pub(super) struct Lease {
    id: u64,
    clock: Arc<dyn Clock>,
    state: watch::Sender<State>,
}

#[derive(Debug)]
struct State {
    /// When the last renewal that was answered was sent.
    sent: Duration,
    ttl: Duration,
    /// What has failed since.
    failure: Option<ClientError>,
    lost: Option<SessionLost>,
}

impl Lease {
    /// A session that was opened, or renewed, by a request that was sent at `sent`.
    pub(super) fn new(id: u64, ttl: Duration, sent: Duration, clock: Arc<dyn Clock>) -> Self {
        let state = watch::Sender::new(State { sent, ttl, failure: None, lost: None });
        Self { id, clock, state }
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }

    pub(super) fn ttl(&self) -> Duration {
        self.state.borrow().ttl
    }

    pub(super) fn now(&self) -> Duration {
        self.clock.now()
    }

    /// How long until it counts as lost, unless it is renewed.
    pub(super) fn left(&self) -> Duration {
        self.state.borrow().lost_at().saturating_sub(self.now())
    }

    /// Whether it is lost, as of this moment.
    pub(super) fn lost_by_now(&self) -> Option<SessionLost> {
        let lost = self.state.borrow().lost.clone();
        if lost.is_none() && self.left().is_zero() {
            return Some(self.run_out());
        }
        lost
    }

    /// Waits until it is lost. Whoever polls this learns it first thing after a pause.
    pub(super) async fn lost(&self) -> SessionLost {
        let mut waits = pin!(self.wait_for_loss());
        let lost = poll_fn(|context| match self.lost_by_now() {
            Some(lost) => Poll::Ready(lost),
            None => waits.as_mut().poll(context),
        });
        lost.await
    }

    async fn wait_for_loss(&self) -> SessionLost {
        let mut changes = self.state.subscribe();
        loop {
            if let Some(lost) = self.lost_by_now() {
                return lost;
            }
            tokio::select! {
                _ = changes.changed() => {}
                () = tokio::time::sleep(self.left().min(TICK)) => {}
            }
        }
    }

    /// Waits until it is to be renewed: a third of its TTL after the last renewal.
    pub(super) async fn due(&self) {
        loop {
            let due = self.state.borrow().renew_at().saturating_sub(self.now());
            if due.is_zero() {
                return;
            }
            tokio::time::sleep(due.min(TICK)).await;
        }
    }

    /// A renewal that was sent at `sent` was answered.
    pub(super) fn renewed(&self, sent: Duration, ttl: Duration) {
        if self.lost_by_now().is_none() {
            self.state.send_modify(|state| (state.sent, state.ttl, state.failure) = (sent, ttl, None));
        }
    }

    /// A renewal was not answered.
    pub(super) fn failed(&self, error: ClientError) {
        self.state.send_modify(|state| state.failure = Some(error));
    }

    /// It ended. What it was lost by before stays.
    pub(super) fn end(&self, cause: SessionLostCause) {
        self.state.send_modify(|state| {
            state.lost.get_or_insert(SessionLost { session_id: self.id, cause });
        });
    }

    fn run_out(&self) -> SessionLost {
        let last = self.state.borrow().failure.clone();
        self.end(match last {
            Some(last) => SessionLostCause::Unreachable { last },
            None => SessionLostCause::Paused,
        });
        self.state.borrow().lost.clone().expect("it was just lost")
    }
}

impl State {
    fn lost_at(&self) -> Duration {
        (self.sent + self.ttl).saturating_sub(margin(self.ttl))
    }

    fn renew_at(&self) -> Duration {
        self.sent + self.ttl / 3
    }
}

/// How long before the cluster may end it a session counts as lost: a tenth of its TTL, and half a second at least as
/// far as that is no more than a third.
fn margin(ttl: Duration) -> Duration {
    MARGIN_MIN.min(ttl / 3).max(ttl / 10)
}

#[cfg(test)]
mod tests {
    use tokio::task::JoinSet;
    use tokio::time::Instant;

    use super::super::tests::TestClock;
    use super::*;

    const TTL: Duration = Duration::from_secs(15);

    fn lease() -> (Arc<Lease>, Arc<TestClock>) {
        let clock = TestClock::new();
        let lease = Lease::new(7, TTL, clock.now(), Arc::clone(&clock) as Arc<dyn Clock>);
        (Arc::new(lease), clock)
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_for_the_loss_looks_at_the_clock() {
        let (lease, clock) = lease();
        let (waiting, mut waits) = (Arc::clone(&lease), JoinSet::new());
        waits.spawn(async move { waiting.lost().await });
        tokio::task::yield_now().await;
        clock.stop_for(TTL);
        let stopped = Instant::now();
        waits.join_next().await.expect("it waits").expect("it ends");
        assert!(stopped.elapsed() <= TICK, "{:?}", stopped.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_renewal_that_comes_too_late_revives_nothing() {
        let (lease, clock) = lease();
        clock.stop_for(TTL);
        lease.renewed(lease.now(), TTL);
        assert!(lease.lost_by_now().is_some(), "though nobody had looked before");
    }

    #[tokio::test(start_paused = true)]
    async fn what_it_was_lost_by_first_is_told() {
        let (lease, _clock) = lease();
        lease.end(SessionLostCause::Expired);
        lease.end(SessionLostCause::Closed);
        assert!(matches!(lease.lost().await.cause, SessionLostCause::Expired));
    }

    #[test]
    fn the_margin_is_a_tenth_but_of_short_sessions() {
        for (ttl_ms, margin_ms) in [(1_000, 333), (1_500, 500), (5_000, 500), (15_000, 1_500)] {
            assert_eq!(margin(Duration::from_millis(ttl_ms)).as_millis(), margin_ms, "{ttl_ms}");
        }
    }
}
