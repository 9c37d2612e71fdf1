//! How fast the disk makes the log durable.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

/// Bounds of the durations: 0.05 ms, and each double the one before, to 3.3 s.
const BUCKETS: u16 = 17;

/// Durations of the log's fsyncs. Clones are the same.
#[derive(Clone, Debug)]
pub struct LogPace {
    durations: Histogram,
    looked: Arc<Mutex<Looked>>,
}

/// Since somebody last looked.
#[derive(Debug, Default)]
struct Looked {
    slowest: Duration,
    waiting_since: Option<Instant>,
}

impl Default for LogPace {
    fn default() -> Self {
        let durations = Histogram::new(exponential_buckets(0.000_05, 2.0, BUCKETS));
        Self { durations, looked: Arc::default() }
    }
}

impl LogPace {
    /// Has `registry` tell the durations.
    pub fn register(&self, registry: &mut Registry) {
        registry.register_with_unit(
            "conclave_log_fsync_duration",
            "Time that writing a batch to the log and making it durable took",
            Unit::Seconds,
            self.durations.clone(),
        );
    }

    /// The longest since the last look, or the one that is still waited for.
    pub fn take_slowest(&self) -> Duration {
        let mut looked = self.looked.lock();
        let waiting = looked.waiting_since.map_or(Duration::ZERO, |since| since.elapsed());
        std::mem::take(&mut looked.slowest).max(waiting)
    }

    /// Measures `write`.
    pub(crate) fn measure<T>(&self, write: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        self.looked.lock().waiting_since = Some(began);
        let written = write();
        let took = began.elapsed();
        let mut looked = self.looked.lock();
        looked.waiting_since = None;
        looked.slowest = looked.slowest.max(took);
        drop(looked);
        self.durations.observe(took.as_secs_f64());
        written
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn the_slowest_is_told_once() {
        let pace = LogPace::default();
        let slow = pace.measure(|| {
            let (_never, comes) = mpsc::channel::<()>();
            let _ = comes.recv_timeout(Duration::from_millis(5));
            7
        });
        assert_eq!((slow, pace.take_slowest() >= Duration::from_millis(5)), (7, true));
        assert_eq!(pace.take_slowest(), Duration::ZERO);
    }

    #[test]
    fn one_that_hangs_is_seen() {
        let pace = LogPace::default();
        let seen = pace.measure(|| {
            let (_never, comes) = mpsc::channel::<()>();
            let _ = comes.recv_timeout(Duration::from_millis(5));
            pace.take_slowest()
        });
        assert!(seen >= Duration::from_millis(5), "{seen:?}");
    }
}
