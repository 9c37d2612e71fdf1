//! Collection: removes what nobody need read any more, a bounded part at a time.
//!
//! Of each key these records stay: all above the *floor*; the newest at or below it; and the newest at or below
//! each *point*, a revision further down that is to stay readable. What else lies below the floor goes, together
//! with the rows that told of the change. A tombstone below which nothing is left goes too, unless its revision
//! is the floor or a point itself: what changed then is still told.

use bytes::Bytes;

use crate::changes::ChangeFinder;
use crate::floors::{own_floor, write_floor};
use crate::{Cursor, KeyRange, MapError, Revision, Transaction, record, rows};

/// Most records that one change of a key without a past removes: there are more than one only if it had a past.
const PAST_FORGOTTEN_AT_ONCE_MAX: usize = 1_000;

/// What is to be collected.
#[derive(Clone, Debug)]
pub struct CollectQuery<'a> {
    /// Keys that are gone through.
    pub range: &'a KeyRange,
    /// Everything above it stays.
    pub floor: Revision,
    /// Revisions at or below the floor that stay readable, ascending.
    pub points: &'a [Revision],
    /// At most about so many rows are looked at.
    pub rows_max: usize,
}

/// What a step of collection did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Collection {
    /// Rows that were removed.
    pub rows: usize,
    /// Key to begin with next; none: the range was gone through.
    pub next: Option<Bytes>,
}

impl Transaction<'_> {
    /// Raises the floor of a range, which must be the same at every call. It never sinks.
    ///
    /// # Errors
    /// The map cannot be read.
    pub fn raise_floor(&mut self, range: &KeyRange, revision: Revision) -> Result<(), MapError> {
        let present = own_floor(self.view(), range)?;
        if revision > present {
            write_floor(self.side_mut(), range, revision);
        }
        Ok(())
    }

    /// Removes what a key was before this transaction, and with it how this one changes it; if it is deleted
    /// nothing is left of it. For keys of which only the present is ever read. The floor of `range`, which must be
    /// the same at every call, is raised.
    ///
    /// # Errors
    /// The map cannot be read.
    pub fn forget_past(&mut self, range: &KeyRange, key: Bytes) -> Result<(), MapError> {
        let Some(before) = self.take_past(key.clone())? else { return Ok(()) };
        let (newest, revision, view) = (before.mod_revision, self.revision(), self.view());
        let prefix = rows::version_prefix(&key);
        let mut versions = view.cursor_before(&rows::versions_end_of(&prefix));
        versions.seek(&rows::version_row(&prefix, newest))?;
        let mut gone = Vec::new();
        while let Some(revision) = rows::revision_under(&prefix, versions.key()) {
            gone.push(revision);
            if gone.len() >= PAST_FORGOTTEN_AT_ONCE_MAX {
                break;
            }
            versions.advance()?;
        }
        self.remove(&prefix, &key, &gone, &mut ChangeFinder::new(view))?;
        self.raise_floor(range, revision)
    }

    /// Removes what need not stay of the keys of a range, as far as the query's bound reaches.
    ///
    /// # Errors
    /// The map cannot be read.
    pub fn collect(&mut self, query: &CollectQuery<'_>) -> Result<Collection, MapError> {
        let view = self.view();
        let end = rows::versions_end(&query.range.end);
        let (mut versions, mut told) = (view.cursor_before(&end), ChangeFinder::new(view));
        versions.seek(&rows::version_prefix(&query.range.start))?;
        let (mut seen, mut done) = (0, Collection::default());
        while let Some(row) = versions.key().filter(|row| *row < end.as_slice()) {
            let Some((prefix, _)) = rows::split_version_row(row)? else { break };
            let prefix = prefix.to_vec();
            if seen >= query.rows_max {
                done.next = Some(rows::unescape(&prefix)?.into());
                break;
            }
            let gone = superfluous(versions.as_mut(), &prefix, query, &mut seen)?;
            if !gone.is_empty() {
                let key = rows::unescape(&prefix)?;
                done.rows += gone.len();
                self.remove(&prefix, &key, &gone, &mut told)?;
            }
        }
        Ok(done)
    }

    fn remove(
        &mut self,
        prefix: &[u8],
        key: &[u8],
        gone: &[Revision],
        told: &mut ChangeFinder<'_>,
    ) -> Result<(), MapError> {
        for revision in gone {
            self.side_mut().delete(rows::version_row(prefix, *revision).into());
            if let Some(row) = told.find(*revision, key)? {
                self.side_mut().delete(row);
            }
        }
        Ok(())
    }
}

/// The revisions of one key's records that need not stay. Leaves the cursor at the first row of the next key.
fn superfluous(
    versions: &mut dyn Cursor,
    prefix: &[u8],
    query: &CollectQuery<'_>,
    seen: &mut usize,
) -> Result<Vec<Revision>, MapError> {
    let CollectQuery { floor, points, rows_max, .. } = *query;
    versions.seek(&rows::version_row(prefix, floor))?;
    *seen += 1;
    let mut gone = Vec::new();
    let mut kept: Vec<(Revision, bool)> = Vec::new();
    let mut whole = true;
    while let Some(revision) = rows::revision_under(prefix, versions.key()) {
        // The record above it, or for the first one the floor, is the next thing that is read.
        let above = gone.last().copied().into_iter().chain(kept.last().map(|(kept, _)| *kept)).min();
        let is_needed = match above {
            None => true,
            Some(above) => points.iter().any(|point| revision <= *point && *point < above),
        };
        if is_needed {
            let tombstone = versions.value().is_some_and(record::is_tombstone);
            kept.push((revision, tombstone));
        } else {
            gone.push(revision);
        }
        *seen += 1;
        versions.advance()?;
        if *seen >= rows_max && !gone.is_empty() {
            whole = rows::revision_under(prefix, versions.key()).is_none();
            break;
        }
    }
    // The oldest that is left tells nothing if it is a tombstone; the one above it neither, then.
    while let Some((revision, true)) = kept.pop()
        && whole
        && revision != floor
        && points.binary_search(&revision).is_err()
    {
        gone.push(revision);
    }
    if !whole {
        // The same key again, from its first row on: what is left of it comes next.
        versions.seek(prefix)?;
    }
    Ok(gone)
}
