//! Keys of which only the present is kept: what they were is gone as soon as they change, and no row tells of the
//! change. For what changes all the time and whose past nobody reads.
//!
//! They have a clock of their own, so that the [`Revision`] of what has a past moves only when that changes. A
//! transaction takes the next of each clock of whose keys it changes any.
//!
//! Each has one row: `05` and the key, with mod_revision (8) and what a version row holds as its value. So reading one
//! is one lookup, however often it changed. Whoever watches such keys live is told of every change; whoever is behind
//! reads the present anew.
//!
//! A key is either of this kind or versioned, never both: the layer above tells them apart by their prefixes.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use bytes::Bytes;

use crate::{
    Cursor, Event, KeyRange, MapError, ReadMap, Record, Revised, Revision, Transaction, WriteSet, history,
    record, rows,
};

/// The newest revision of such keys: how often they had been changed by then.
///
/// # Errors
/// The map cannot be read.
pub fn newest_present(view: &dyn ReadMap) -> Result<Revision, MapError> {
    Ok(history::newest_in(view, rows::NEWEST_PRESENT)?.unwrap_or(Revision::ZERO))
}

/// As [`skip_to_revision`](crate::skip_to_revision), of the clock of such keys.
pub fn skip_to_present(writes: &mut WriteSet, newest: Revision) {
    writes.put(rows::NEWEST_PRESENT.into(), history::newest_revision_row(newest));
}

/// What such a key is; none if it does not exist.
///
/// # Errors
/// The map cannot be read.
pub fn get_present(view: &dyn ReadMap, key: &[u8]) -> Result<Option<Record>, MapError> {
    view.get(&rows::present_row(key))?.map(|row| decode(key, &row)).transpose()
}

/// A place among such keys, in order.
pub struct PresentCursor<'a> {
    rows: Box<dyn Cursor + 'a>,
    end: Bytes,
}

impl<'a> PresentCursor<'a> {
    /// A cursor at the first key of `range`.
    ///
    /// # Errors
    /// The map cannot be read.
    pub fn new(view: &'a dyn ReadMap, range: &KeyRange) -> Result<Self, MapError> {
        let end = rows::present_end(&range.end);
        let mut rows = view.cursor_before(&end);
        rows.seek(&rows::present_row(&range.start))?;
        Ok(Self { rows, end })
    }

    /// The key; none past the end of the range.
    pub fn key(&self) -> Option<&[u8]> {
        self.rows.key().filter(|row| *row < self.end.as_ref()).and_then(rows::key_of_present)
    }

    /// The record. An error past the end of the range.
    ///
    /// # Errors
    /// The row is damaged.
    pub fn record(&self) -> Result<Record, MapError> {
        match (self.key(), self.rows.value()) {
            (Some(key), Some(row)) => decode(key, row),
            _ => Err(MapError::new("a cursor was read past its end")),
        }
    }

    /// Goes to the next key. Does nothing past the end.
    ///
    /// # Errors
    /// The map cannot be read.
    pub fn advance(&mut self) -> Result<(), MapError> {
        self.rows.advance()
    }
}

/// Those that a transaction has looked up or changed.
#[derive(Default)]
pub(crate) struct PresentKeys {
    keys: BTreeMap<Bytes, Touched>,
    /// How many of them were changed.
    written: u32,
    /// The newest revision before the transaction, once it was asked for.
    newest: Option<Revision>,
}

struct Touched {
    before: Option<Record>,
    now: Option<Record>,
    /// How many keys were changed before it was; none: it was only looked up.
    written: Option<u32>,
}

impl PresentKeys {
    /// The revision that the transaction takes if it changes such a key.
    fn revision(&mut self, view: &dyn ReadMap) -> Result<Revision, MapError> {
        let newest = match self.newest {
            Some(newest) => newest,
            None => *self.newest.insert(newest_present(view)?),
        };
        Ok(newest.next())
    }

