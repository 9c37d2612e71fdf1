//! The keys that differ between two revisions, in order.

use bytes::Bytes;

use crate::range::leave_key;
use crate::{Cursor, KeyRange, MapError, ReadMap, Record, Revision, history, rows};

/// Walks the keys of a range that changed between two revisions, in one pass over all keys of the range: the rows of
/// a key lie together, and what changed since the earlier revision has a row above it.
pub struct ChangedCursor<'a> {
    rows: Box<dyn Cursor + 'a>,
    /// First version row that is no longer of the range.
    end: Vec<u8>,
    earlier: Revision,
    later: Revision,
    /// How many keys it came to, and may come to.
    keys: usize,
    keys_max: usize,
    stopped: bool,
}

/// A key that changed between two revisions. It may hold the same at both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// The key.
    pub key: Bytes,
    /// What it was at the earlier revision; none: it did not exist.
    pub earlier: Option<Record>,
    /// What it was at the later one.
    pub later: Option<Record>,
}

impl<'a> ChangedCursor<'a> {
    /// A cursor before the first key of `range`, which stops once it has come to so many keys, also those that did not
    /// change. At revision zero nothing exists.
    pub fn new(
        view: &'a dyn ReadMap,
        range: &KeyRange,
        (earlier, later): (Revision, Revision),
        keys_max: usize,
    ) -> Result<Self, MapError> {
        let end = rows::versions_end(&range.end);
        let mut rows = view.cursor_before(&end);
        rows.seek(&rows::version_prefix(&range.start))?;
        Ok(Self { rows, end, earlier, later, keys: 0, keys_max, stopped: false })
    }

    /// How many keys it has come to, also those that did not change.
    pub fn keys(&self) -> usize {
        self.keys
    }

    /// Whether its bound has stopped it before the end of the range.
    pub fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// The next key that changed and exists at one of the revisions; none at the end, or where it stopped.
    pub fn next_changed(&mut self) -> Result<Option<Changed>, MapError> {
        while let Some(row) = self.rows.key().filter(|row| *row < self.end.as_slice()) {
            let Some((prefix, revision)) = rows::split_version_row(row)? else { break };
            if self.keys >= self.keys_max {
                self.stopped = true;
                break;
            }
            let prefix = prefix.to_vec();
            self.keys += 1;
            if revision > self.later {
                self.rows.seek(&rows::version_row(&prefix, self.later))?;
            }
            let (later, earlier) = match rows::revision_under(&prefix, self.rows.key()) {
                Some(revision) if revision > self.earlier => {
                    (history::record_under(self.rows.as_ref(), revision)?, self.record_before(&prefix)?)
                }
                _ => (None, None),
            };
            if self.rows.key().is_some_and(|row| row.starts_with(&prefix)) {
                leave_key(self.rows.as_mut(), &prefix)?;
            }
            if later.is_some() || earlier.is_some() {
                return Ok(Some(Changed { key: rows::unescape(&prefix)?.into(), earlier, later }));
            }
        }
        Ok(None)
    }

    /// What the key was at the earlier revision, from the row on in which it is something else.
    fn record_before(&mut self, prefix: &[u8]) -> Result<Option<Record>, MapError> {
        self.rows.advance()?;
        if rows::revision_under(prefix, self.rows.key()).is_some_and(|revision| revision > self.earlier) {
            self.rows.seek(&rows::version_row(prefix, self.earlier))?;
        }
        match rows::revision_under(prefix, self.rows.key()) {
            Some(revision) => history::record_under(self.rows.as_ref(), revision),
            None => Ok(None),
        }
    }
}
