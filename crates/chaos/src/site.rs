//! What all clients of a run share: where the nodes are, what time it is, and whether the run is over.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rustix::time::{ClockId, clock_gettime};
use tokio::sync::watch;

/// The system's monotonic clock, which is the same for all processes of this machine.
pub(crate) fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    let (seconds, rest) = (now.tv_sec.unsigned_abs(), now.tv_nsec.unsigned_abs());
    seconds * 1_000_000_000 + rest
}

/// Keys and locks are worked with for a while, and then others: what a check must try grows with what was done at once
/// with one of them.
pub(crate) const EPOCH: Duration = Duration::from_secs(15);

/// Clones are the same.
#[derive(Clone)]
pub(crate) struct Site {
    /// When the run began.
    pub(crate) began_ns: u64,
    endpoints: Arc<Mutex<Vec<String>>>,
    over: watch::Sender<bool>,
}

impl Site {
    pub(crate) fn new(began_ns: u64) -> Self {
        Self { began_ns, endpoints: Arc::default(), over: watch::Sender::new(false) }
    }

    /// Where the nodes are.
    pub(crate) fn endpoints(&self) -> Vec<String> {
        self.endpoints.lock().clone()
    }

    /// The nodes are these from now on.
    pub(crate) fn set_endpoints(&self, endpoints: Vec<String>) {
        *self.endpoints.lock() = endpoints;
    }

    /// Nothing new is begun from now on.
    pub(crate) fn end(&self) {
        self.over.send_replace(true);
    }

    pub(crate) fn is_over(&self) -> bool {
        *self.over.borrow()
    }

    /// The number of the present epoch, of those that are so long.
    pub(crate) fn epoch(&self, length: Duration) -> u64 {
        let passed = Duration::from_nanos(now_ns().saturating_sub(self.began_ns));
        u64::try_from(passed.as_nanos() / length.as_nanos().max(1)).unwrap_or(u64::MAX)
    }
}
