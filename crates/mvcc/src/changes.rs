//! What happened, revision by revision.
//!
//! The change rows of a revision lie in order of key. A row's value, format 1: `01`, then `00` added, `01` changed or
//! `02` deleted, then the key. Format 2 is for keys that were written in another order: `02`, the same, then the key's
//! place in that order (4), then the key.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use bytes::Bytes;

use crate::{
    ChangeKind, Cursor, Event, EventKind, KeyRange, MapError, ReadMap, Record, Revised, Revision, history,
    rows,
};

const FORMAT: u8 = 1;
const FORMAT_WITH_ORDER: u8 = 2;

/// What bounds a replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangeLimits {
    /// At most so many revisions.
    pub revisions_max: usize,
    /// No further revision once those found take so much.
    pub size_bytes_max: usize,
}

/// What happened from the revision `from` on, in order, in whole revisions: at least one if there is
/// one, whatever the limits say.
pub fn changes_since(
    view: &dyn ReadMap,
    from: Revision,
    limits: ChangeLimits,
) -> Result<Vec<Revised>, MapError> {
    let mut changes = view.cursor_before(rows::CHANGES_END);
    let mut versions = view.cursor_before(rows::VERSIONS_END);
    changes.seek(&rows::change_row(from, 0))?;
    let mut found = Vec::new();
    let mut size_bytes = 0;
    while let Some(revision) = rows::revision_of_change(changes.key())? {
        let revised = read_revision(changes.as_mut(), versions.as_mut(), revision)?;
        size_bytes += revised.size_bytes();
        found.push(revised);
        if found.len() >= limits.revisions_max || size_bytes >= limits.size_bytes_max {
            break;
        }
    }
    Ok(found)
}

/// That a key changed, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedKey {
    /// The key.
    pub key: Bytes,
    /// How it changed.
    pub kind: ChangeKind,
}

/// Which keys a revision changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangedKeys {
    /// Keys in their order.
    pub keys: Vec<ChangedKey>,
    /// Whether there are more than were asked for.
    pub more: bool,
}

/// Which keys of `range` the revision changed, without their values, at most `keys_max`.
pub fn changed_keys(
    view: &dyn ReadMap,
    revision: Revision,
    range: &KeyRange,
    keys_max: usize,
) -> Result<ChangedKeys, MapError> {
    let mut changes = view.cursor_before(rows::CHANGES_END);
    changes.seek(&rows::change_row(revision, 0))?;
    let mut found = ChangedKeys::default();
    while rows::revision_of_change(changes.key())? == Some(revision) {
        let (kind, _, key) = parse(changes.as_ref())?;
        if range.contains(key) {
            if found.keys.len() >= keys_max {
                found.more = true;
                break;
            }
            found.keys.push(ChangedKey { key: Bytes::copy_from_slice(key), kind });
        }
        changes.advance()?;
    }
    Ok(found)
}

/// The value of the change row with this sequence.
pub(crate) fn encode(event: &Event, sequence: u32) -> Bytes {
    let mut row = Vec::with_capacity(6 + event.key.len());
    let in_order_of_keys = event.order == sequence;
    row.push(if in_order_of_keys { FORMAT } else { FORMAT_WITH_ORDER });
    row.push(match event.change() {
        ChangeKind::Added => 0,
        ChangeKind::Changed => 1,
        ChangeKind::Deleted => 2,
    });
    if !in_order_of_keys {
        row.extend_from_slice(&event.order.to_be_bytes());
    }
    row.extend_from_slice(&event.key);
    row.into()
}

/// How a key changed, its place in the order of writing unless that is the row's, and the key.
pub(crate) fn parse(changes: &dyn Cursor) -> Result<(ChangeKind, Option<u32>, &[u8]), MapError> {
    let damaged = || MapError::damaged("unknown change", changes.key().unwrap_or_default());
    let [format, kind, rest @ ..] = changes.value().unwrap_or_default() else { return Err(damaged()) };
    let kind = match kind {
        0 => ChangeKind::Added,
        1 => ChangeKind::Changed,
        2 => ChangeKind::Deleted,
        _ => return Err(damaged()),
    };
    match *format {
        FORMAT => Ok((kind, None, rest)),
        FORMAT_WITH_ORDER => {
            let (order, key) = rest.split_first_chunk().ok_or_else(damaged)?;
            Ok((kind, Some(u32::from_be_bytes(*order)), key))
        }
        _ => Err(damaged()),
    }
}

/// All changes of `revision`, at whose first one `changes` is; leaves it after the last.
fn read_revision(
    changes: &mut dyn Cursor,
    versions: &mut dyn Cursor,
    revision: Revision,
) -> Result<Revised, MapError> {
    let mut events = Vec::new();
    while rows::revision_of_change(changes.key())? == Some(revision) {
        let (_, order, key) = parse(changes)?;
        let order = order
            .or_else(|| rows::sequence_of_change(changes.key(), revision))
            .ok_or_else(|| MapError::damaged("a change without its place", key))?;
        let (previous, now) = read_versions(versions, key, revision)?;
        // What was deleted may have been collected since.
        let kind = now.map_or(EventKind::Delete { revision }, EventKind::Put);
        events.push(Event { key: Bytes::copy_from_slice(key), kind, previous, order });
        changes.advance()?;
    }
    Ok(Revised { revision, events: events.into() })
}