    fn touch(&mut self, view: &dyn ReadMap, key: Bytes) -> Result<&mut Touched, MapError> {
        match self.keys.entry(key) {
            Entry::Occupied(touched) => Ok(touched.into_mut()),
            Entry::Vacant(untouched) => {
                let before = get_present(view, untouched.key())?;
                Ok(untouched.insert(Touched { now: before.clone(), before, written: None }))
            }
        }
    }

    /// Notes what a key, which was touched, becomes.
    fn set(&mut self, key: Bytes, now: Option<Record>) {
        let Some(touched) = self.keys.get_mut(&key) else { return };
        touched.now = now;
        if touched.written.is_none() {
            touched.written = Some(self.written);
            self.written += 1;
        }
    }

    /// What happened to them, and that their clock has moved on.
    pub(crate) fn seal(self, writes: &mut WriteSet) -> Option<Revised> {
        let revision = self.newest?.next();
        let events = self.keys.into_iter().filter_map(|(key, touched)| {
            Event::between(key, (touched.before, touched.now), revision, touched.written?)
        });
        let events: Vec<_> = events.collect();
        if events.is_empty() {
            return None;
        }
        skip_to_present(writes, revision);
        Some(Revised { revision, events: events.into() })
    }
}

impl Transaction<'_> {
    /// The revision that this transaction takes if it changes a key of this kind.
    ///
    /// # Errors
    /// The map cannot be read.
    pub fn present_revision(&mut self) -> Result<Revision, MapError> {
        let (present, view) = self.present_mut();
        present.revision(view)
    }

    /// What a key of this kind is.
    ///
    /// # Errors
    /// The map cannot be read.
    pub fn get_present(&mut self, key: &Bytes) -> Result<Option<&Record>, MapError> {
        let (present, view) = self.present_mut();
        Ok(present.touch(view, key.clone())?.now.as_ref())
    }

    /// Sets a key of this kind.
    ///
    /// # Errors
    /// The map cannot be read.
    pub fn put_present(&mut self, key: Bytes, value: Bytes) -> Result<(), MapError> {
        let (present, view) = self.present_mut();
        let revision = present.revision(view)?;
        let before = present.touch(view, key.clone())?.now.as_ref();
        let record = Record::after(before, revision, value, Bytes::new());
        let row = encode(&record);
        present.set(key.clone(), Some(record));
        self.side_mut().put(rows::present_row(&key), row);
        Ok(())
    }

    /// Deletes a key of this kind; tells whether it was there.
    ///
    /// # Errors
    /// The map cannot be read.
    pub fn delete_present(&mut self, key: Bytes) -> Result<bool, MapError> {
        let (present, view) = self.present_mut();
        if present.touch(view, key.clone())?.now.is_none() {
            return Ok(false);
        }
        present.revision(view)?;
        self.side_mut().delete(rows::present_row(&key));
        self.present_mut().0.set(key, None);
        Ok(true)
    }
}

fn encode(record: &Record) -> Bytes {
    [record.mod_revision.get().to_be_bytes().as_slice(), &record.encode()].concat().into()
}

fn decode(key: &[u8], row: &[u8]) -> Result<Record, MapError> {
    let damaged = || MapError::damaged("unknown record", key);
    let (mod_revision, row) = row.split_first_chunk::<8>().ok_or_else(damaged)?;
    let mod_revision = Revision::new(u64::from_be_bytes(*mod_revision));
    record::decode(mod_revision, Bytes::copy_from_slice(row))?.ok_or_else(damaged)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_bytes() {
        let (one, two) = (Revision::new(1), Revision::new(258));
        let before = Record::after(None, one, "old".into(), Bytes::new());
        let record = Record::after(Some(&before), two, "v".into(), Bytes::new());
        let row = encode(&record);
        let golden = b"\0\0\0\0\0\0\x01\x02\x01\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x02\0\0\0\0v";
        assert_eq!(row.as_ref(), golden);
        assert_eq!(decode(b"k", &row), Ok(record));
        assert!(decode(b"k", &row[..8]).is_err() && decode(b"k", b"").is_err());
        assert_eq!(rows::present_row(b"k").as_ref(), b"\x05k");
    }
}
