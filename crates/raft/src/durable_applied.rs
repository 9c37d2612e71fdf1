//! How much of the log the state holds on disk: the bound of every purge.
//!
//! The state is written without a log of its own, so what it has applied since its last flush is lost in a
//! crash and comes back from the log. An entry may be purged only when a flushed state holds it. Snapshots
//! flush; this remembers what they flushed, and the log asks before it purges.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Index after the last entry that is durably applied; it only grows. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct DurableApplied {
    next_index: Arc<AtomicU64>,
}

impl DurableApplied {
    /// The state on disk has applied the entry `index` and all before.
    pub(crate) fn raise(&self, index: u64) {
        self.next_index.fetch_max(index.saturating_add(1), Ordering::AcqRel);
    }

    /// Whether the state on disk has applied the entry `index`.
    pub(crate) fn covers(&self, index: u64) -> bool {
        index < self.next_index.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_only() {
        let durable = DurableApplied::default();
        assert!(!durable.covers(0));
        durable.raise(0);
        assert!(durable.covers(0) && !durable.covers(1));
        durable.raise(7);
        durable.raise(3);
        assert!(durable.covers(7) && !durable.covers(8));
    }
}
