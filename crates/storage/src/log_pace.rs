//! How fast the disk makes the log durable.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use tokio::time::Instant;

/// Bounds of the durations: 0.05 ms, and each double the one before, to 3.3 s.
const BUCKETS: u16 = 17;
/// Quantiles are of so many, the last ones.
const RECENT_MAX: usize = 1_024;

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
    recent: VecDeque<Duration>,
}

/// How long the last fsyncs took, at most. Zero: there were none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FsyncQuantiles {
    /// One in two.
    pub p50: Duration,
    /// 99 of 100.
    pub p99: Duration,
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

    /// How long the last 1,024 took.
    pub fn quantiles(&self) -> FsyncQuantiles {
        let mut recent: Vec<Duration> = self.looked.lock().recent.iter().copied().collect();
        recent.sort_unstable();
        let quantile = |percent: usize| recent.get((recent.len() * percent).div_ceil(100).saturating_sub(1));
        let (p50, p99) = (quantile(50), quantile(99));
        FsyncQuantiles { p50: p50.copied().unwrap_or_default(), p99: p99.copied().unwrap_or_default() }
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
        looked.recent.truncate(RECENT_MAX - 1);
        looked.recent.push_front(took);
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
    fn quantiles_are_of_the_last_ones() {
        let pace = LogPace::default();
        assert_eq!(pace.quantiles(), FsyncQuantiles::default());
        let millis = Duration::from_millis;
        pace.looked.lock().recent.extend((1..=200).map(millis));
        assert_eq!(pace.quantiles(), FsyncQuantiles { p50: millis(100), p99: millis(198) });
        (0..2 * RECENT_MAX).for_each(|_| pace.measure(|| ()));
        assert_eq!(pace.looked.lock().recent.len(), RECENT_MAX);
        assert!(pace.quantiles().p99 < millis(100), "the slow ones are forgotten");
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
