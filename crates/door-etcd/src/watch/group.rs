//! The watches that follow one cursor.

use std::collections::BTreeSet;

use conclave_mvcc::{Revised, Revision};
use conclave_node::Watcher;

use super::index::RangeIndex;
use super::watches::{Serial, Watch, Watches};

/// Of a revision with more changes, each watch looks for its own; of one with fewer, each change looks for its watches.
const EVENTS_LOOKED_UP_MAX: usize = 64;

/// Watches that follow one cursor. What it passes over each of them was told, from its start on.
pub(super) struct Group {
    pub(super) watcher: Watcher,
    members: BTreeSet<Serial>,
    /// The ranges of the members, and of some that were.
    index: RangeIndex,
    ranges: usize,
}

impl Group {
    pub(super) fn new(watcher: Watcher) -> Self {
        Self { watcher, members: BTreeSet::new(), index: RangeIndex::default(), ranges: 0 }
    }

    pub(super) fn add(&mut self, serial: Serial, watch: &Watch) {
        if self.members.insert(serial) {
            self.ranges += watch.ranges.len();
            watch.ranges.iter().for_each(|range| self.index.add(range.clone(), serial));
        }
    }

    pub(super) fn remove(&mut self, serial: Serial, watch: &Watch) {
        if self.members.remove(&serial) {
            self.ranges -= watch.ranges.len();
            if self.index.len() > 2 * self.ranges {
                self.index.retain(|serial| self.members.contains(&serial));
            }
        }
    }

    pub(super) fn has(&self, serial: Serial) -> bool {
        self.members.contains(&serial)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub(super) fn told(&self) -> Revision {
        self.watcher.told()
    }

    /// The members in whose ranges something changed.
    pub(super) fn concerned(&self, revised: &Revised, watches: &Watches) -> Vec<Serial> {
        let mut found = BTreeSet::new();
        let candidates = if revised.events.len() > EVENTS_LOOKED_UP_MAX {
            &self.members
        } else {
            revised.events.iter().for_each(|event| self.index.find(&event.key, &mut found));
            &found
        };
        let is_concerned = |serial: &Serial| {
            self.has(*serial) && watches.get(*serial).is_some_and(|watch| watch.is_concerned(revised))
        };
        candidates.iter().copied().filter(is_concerned).collect()
    }

    /// Lets some go; tells which they are.
    pub(super) fn release(&mut self, leaves: impl Fn(Serial) -> bool) -> BTreeSet<Serial> {
        let (left, stay) = std::mem::take(&mut self.members).into_iter().partition(|serial| leaves(*serial));
        self.members = stay;
        self.index.retain(|serial| self.members.contains(&serial));
        self.ranges = self.index.len();
        left
    }
}
