//! What happened at a revision.

use std::sync::Arc;

use bytes::Bytes;

use crate::{Record, Revision};

/// All that one revision changed. Never split; cloning shares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revised {
    /// The revision.
    pub revision: Revision,
    /// At most one event a key, in order of key.
    pub events: Arc<[Event]>,
}

/// How one key changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The key.
    pub key: Bytes,
    /// What was done to it.
    pub kind: EventKind,
    /// What it was before; none if it did not exist.
    pub previous: Option<Record>,
    /// Grows in the order in which the keys of the revision were first written.
    pub order: u32,
}

/// What was done to a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// It was set to this.
    Put(Record),
    /// It exists no longer.
    Delete {
        /// Since when.
        revision: Revision,
    },
}

/// How a key differs from before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangeKind {
    /// It did not exist before.
    Added,
    /// It was something else before.
    Changed,
    /// It exists no longer.
    Deleted,
}

impl Event {
    /// The event that leads from `previous` to `now`; none if the key existed at neither moment.
    pub(crate) fn between(
        key: Bytes,
        (previous, now): (Option<Record>, Option<Record>),
        revision: Revision,
        order: u32,
    ) -> Option<Self> {
        let kind = match (&previous, now) {
            (None, None) => return None,
            (_, Some(record)) => EventKind::Put(record),
            (Some(_), None) => EventKind::Delete { revision },
        };
        Some(Self { key, kind, previous, order })
    }

    /// What the key is now; none if it was deleted.
    pub fn record(&self) -> Option<&Record> {
        match &self.kind {
            EventKind::Put(record) => Some(record),
            EventKind::Delete { .. } => None,
        }
    }

    /// How the key differs from before.
    pub fn change(&self) -> ChangeKind {
        match (&self.kind, &self.previous) {
            (EventKind::Delete { .. }, _) => ChangeKind::Deleted,
            (EventKind::Put(_), None) => ChangeKind::Added,
            (EventKind::Put(_), Some(_)) => ChangeKind::Changed,
        }
    }

    /// Roughly what it takes in memory: its key and both records.
    pub fn size_bytes(&self) -> usize {
        let record = |record: Option<&Record>| record.map_or(0, Record::size_bytes);
        size_of::<Self>() + self.key.len() + record(self.record()) + record(self.previous.as_ref())
    }
}

impl Revised {
    /// Roughly what it takes in memory.
    pub fn size_bytes(&self) -> usize {
        self.events.iter().map(Event::size_bytes).sum()
    }
}