/// What `key` was before `revision`, which changed it, and what it became.
fn read_versions(
    versions: &mut dyn Cursor,
    key: &[u8],
    revision: Revision,
) -> Result<(Option<Record>, Option<Record>), MapError> {
    let prefix = rows::version_prefix(key);
    versions.seek(&rows::version_row(&prefix, revision))?;
    if rows::revision_under(&prefix, versions.key()) != Some(revision) {
        return Err(MapError::damaged("a change without its version", key));
    }
    let now = history::record_under(versions, revision)?;
    versions.advance()?;
    let previous = match rows::revision_under(&prefix, versions.key()) {
        Some(before) => history::record_under(versions, before)?,
        None => None,
    };
    Ok((previous, now))
}

/// How many changes of a revision are stepped over before the place is searched for.
const STEPS_BEFORE_SEARCH_MAX: u32 = 8;

/// Finds the rows that tell of changes. The keys of one revision are asked for in their order, in which its
/// changes lie: the next one is seldom far.
pub(crate) struct ChangeFinder<'a> {
    changes: Box<dyn Cursor + 'a>,
    /// For each revision, from which sequence on the changes lie that were not asked for yet.
    ahead: BTreeMap<Revision, u32>,
}

impl<'a> ChangeFinder<'a> {
    /// Nothing was asked for yet.
    pub(crate) fn new(view: &'a dyn ReadMap) -> Self {
        Self { changes: view.cursor_before(rows::CHANGES_END), ahead: BTreeMap::new() }
    }

    /// Keys may be asked for again from the first one on.
    pub(crate) fn begin_anew(&mut self) {
        self.ahead.clear();
    }

    /// The row that tells of a key's change at a revision; none if it is gone.
    pub(crate) fn find(&mut self, revision: Revision, key: &[u8]) -> Result<Option<Bytes>, MapError> {
        let ahead = self.ahead.entry(revision).or_default();
        let (mut to, mut steps) = (u32::MAX, 0);
        while *ahead < to {
            let at = if steps < STEPS_BEFORE_SEARCH_MAX { *ahead } else { *ahead + (to - *ahead) / 2 };
            steps += 1;
            self.changes.seek(&rows::change_row(revision, at))?;
            let order = match rows::sequence_of_change(self.changes.key(), revision) {
                // Nothing is left from there on.
                None => Ordering::Greater,
                Some(sequence) => {
                    let order = parse(self.changes.as_ref())?.2.cmp(key);
                    if order.is_le() {
                        *ahead = sequence.saturating_add(1);
                    }
                    order
                }
            };
            match order {
                Ordering::Equal => return Ok(self.changes.key().map(Bytes::copy_from_slice)),
                Ordering::Less => {}
                // Neither does the key lie from there on.
                Ordering::Greater => to = at,
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MemoryMap, Transaction};

    #[test]
    fn golden_bytes() {
        let record = Record::after(None, Revision::new(4), "v".into(), Bytes::new());
        let event = |previous: Option<&Record>, now: Option<&Record>| {
            Event::between("key".into(), (previous.cloned(), now.cloned()), Revision::new(4), 3).unwrap()
        };
        assert_eq!(encode(&event(None, Some(&record)), 3).as_ref(), b"\x01\x00key");
        assert_eq!(encode(&event(Some(&record), Some(&record)), 3).as_ref(), b"\x01\x01key");
        assert_eq!(encode(&event(Some(&record), None), 3).as_ref(), b"\x01\x02key");
        assert_eq!(encode(&event(Some(&record), None), 0).as_ref(), b"\x02\x02\0\0\0\x03key");
    }

    #[test]
    fn a_change_is_found_wherever_it_lies() {
        let keys: Vec<Bytes> = (0..99).map(|number| format!("{number:02}").into()).collect();
        let mut map = MemoryMap::default();
        let mut transaction = Transaction::begin(&map).unwrap();
        for key in &keys {
            transaction.put(key.clone(), Bytes::new(), Bytes::new()).unwrap();
        }
        let mut writes = transaction.seal().writes;
        let revision = Revision::EMPTY.next();
        (0_u32..99)
            .filter(|gone| gone.is_multiple_of(3) || *gone > 80)
            .for_each(|gone| writes.delete(rows::change_row(revision, gone)));
        map.write(&writes);

        let expected =
            |place: u32| (!place.is_multiple_of(3) && place <= 80).then(|| rows::change_row(revision, place));
        let mut in_turn = ChangeFinder::new(&map);
        for (place, key) in (0..).zip(&keys) {
            assert_eq!(
                ChangeFinder::new(&map).find(revision, key).unwrap(),
                expected(place),
                "{key:?} alone"
            );
            assert_eq!(in_turn.find(revision, key).unwrap(), expected(place), "{key:?} in turn");
        }
        assert_eq!(ChangeFinder::new(&map).find(revision.next(), &keys[1]), Ok(None));
    }
}
