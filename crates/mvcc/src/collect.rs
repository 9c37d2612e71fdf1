//! Collection: removes what nobody need read any more, a bounded part at a time.
//!
//! Of each key these records stay: all above the *floor*; the newest at or below it; and the newest at or below
//! each *point*, a revision further down that is to stay readable. What else lies below the floor goes, together
//! with the rows that told of the change. A tombstone below which nothing is left goes too, unless its revision
//! is the floor or a point itself: what changed then is still told.
//!
//! A store on disk has rows that were removed in the way of whoever passes over them, until it is compacted. A step
//! that goes on within a key therefore begins below what the one before came to, and need not pass over it.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

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
    /// How far an earlier step, with this floor, came within the key that the range begins with; none: it is gone
    /// through from the floor on.
    pub within: Option<&'a Within>,
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
    /// About so many rows were looked at.
    pub seen: usize,
    /// Where to begin next; none: the range was gone through.
    pub next: Option<Place>,
}

/// Where a step of collection ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Key to begin with.
    pub key: Bytes,
    /// How far it was gone through already; none: not at all.
    pub within: Option<Within>,
}

/// How far one key's records were gone through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Within {
    /// The record that was decided about last: those below it come next.
    pub above: Revision,
    /// Tombstones that stay unless nothing that stays is found below them: the newest first.
    pub tombstones: Vec<Revision>,
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
        let first = rows::version_prefix(&query.range.start);
        versions.seek(&first)?;
        let (mut within, mut done) = (query.within, Collection::default());
        while let Some(row) = versions.key().filter(|row| *row < end.as_slice()) {
            let Some((prefix, _)) = rows::split_version_row(row)? else { break };
            let prefix = prefix.to_vec();
            if done.seen >= query.rows_max {
                done.next = Some(Place { key: rows::unescape(&prefix)?.into(), within: None });
                break;
            }
            // It is of the key that the range begins with, which may have no row any more.
            let within = within.take().filter(|_| prefix == first);
            let (gone, rest) = superfluous(versions.as_mut(), (&prefix, within), query, &mut done.seen)?;
            let key = rows::unescape(&prefix)?;
            done.rows += gone.len();
            self.remove(&prefix, &key, &gone, &mut told)?;
            if rest.is_some() {
                done.next = Some(Place { key: key.into(), within: rest });
                break;
            }
        }
        Ok(done)
    }

    /// Removes these records of a key, and the rows that tell of the changes.
    pub(crate) fn remove(
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

/// The revisions of one key's records that need not stay, and how far it was gone through if that was not to its
/// end; else leaves the cursor at the first row of the next key.
fn superfluous(
    versions: &mut dyn Cursor,
    (prefix, within): (&[u8], Option<&Within>),
    query: &CollectQuery<'_>,
    seen: &mut usize,
) -> Result<(Vec<Revision>, Option<Within>), MapError> {
    let CollectQuery { floor, points, rows_max, .. } = *query;
    // The record above the present one, or for the first one the floor, is the next thing that is read.
    let mut above = within.map(|within| within.above);
    versions.seek(&rows::version_row(prefix, above.map_or(floor, Revision::previous)))?;
    *seen += 1;
    let mut gone = Vec::new();
    let left = within.map_or(&[][..], |within| &within.tombstones);
    let mut kept: Vec<_> = left.iter().map(|revision| (*revision, true)).collect();
    while let Some(revision) = rows::revision_under(prefix, versions.key()) {
        if above.is_none_or(|above| is_needed(revision, above, points)) {
            let tombstone = versions.value().is_some_and(record::is_tombstone);
            kept.push((revision, tombstone));
        } else {
            gone.push(revision);
        }
        above = Some(revision);
        *seen += 1;
        versions.advance()?;
        let is_more = rows::revision_under(prefix, versions.key()).is_some();
        if *seen >= rows_max && !gone.is_empty() && is_more {
            let tombstones = kept.rsplit(|(_, tombstone)| !tombstone).next().unwrap_or_default();
            let tombstones = tombstones.iter().map(|(revision, _)| *revision).collect();
            return Ok((gone, Some(Within { above: revision, tombstones })));
        }
    }
    // The oldest that is left tells nothing if it is a tombstone; the one above it neither, then.
    while let Some((revision, true)) = kept.pop()
        && revision != floor
        && points.binary_search(&revision).is_err()
    {
        gone.push(revision);
    }
    Ok((gone, None))
}

/// Whether a record is read at a point, the next one above it being so new.
fn is_needed(revision: Revision, above: Revision, points: &[Revision]) -> bool {
    let next = points.partition_point(|point| *point < revision);
    points.get(next).is_some_and(|point| *point < above)
}
