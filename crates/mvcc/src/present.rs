//! Keys of which only the present is kept: what they were is gone as soon as they change, and no row tells of the
//! change. For what changes all the time and whose past nobody reads.
//!
//! Each has one row: `05` and the key, with mod_revision (8) and what a version row holds as its value. So reading one
//! is one lookup, however often it changed. Whoever watches such keys live is told of every change; whoever is behind
//! reads the present anew, since the [floor](crate::floor_of) of their range rises with every change.
//!
//! A key is either of this kind or versioned, never both: the layer above tells them apart by their prefixes.

use bytes::Bytes;

use crate::floors::write_floor;
use crate::{Cursor, KeyRange, MapError, ReadMap, Record, Revision, Transaction, record, rows};

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

impl Transaction<'_> {
    /// What a key of this kind is.
    ///
    /// # Errors
    /// The map cannot be read.
    pub fn get_present(&mut self, key: &Bytes) -> Result<Option<&Record>, MapError> {
        Ok(self.touch_present(key.clone())?.as_ref())
    }

    /// Sets a key of this kind. `range` is that of all keys which are watched together, the same at every call.
    ///
    /// # Errors
    /// The map cannot be read.
    pub fn put_present(&mut self, range: &KeyRange, key: Bytes, value: Bytes) -> Result<(), MapError> {
        let revision = self.revision();
        let before = self.touch_present(key.clone())?;
        let record = Record::after(before.as_ref(), revision, value, Bytes::new());
        self.side_mut().put(rows::present_row(&key), encode(&record));
        write_floor(self.side_mut(), range, revision);
        self.set_present(key, Some(record));
        Ok(())
    }

    /// Deletes a key of this kind; tells whether it was there.
    ///
    /// # Errors
    /// The map cannot be read.
    pub fn delete_present(&mut self, range: &KeyRange, key: Bytes) -> Result<bool, MapError> {
        let revision = self.revision();
        if self.touch_present(key.clone())?.is_none() {
            return Ok(false);
        }
        self.side_mut().delete(rows::present_row(&key));
        write_floor(self.side_mut(), range, revision);
        self.set_present(key, None);
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
