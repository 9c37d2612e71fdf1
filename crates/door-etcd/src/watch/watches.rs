//! The watches of one stream, and how they are numbered.

use std::collections::{BTreeMap, HashMap};

use conclave_core::kv::KeyValue;
use conclave_mvcc::{Event, EventKind, KeyRange, Revised, Revision};
use conclave_proto::etcd::mvccpb;
use mvccpb::event::EventType;
use tokio::sync::OwnedSemaphorePermit;

use super::create::Mistake;
use crate::header::told;
use crate::kv_wire::key_value;

/// The number of a watch within its stream, never used again: clients may use their ids again.
pub(super) type Serial = u64;

/// What a watch wants, and how far it is.
#[derive(Debug)]
pub(super) struct Watch {
    pub(super) id: i64,
    /// The readable parts of the range that was asked for.
    pub(super) ranges: Vec<KeyRange>,
    /// It is told nothing before this revision.
    pub(super) next: Revision,
    /// Up to here changes in its ranges may be gone, and what was before the next one.
    pub(super) floor: Revision,
    pub(super) wants: Wants,
    /// Whether it was told something since the last time that progress was due.
    pub(super) was_told: bool,
    /// What it takes of the node's memory.
    pub(super) _room: OwnedSemaphorePermit,
}

/// What a watch wants to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "they are the request's")]
pub(super) struct Wants {
    pub(super) puts: bool,
    pub(super) deletes: bool,
    /// What keys were before, too.
    pub(super) previous: bool,
    /// Large answers in pieces.
    pub(super) fragments: bool,
    /// From time to time how far it is.
    pub(super) progress: bool,
}

impl Watch {
    /// What of a revision that it is to be told it is told, in the order in which it was written.
    pub(super) fn events(&self, revised: &Revised) -> Vec<mvccpb::Event> {
        let mut events: Vec<&Event> = self.ranges.iter().flat_map(|range| within(revised, range)).collect();
        events.retain(|event| match event.kind {
            EventKind::Put(_) => self.wants.puts,
            EventKind::Delete { .. } => self.wants.deletes,
        });
        events.sort_by_key(|event| event.order);
        let previous = self.wants.previous && revised.revision > self.floor.next();
        events.into_iter().map(|event| message(event, previous)).collect()
    }

    /// Whether a revision changes anything in its range.
    pub(super) fn is_concerned(&self, revised: &Revised) -> bool {
        revised.revision >= self.next && self.ranges.iter().any(|range| !within(revised, range).is_empty())
    }
}

/// The changes of the keys of a range: they lie in order of key.
fn within<'a>(revised: &'a Revised, range: &KeyRange) -> &'a [Event] {
    let from = revised.events.partition_point(|event| event.key < range.start);
    let rest = &revised.events[from..];
    let count =
        if range.end.is_empty() { rest.len() } else { rest.partition_point(|event| event.key < range.end) };
    &rest[..count]
}

fn message(event: &Event, with_previous: bool) -> mvccpb::Event {
    let pair = |record: &conclave_mvcc::Record| key_value(KeyValue::new(event.key.clone(), record.clone()));
    let (kind, kv) = match &event.kind {
        EventKind::Put(record) => (EventType::Put, pair(record)),
        EventKind::Delete { revision } => {
            let key = event.key.clone();
            let mod_revision = told(*revision);
            (EventType::Delete, mvccpb::KeyValue { key, mod_revision, ..mvccpb::KeyValue::default() })
        }
    };
    let prev_kv = event.previous.as_ref().filter(|_| with_previous).map(pair);
    mvccpb::Event { r#type: kind.into(), kv: Some(kv), prev_kv }
}

/// The watches of one stream.
#[derive(Debug, Default)]
pub(super) struct Watches {
    watches: BTreeMap<Serial, Watch>,
    by_id: HashMap<i64, Serial>,
    next_serial: Serial,
    next_id: i64,
}

impl Watches {
    pub(super) fn len(&self) -> usize {
        self.watches.len()
    }

    /// The id of a watch that is to be made; none asked for is 0.
    pub(super) fn free_id(&mut self, asked: i64) -> Result<i64, Mistake> {
        if asked != 0 {
            return if self.by_id.contains_key(&asked) { Err(Mistake::DuplicateId) } else { Ok(asked) };
        }
        while self.by_id.contains_key(&self.next_id) {
            self.next_id = self.next_id.wrapping_add(1);
        }
        let id = self.next_id;
        self.next_id = self.next_id.wrapping_add(1);
        Ok(id)
    }

    /// Adds one under an id that is free.
    pub(super) fn add(&mut self, watch: Watch) -> Serial {
        let serial = self.next_serial;
        self.next_serial += 1;
        let before = self.by_id.insert(watch.id, serial);
        assert!(before.is_none(), "two watches of a stream have one id");
        self.watches.insert(serial, watch);
        serial
    }

    pub(super) fn serial(&self, id: i64) -> Option<Serial> {
        self.by_id.get(&id).copied()
    }

    pub(super) fn remove(&mut self, serial: Serial) -> Option<Watch> {
        let watch = self.watches.remove(&serial)?;
        self.by_id.remove(&watch.id);
        Some(watch)
    }

    pub(super) fn get(&self, serial: Serial) -> Option<&Watch> {
        self.watches.get(&serial)
    }

    pub(super) fn get_mut(&mut self, serial: Serial) -> Option<&mut Watch> {
        self.watches.get_mut(&serial)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (Serial, &mut Watch)> {
        self.watches.iter_mut().map(|(serial, watch)| (*serial, watch))
    }

    /// All up to here is told to those of a group that ends here: they go on from the next revision.
    pub(super) fn advance(&mut self, serial: Serial, told: Revision) {
        if let Some(watch) = self.watches.get_mut(&serial) {
            watch.next = watch.next.max(told.next());
        }
    }

    /// The latest revision before which some watch is told nothing.
    pub(super) fn latest_next(&self) -> Revision {
        self.watches.values().map(|watch| watch.next).max().unwrap_or_default()
    }
}
