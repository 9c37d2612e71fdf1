//! The sweep: removes what was given up of the past of keys, by going through what changed, not through the keys.
//!
//! It comes to the same as [`Transaction::collect`] with a floor and no points, of keys that were swept before: of each
//! key its newest record at or below the floor stays, and all above it. Between two floors only what changed between
//! them can have something that need not stay, so a sweep costs what was changed since the last one, however many keys
//! there are.
//!
//! Each change takes with it what the key was before. A deletion takes itself with it, unless it happened at the floor:
//! what changed then is still told. It goes when the next sweep begins there.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::changes::{ChangeFinder, parse};
use crate::{ChangeKind, Cursor, KeyRange, MapError, ReadMap, Revision, Transaction, rows};

/// What is to be swept.
#[derive(Clone, Debug)]
pub struct SweepQuery<'a> {
    /// The keys of which it is; changes of others are passed over.
    pub ranges: &'a [KeyRange],
    /// The floor of the sweep before; zero: there was none.
    pub from: Revision,
    /// The floor, which is later.
    pub to: Revision,
    /// Where to begin: at `from`, or where an earlier step of this sweep ended.
    pub place: ChangePlace,
    /// At most about so many rows are looked at.
    pub rows_max: usize,
    /// No further change is looked at once the rows that were take so much.
    pub size_bytes_max: usize,
}

/// A place among all changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ChangePlace {
    /// When the change was made.
    pub revision: Revision,
    /// Its number among those of the revision, in order of key.
    pub sequence: u32,
}

/// What a step of a sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Records that were removed, each with the row that told of its change.
    pub records: usize,
    /// Where to begin next; none: the sweep is over.
    pub next: Option<ChangePlace>,
}

impl Transaction<'_> {
    /// Removes what need not stay of what changed, as far as the query's bounds reach: at least one change is looked at.
    ///
    /// # Errors
    /// The map cannot be read.
    pub fn sweep(&mut self, query: &SweepQuery<'_>) -> Result<Swept, MapError> {
        let view = self.view();
        let mut changes = view.cursor_before(&rows::change_row(query.to.next(), 0));
        changes.seek(&rows::change_row(query.place.revision, query.place.sequence))?;
        let (mut step, mut done) = (Step::new(view), Swept::default());
        while let Some((revision, sequence)) = rows::place_of_change(changes.key())? {
            if revision > query.to {
                break;
            }
            if step.seen.rows >= query.rows_max.max(1) || step.seen.size_bytes >= query.size_bytes_max.max(1)
            {
                done.next = Some(ChangePlace { revision, sequence });
                break;
            }
            done.records += step.take(self, query, (changes.as_ref(), revision))?;
            changes.advance()?;
        }
        Ok(done)
    }
}

/// A step that is being done.
struct Step<'a> {
    versions: Box<dyn Cursor + 'a>,
    told: ChangeFinder<'a>,
    /// Of the change that was looked at last.
    revision: Revision,
    seen: Seen,
}

/// What was looked at.
#[derive(Default)]
struct Seen {
    rows: usize,
    size_bytes: usize,
}

impl Seen {
    fn add(&mut self, row: &dyn Cursor) {
        let size_bytes = |part: Option<&[u8]>| part.map_or(0, <[u8]>::len);
        self.rows += 1;
        self.size_bytes += size_bytes(row.key()) + size_bytes(row.value());
    }
}

impl<'a> Step<'a> {
    fn new(view: &'a dyn ReadMap) -> Self {
        let versions = view.cursor_before(rows::VERSIONS_END);
        Self { versions, told: ChangeFinder::new(view), revision: Revision::ZERO, seen: Seen::default() }
    }

    /// Removes what the change that the cursor is at makes superfluous; tells how many records that were.
    fn take(
        &mut self,
        transaction: &mut Transaction<'_>,
        query: &SweepQuery<'_>,
        (change, revision): (&dyn Cursor, Revision),
    ) -> Result<usize, MapError> {
        self.seen.add(change);
        if revision != self.revision {
            // The keys of one revision come in their order, those of the next one from the first on.
            self.told.begin_anew();
            self.revision = revision;
        }
        let (kind, _, key) = parse(change)?;
        if !query.ranges.iter().any(|range| range.contains(key)) {
            return Ok(0);
        }
        let (prefix, mut removed) = (rows::version_prefix(key), 0);
        // What was before a change at the floor of the last sweep went by that.
        if kind != ChangeKind::Added
            && revision > query.from
            && let Some(before) = self.newest_before(&prefix, revision)?
        {
            transaction.remove(&prefix, key, &[before], &mut self.told)?;
            removed += 1;
        }
        if kind == ChangeKind::Deleted && revision < query.to {
            let row = change.key().map(Bytes::copy_from_slice).unwrap_or_default();
            transaction.side_mut().delete(row);
            transaction.side_mut().delete(rows::version_row(&prefix, revision).into());
            removed += 1;
        }
        Ok(removed)
    }

    /// When the key changed last before a revision, if that is still told.
    fn newest_before(&mut self, prefix: &[u8], revision: Revision) -> Result<Option<Revision>, MapError> {
        self.versions.seek(&rows::version_row(prefix, revision.previous()))?;
        let before = rows::revision_under(prefix, self.versions.key());
        if before.is_some() {
            self.seen.add(self.versions.as_ref());
        }
        Ok(before)
    }
}
