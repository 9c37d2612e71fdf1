//! Digests as of some indexes that all nodes pass: they can be compared although no two nodes have come equally
//! far at one moment.

use std::collections::VecDeque;
use std::sync::Arc;

use conclave_core::Digest;
use parking_lot::Mutex;

use crate::local_node::DigestPoint;

/// A digest is noted at each index that is a multiple of this.
const EVERY_ENTRIES: u64 = 256;
/// So many are kept: nodes that are less than 16,384 entries apart can be compared.
const POINTS_MAX: usize = 64;

/// The last ones. Clones are the same. They are kept in memory only: a node that was started notes new ones.
#[derive(Clone, Debug, Default)]
pub(crate) struct DigestPoints {
    points: Arc<Mutex<VecDeque<(u64, Digest)>>>,
}

impl DigestPoints {
    /// Whether the digest at this index is noted.
    pub(crate) fn wants(index: u64) -> bool {
        index.is_multiple_of(EVERY_ENTRIES)
    }

    /// Notes what was applied, in order.
    pub(crate) fn note(&self, noted: Vec<(u64, Digest)>) {
        if noted.is_empty() {
            return;
        }
        let mut points = self.points.lock();
        points.extend(noted);
        let too_many = points.len().saturating_sub(POINTS_MAX);
        points.drain(..too_many);
    }

    /// The state was replaced: what it was before says nothing of it.
    pub(crate) fn clear(&self) {
        self.points.lock().clear();
    }

    /// Those that there are, ascending.
    pub(crate) fn list(&self) -> Vec<DigestPoint> {
        let points = self.points.lock();
        points
            .iter()
            .map(|(index, digest)| DigestPoint { index: *index, digest: digest.to_string() })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_ones_are_kept_until_the_state_is_replaced() {
        let points = DigestPoints::default();
        assert!(DigestPoints::wants(512) && !DigestPoints::wants(513));
        let noted = (1..=100_u8).map(|number| (u64::from(number) * EVERY_ENTRIES, Digest::new([number; 16])));
        points.note(noted.collect());
        let list = points.list();
        assert_eq!((list.len(), list[0].index, list[63].index), (64, 37 * 256, 100 * 256));
        assert_eq!(list[63].digest, "64".repeat(16));
        points.clear();
        assert_eq!(points.list(), []);
    }
}
