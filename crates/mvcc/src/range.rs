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
    /// No further key is looked at once so many were, of which some may not exist at the revision.
    pub keys_max: usize,
    /// Leaves the values out (empty) and does not count them.
    pub keys_only: bool,
}

/// A page of a range.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RangePage {
    /// Keys with their records, in order of key.
    pub records: Vec<(Bytes, Record)>,
    /// The last key that was looked at, if the range may hold more: read on with [`KeyRange::after`] it.
    pub next: Option<Bytes>,
}

/// The records of a range at a revision: at least one if one was found among the keys that may be looked at.
pub fn range_at(
    view: &dyn ReadMap,
    range: &KeyRange,
    at: Revision,
    limits: RangeLimits,
) -> Result<RangePage, MapError> {
    let mut cursor = RangeCursor::bounded(view, range, at, limits.keys_max)?;
    let mut page = RangePage::default();
    let mut size_bytes = 0;
    while let Some(key) = cursor.key() {
        if !page.records.is_empty()
            && (page.records.len() >= limits.records_max || size_bytes >= limits.size_bytes_max)
        {
            page.next = page.records.last().map(|(key, _)| key.clone());
            return Ok(page);
        }
        let key = Bytes::copy_from_slice(key);
        let record = if limits.keys_only { cursor.record_without_value()? } else { cursor.record()? };
        size_bytes += key.len() + record.size_bytes();
        page.records.push((key, record));
        cursor.advance()?;
    }
    page.next = cursor.stopped_after()?;
    Ok(page)
}

/// Walks the keys of a range that exist at a revision, in order. Copies only what is asked for.
pub struct RangeCursor<'a> {
    rows: Box<dyn Cursor + 'a>,
    /// First version row that is no longer of the range.
    end: Vec<u8>,
    at: Revision,
    /// How many keys it came to, and may come to.
    keys: usize,
    keys_max: usize,
    present: Option<Present>,
    /// Prefix of the last key, once the bound has stopped it there.
    stopped: Option<Vec<u8>>,
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
        Self::bounded(view, range, at, usize::MAX)
    }

    /// The same, which stops once it has come to so many keys, at least one, of which some may not exist at the
    /// revision.
    pub fn bounded(
        view: &'a dyn ReadMap,
        range: &KeyRange,
        at: Revision,
        keys_max: usize,
    ) -> Result<Self, MapError> {
        let end = rows::versions_end(&range.end);
        let rows = view.cursor_before(&end);
        let mut cursor = Self { rows, end, at, keys: 0, keys_max, present: None, stopped: None };
        cursor.rows.seek(&rows::version_prefix(&range.start))?;
        cursor.settle(None)?;
        Ok(cursor)
    }

    /// The key; none past the end of the range.
    pub fn key(&self) -> Option<&[u8]> {
        self.present.as_ref().map(|present| present.key.as_ref())
    }

    /// How many keys it has come to, also those that do not exist at the revision.
    pub fn keys(&self) -> usize {
        self.keys
    }

    /// The last key that it came to, if its bound has stopped it before the end of the range.
    pub fn stopped_after(&self) -> Result<Option<Bytes>, MapError> {
        self.stopped.as_deref().map(|prefix| rows::unescape(prefix).map(Bytes::from)).transpose()
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
                self.settle(Some(present.prefix))
            }
            None => Ok(()),
        }
    }

    /// The same by a seek, for a key of which most records are likely to have been collected: a store on disk has them in
    /// the way of whoever steps.
    pub fn leap(&mut self) -> Result<(), MapError> {
        match self.present.take() {
            Some(present) => {
                self.rows.seek(&rows::version_row(&present.prefix, Revision::ZERO))?;
                self.settle(Some(present.prefix))
            }
            None => Ok(()),
        }
    }

    fn present(&self) -> Result<&Present, MapError> {
        self.present.as_ref().ok_or_else(gone)
    }

    /// From the row at hand on, which is the first of a key, finds the first key of the range that exists at the
    /// revision. `last` is the key before.
    fn settle(&mut self, mut last: Option<Vec<u8>>) -> Result<(), MapError> {
        while let Some(row) = self.rows.key().filter(|row| *row < self.end.as_slice()) {
            let Some((prefix, revision)) = rows::split_version_row(row)? else {
                return Ok(());
            };
            if self.keys >= self.keys_max && last.is_some() {
                self.stopped = last;
                return Ok(());
            }
            let prefix = prefix.to_vec();
            self.keys += 1;
            if revision > self.at {
                self.rows.seek(&rows::version_row(&prefix, self.at))?;
            }
            if let Some(mod_revision) = rows::revision_under(&prefix, self.rows.key()) {
                if !self.rows.value().is_some_and(record::is_tombstone) {
                    let key = rows::unescape(&prefix)?;
                    self.present = Some(Present { prefix, key, mod_revision });
                    return Ok(());
                }
                leave_key(self.rows.as_mut(), &prefix)?;
            }
            last = Some(prefix);
        }
        Ok(())
    }
}

/// Moves past the rows of one key.
pub(crate) fn leave_key(rows: &mut dyn Cursor, prefix: &[u8]) -> Result<(), MapError> {
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
