//! What consensus counts and measures for Prometheus.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

/// Bounds of the durations: 0.05 ms, and each double the one before, to 3.3 s.
const BUCKETS: u16 = 17;

/// Clones count together.
#[derive(Clone, Debug)]
pub(crate) struct RaftMetrics {
    applying: Histogram,
    entries_applied: Counter,
    snapshots: Family<Snapshot, Counter>,
    snapshot_bytes: Family<Way, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Snapshot {
    way: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Way {
    way: &'static str,
}

const SENT: &str = "sent";
const RECEIVED: &str = "received";

impl Default for RaftMetrics {
    fn default() -> Self {
        let snapshot_bytes = Family::default();
        for way in [SENT, RECEIVED] {
            // Told as zero from the start, so that the first one is a growth.
            drop(snapshot_bytes.get_or_create(&Way { way }));
        }
        Self {
            applying: Histogram::new(exponential_buckets(0.000_05, 2.0, BUCKETS)),
            entries_applied: Counter::default(),
            snapshots: Family::default(),
            snapshot_bytes,
        }
    }
}

impl RaftMetrics {
    /// Has `registry` tell them.
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register_with_unit(
            "conclave_apply_duration",
            "Time that applying a batch of committed entries to the state took",
            Unit::Seconds,
            self.applying.clone(),
        );
        let help = "Committed entries that this node has applied since it was started";
        registry.register("conclave_entries_applied", help, self.entries_applied.clone());
        let help = "Snapshots that were sent or received, by what became of them: done or failed";
        registry.register("conclave_snapshots", help, self.snapshots.clone());
        let help = "What was sent or received of snapshots since this node was started";
        registry.register_with_unit(
            "conclave_snapshot_transferred",
            help,
            Unit::Bytes,
            self.snapshot_bytes.clone(),
        );
    }

    pub(crate) fn applied(&self, entries: usize, elapsed: Duration) {
        self.applying.observe(elapsed.as_secs_f64());
        self.entries_applied.inc_by(entries as u64);
    }

    pub(crate) fn snapshot_sent(&self, is_done: bool) {
        self.count(SENT, is_done);
    }

    pub(crate) fn snapshot_received(&self, is_done: bool) {
        self.count(RECEIVED, is_done);
    }

    pub(crate) fn snapshot_piece_sent(&self, size_bytes: usize) {
        self.snapshot_bytes.get_or_create(&Way { way: SENT }).inc_by(size_bytes as u64);
    }

    pub(crate) fn snapshot_piece_received(&self, size_bytes: usize) {
        self.snapshot_bytes.get_or_create(&Way { way: RECEIVED }).inc_by(size_bytes as u64);
    }

    fn count(&self, way: &'static str, is_done: bool) {
        let outcome = if is_done { "done" } else { "failed" };
        self.snapshots.get_or_create(&Snapshot { way, outcome }).inc();
    }
}
