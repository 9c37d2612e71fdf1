//! Many keys at one revision, in order.

use bytes::Bytes;

use crate::{Cursor, KeyRange, MapError, ReadMap, Record, Revision, history, record, rows};

/// How many rows of one key are stepped over before the rest is leapt over by a seek: few steps are
/// cheaper than a seek, many are not.
const STEPS_BEFORE_SEEK_MAX: usize = 4;

/// What bounds a page of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RangeLimits {
    /// At most so many records.
    pub records_max: usize,
    /// No further record once keys and values take so much.
    pub size_bytes_max: usize,
    /// Leaves the values out (empty) and does not count them.
    pub keys_only: bool,
}

/// A page of a range.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RangePage {
    /// Keys with their records, in order of key.
    pub records: Vec<(Bytes, Record)>,
    /// Whether the range holds more after these: read on with [`KeyRange::after`] the last one.
    pub more: bool,
}

/// The records of a range at a revision: at least one if there is one, whatever the limits say.
pub fn range_at(
    view: &dyn ReadMap,
    range: &KeyRange,
    at: Revision,
    limits: RangeLimits,
) -> Result<RangePage, MapError> {
    let mut cursor = RangeCursor::new(view, range, at)?;
    let mut page = RangePage::default();
    let mut size_bytes = 0;
    while let Some(key) = cursor.key() {
        if !page.records.is_empty()
            && (page.records.len() >= limits.records_max || size_bytes >= limits.size_bytes_max)
        {
            page.more = true;
            break;
        }
        let key = Bytes::copy_from_slice(key);
        let record = if limits.keys_only { cursor.record_without_value()? } else { cursor.record()? };
        size_bytes += key.len() + record.size_bytes();
        page.records.push((key, record));
        cursor.advance()?;
    }
    Ok(page)
}

/// Walks the keys of a range that exist at a revision, in order. Copies only what is asked for.
pub struct RangeCursor<'a> {
    rows: Box<dyn Cursor + 'a>,
    /// First version row that is no longer of the range.
    end: Vec<u8>,
    at: Revision,
    present: Option<Present>,
}

/// The key that the cursor is at.
struct Present {
    prefix: Vec<u8>,
    key: Vec<u8>,
    mod_revision: Revision,
}

impl<'a> RangeCursor<'a> {
    /// A cursor at the first key of `range` that exists at the revision `at`.
    pub fn new(view: &'a dyn ReadMap, range: &KeyRange, at: Revision) -> Result<Self, MapError> {
        let end = match range.end.as_ref() {
            [] => rows::VERSIONS_END.to_vec(),
            end => rows::version_prefix(end),
        };
        let mut cursor = Self { rows: view.cursor(), end, at, present: None };
        cursor.rows.seek(&rows::version_prefix(&range.start))?;
        cursor.settle()?;
        Ok(cursor)
    }

    /// The key; none past the end of the range.
    pub fn key(&self) -> Option<&[u8]> {
        self.present.as_ref().map(|present| present.key.as_ref())
    }

    /// When the key last changed; none past the end of the range.
    pub fn mod_revision(&self) -> Option<Revision> {
        self.present.as_ref().map(|present| present.mod_revision)
    }

    /// The record. An error past the end of the range.
    pub fn record(&self) -> Result<Record, MapError> {
        history::record_under(self.rows.as_ref(), self.present()?.mod_revision)?.ok_or_else(gone)
    }

    /// The record with an empty value. An error past the end of the range.
    pub fn record_without_value(&self) -> Result<Record, MapError> {
        let row = self.rows.value().ok_or_else(gone)?;
        record::decode_without_value(self.present()?.mod_revision, row)?.ok_or_else(gone)
    }

    /// Goes to the next key that exists. Does nothing past the end.
    pub fn advance(&mut self) -> Result<(), MapError> {
        match self.present.take() {
            Some(present) => {
                leave_key(self.rows.as_mut(), &present.prefix)?;
                self.settle()
            }
            None => Ok(()),
        }
    }

    fn present(&self) -> Result<&Present, MapError> {
        self.present.as_ref().ok_or_else(gone)
    }

    /// From the row at hand on, finds the first that a key of the range has at the revision.
    fn settle(&mut self) -> Result<(), MapError> {
        while let Some(row) = self.rows.key().filter(|row| *row < self.end.as_slice()) {
            let Some((prefix, revision)) = rows::split_version_row(row)? else {
                return Ok(());
            };
            let prefix = prefix.to_vec();
            if revision > self.at {
                self.rows.seek(&rows::version_row(&prefix, self.at))?;
            } else if self.rows.value().is_some_and(record::is_tombstone) {
                leave_key(self.rows.as_mut(), &prefix)?;
            } else {
                let key = rows::unescape(&prefix)?;
                self.present = Some(Present { prefix, key, mod_revision: revision });
                return Ok(());
            }
        }
        Ok(())
    }
}

/// Moves past the rows of one key.
fn leave_key(rows: &mut dyn Cursor, prefix: &[u8]) -> Result<(), MapError> {
    for _ in 0..STEPS_BEFORE_SEEK_MAX {
        rows.advance()?;
        if !rows.key().is_some_and(|row| row.starts_with(prefix)) {
            return Ok(());
        }
    }
    // No row is written at revision zero: this is the place after the key's oldest row.
    rows.seek(&rows::version_row(prefix, Revision::ZERO))
}

fn gone() -> MapError {
    MapError::new("a range cursor was read past its end")
}
