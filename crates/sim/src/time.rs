//! Simulated time, as everything but the nodes sees it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The time of the world. Clones tell the same.
#[derive(Clone, Default)]
pub(crate) struct Time {
    now_ms: Arc<AtomicU64>,
}

impl Time {
    /// Since the beginning, in milliseconds.
    pub(crate) fn now_ms(&self) -> u64 {
        self.now_ms.load(Ordering::Relaxed)
    }

    /// Since the beginning, in nanoseconds.
    pub(crate) fn now_ns(&self) -> u64 {
        self.now_ms() * 1_000_000
    }

    /// A millisecond goes by.
    pub(crate) fn pass_ms(&self) -> u64 {
        self.now_ms.fetch_add(1, Ordering::Relaxed) + 1
    }
}
