//! What differs between two moments of a namespace, found in one pass over its items.

use bytes::Bytes;
use conclave_mvcc::{ChangeKind, Changed, ChangedCursor, KeyRange, MapError, ReadMap, Record, Revision};

/// Walks the keys of a range that hold something else at one moment than at another, in order. It keeps
/// one key in memory, however many there are.
pub(crate) struct Differences<'a> {
    changed: ChangedCursor<'a>,
    /// Whether the later moment is the one before.
    is_back: bool,
}

/// A key that differs: it exists at one of the moments, or at both with other contents.
pub(crate) struct Difference {
    pub(crate) key: Bytes,
    pub(crate) before: Option<Record>,
    pub(crate) after: Option<Record>,
}

impl<'a> Differences<'a> {
    /// The differences from one revision to another, in either direction. No revision: nothing exists.
    pub(crate) fn new(
        view: &'a dyn ReadMap,
        range: &KeyRange,
        before: Option<Revision>,
        after: Option<Revision>,
    ) -> Result<Self, MapError> {
        Self::bounded(view, range, (before, after), usize::MAX)
    }

    /// The same, which stops once it has come to so many keys.
    pub(crate) fn bounded(
        view: &'a dyn ReadMap,
        range: &KeyRange,
        (before, after): (Option<Revision>, Option<Revision>),
        keys_max: usize,
    ) -> Result<Self, MapError> {
        let [before, after] = [before, after].map(|revision| revision.unwrap_or(Revision::ZERO));
        let moments = (before.min(after), before.max(after));
        Ok(Self { changed: ChangedCursor::new(view, range, moments, keys_max)?, is_back: before > after })
    }

    /// How many keys it has come to.
    pub(crate) fn keys(&self) -> usize {
        self.changed.keys()
    }

    /// Whether its bound has stopped it before the end of the range.
    pub(crate) fn is_stopped(&self) -> bool {
        self.changed.is_stopped()
    }

    /// The next key that differs; none at the end, or if it was stopped.
    pub(crate) fn next(&mut self) -> Result<Option<Difference>, MapError> {
        while let Some(Changed { key, earlier, later }) = self.changed.next_changed()? {
            let (before, after) = if self.is_back { (later, earlier) } else { (earlier, later) };
            if !same_content(before.as_ref(), after.as_ref()) {
                return Ok(Some(Difference { key, before, after }));
            }
        }
        Ok(None)
    }
}

impl Difference {
    /// How the key differs.
    pub(crate) fn kind(&self) -> ChangeKind {
        match (&self.before, &self.after) {
            (None, _) => ChangeKind::Added,
            (Some(_), Some(_)) => ChangeKind::Changed,
            (Some(_), None) => ChangeKind::Deleted,
        }
    }

    /// Roughly what it takes in memory: its key and both records.
    pub(crate) fn size_bytes(&self) -> usize {
        let record = |record: &Record| record.value.len() + record.annotations.len();
        self.key.len() + self.before.as_ref().map_or(0, record) + self.after.as_ref().map_or(0, record)
    }
}

fn same_content(before: Option<&Record>, after: Option<&Record>) -> bool {
    before.zip(after).is_some_and(|(before, after)| before.same_content(after))
}
