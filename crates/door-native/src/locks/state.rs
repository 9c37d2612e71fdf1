//! What a watch of locks begins with: what is so now, part by part.
//!
//! Only the present is kept of locks, so each part is read as of another revision. The watch goes on from the first of
//! them; what a later part holds already must not be told a second time.

use conclave_core::LockName;
use conclave_core::lock::{self, LockInfo};
use conclave_door::Limits;
use conclave_mvcc::{MapError, ReadMap, Revision, newest_present};

use super::watch::LocksQuery;
use crate::lock_wire::LISTED;

/// A part of what is so.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) locks: Vec<LockInfo>,
    pub(super) more: bool,
    /// As of which revision.
    pub(super) revision: Revision,
}

impl Part {
    /// Reads the part that follows a lock; none: the first.
    pub(super) fn read(
        view: &dyn ReadMap,
        query: &LocksQuery,
        after: Option<&LockName>,
    ) -> Result<Self, MapError> {
        let (locks, more) = match query {
            LocksQuery::One(name) => (Vec::from_iter(lock::get(view, name, LISTED)?), false),
            LocksQuery::All { prefix } => {
                let query = lock::LocksQuery {
                    prefix,
                    after,
                    locks_max: Limits::PAGE_ENTRIES_MAX,
                    size_bytes_max: Limits::WATCH_CHUNK_SIZE_BYTES_MAX,
                    extent: LISTED,
                };
                lock::list(view, &query)?
            }
        };
        Ok(Self { locks, more, revision: newest_present(view)? })
    }

    /// The lock after which the next part begins; none: this was the last.
    pub(super) fn next(&self) -> Option<LockName> {
        self.locks.last().filter(|_| self.more).map(|lock| lock.name.clone())
    }
}

/// Which revisions the parts were read as of.
#[derive(Debug, Default)]
pub(super) struct Parts {
    /// The last lock of each but the last part, in order, and its revision.
    bounded: Vec<(LockName, Revision)>,
    /// Revision of the last part.
    last: Revision,
}

impl Parts {
    pub(super) fn add(&mut self, part: &Part) {
        match part.next() {
            Some(last) => self.bounded.push((last, part.revision)),
            None => self.last = part.revision,
        }
    }

    /// Whether what happened to a lock at a revision is in its part already.
    pub(super) fn hold(&self, name: &LockName, revision: Revision) -> bool {
        if revision > self.last {
            return false;
        }
        let at = self.bounded.partition_point(|(last, _)| last < name);
        revision <= self.bounded.get(at).map_or(self.last, |(_, revision)| *revision)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> LockName {
        LockName::parse(text).unwrap()
    }

    fn part(last: &str, more: bool, revision: u64) -> Part {
        let lock = LockInfo {
            name: name(last),
            holders: Vec::new(),
            holder_count: 0,
            waiters: Vec::new(),
            waiter_count: 0,
            capacity: None,
            forced: None,
        };
        Part { locks: vec![lock], more, revision: Revision::new(revision) }
    }

    #[test]
    fn what_a_part_holds_is_not_told_again() {
        let mut parts = Parts::default();
        parts.add(&part("c", true, 10));
        parts.add(&part("f", true, 12));
        parts.add(&part("g", false, 15));
        let held = |lock: &str, revision| parts.hold(&name(lock), Revision::new(revision));
        for (lock, last) in [("a", 10), ("c", 10), ("d", 12), ("f", 12), ("g", 15), ("z", 15)] {
            assert!(held(lock, last) && !held(lock, last + 1), "{lock}");
        }
    }

    #[test]
    fn nor_is_what_a_state_without_locks_holds() {
        let mut parts = Parts::default();
        parts.add(&Part { locks: Vec::new(), more: false, revision: Revision::new(10) });
        assert!(parts.hold(&name("a"), Revision::new(10)));
        assert!(!parts.hold(&name("a"), Revision::new(11)));
    }
}
