//! How far watches are behind, for Prometheus.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

/// Bounds of the durations: 0.05 ms, and each double the one before, to 26 s.
const BUCKETS: u16 = 20;

/// Of all watchers of one store together. Clones count as one.
#[derive(Clone, Debug)]
pub(crate) struct WatchMetrics {
    delivery: Histogram,
    history_reads: Counter,
}

impl Default for WatchMetrics {
    fn default() -> Self {
        let delivery = Histogram::new(exponential_buckets(0.000_05, 2.0, BUCKETS));
        Self { delivery, history_reads: Counter::default() }
    }
}

impl WatchMetrics {
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register_with_unit(
            "conclave_watch_delivery_delay",
            "Time from when a change was applied until a watch took it to send it on; of what came from history, nothing",
            Unit::Seconds,
            self.delivery.clone(),
        );
        let help = "Reads of history for watches that were too far behind for the memory";
        registry.register("conclave_watch_history_reads", help, self.history_reads.clone());
    }

    pub(crate) fn delivered(&self, after: Duration) {
        self.delivery.observe(after.as_secs_f64());
    }

    pub(crate) fn read_history(&self) {
        self.history_reads.inc();
    }
}
