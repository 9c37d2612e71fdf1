//! The bounded tail: the newest revisions, in memory, shared by all watchers.

use std::collections::VecDeque;

use conclave_mvcc::{Revised, Revision};
use tokio::time::Instant;

use crate::options::WatchOptions;

/// The newest revisions. It holds all that happened after `floor`, up to and including `newest`.
#[derive(Debug)]
pub(crate) struct Tail {
    held: VecDeque<Held>,
    size_bytes: usize,
    size_bytes_max: usize,
    revisions_max: usize,
    floor: Revision,
    newest: Revision,
    resets: Resets,
}

/// How often the state was replaced, and the newest revision that came that way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Resets {
    pub(crate) count: u64,
    pub(crate) newest: Revision,
}

/// Where a cursor lies.
#[derive(Debug)]
pub(crate) enum Place {
    /// At or before this revision, which is the first one from the cursor on; and when it was taken in.
    At(Revised, Instant),
    /// Before the tail: only the store knows what comes next.
    BeforeTail,
    /// Past all that there is.
    PastNewest,
}

#[derive(Debug)]
struct Held {
    revised: Revised,
    size_bytes: usize,
    since: Instant,
}

impl Tail {
    pub(crate) fn new(options: &WatchOptions, newest: Revision) -> Self {
        Self {
            held: VecDeque::new(),
            size_bytes: 0,
            size_bytes_max: options.tail_size_bytes_max,
            revisions_max: options.tail_revisions_max,
            floor: newest,
            newest,
            resets: Resets { count: 0, newest: Revision::ZERO },
        }
    }

    pub(crate) fn newest(&self) -> Revision {
        self.newest
    }

    pub(crate) fn resets(&self) -> Resets {
        self.resets
    }

    pub(crate) fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    pub(crate) fn revisions(&self) -> usize {
        self.held.len()
    }

    /// Takes in what follows, drops the oldest beyond the bounds, but never the newest: one so large that it
    /// exceeds them would be read from the store by every watcher. What was taken in before is ignored.
    pub(crate) fn append(&mut self, revised: &[Revised], newest: Revision) {
        for one in revised.iter().filter(|one| !one.events.is_empty()) {
            if one.revision > self.newest {
                self.push(one.clone());
            }
        }
        self.newest = self.newest.max(newest);
    }

    /// Forgets everything: the state is now that of `newest`, and how it came to be was not seen.
    pub(crate) fn reset(&mut self, newest: Revision) {
        let newest = self.newest.max(newest);
        self.held.clear();
        self.size_bytes = 0;
        self.floor = newest;
        self.newest = newest;
        self.resets = Resets { count: self.resets.count + 1, newest };
    }

    pub(crate) fn place(&self, cursor: Revision) -> Place {
        if cursor > self.newest {
            return Place::PastNewest;
        }
        if cursor <= self.floor {
            return Place::BeforeTail;
        }
        let first = self.held.partition_point(|held| held.revised.revision < cursor);
        self.held.get(first).map_or(Place::PastNewest, |held| Place::At(held.revised.clone(), held.since))
    }

    fn push(&mut self, revised: Revised) {
        let size_bytes = revised.size_bytes();
        self.newest = revised.revision;
        self.size_bytes += size_bytes;
        self.held.push_back(Held { revised, size_bytes, since: Instant::now() });
        while self.held.len() > 1
            && (self.size_bytes > self.size_bytes_max || self.held.len() > self.revisions_max)
        {
            let oldest = self.held.pop_front().expect("the tail holds more than one");
            self.size_bytes -= oldest.size_bytes;
            self.floor = oldest.revised.revision;
        }
    }
}
