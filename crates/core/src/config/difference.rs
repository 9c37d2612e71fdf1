//! What differs between two moments of a namespace: both are walked side by side, each row once.

use std::cmp::Ordering;

use bytes::Bytes;
use conclave_mvcc::{ChangeKind, KeyRange, MapError, RangeCursor, ReadMap, Record, Revision};

/// Walks the keys of a range that hold something else at one moment than at another, in order. It keeps
/// one key in memory, however many there are.
pub(crate) struct Differences<'a> {
    before: RangeCursor<'a>,
    after: RangeCursor<'a>,
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
        Ok(Self { before: side(view, range, before)?, after: side(view, range, after)? })
    }

    /// The next key that differs.
    pub(crate) fn next(&mut self) -> Result<Option<Difference>, MapError> {
        while let Some((order, key)) = self.next_key() {
            if order.is_eq() && self.before.mod_revision() == self.after.mod_revision() {
                self.before.advance()?;
                self.after.advance()?;
                continue;
            }
            let key = Bytes::copy_from_slice(key);
            let before = take_if(order.is_le(), &mut self.before)?;
            let after = take_if(order.is_ge(), &mut self.after)?;
            if !same_content(before.as_ref(), after.as_ref()) {
                return Ok(Some(Difference { key, before, after }));
            }
        }
        Ok(None)
    }

    /// The first key of either side that is still to come; less: it exists before only, greater: after
    /// only, equal: at both moments.
    fn next_key(&self) -> Option<(Ordering, &[u8])> {
        match (self.before.key(), self.after.key()) {
            (None, None) => None,
            (Some(before), None) => Some((Ordering::Less, before)),
            (None, Some(after)) => Some((Ordering::Greater, after)),
            (Some(before), Some(after)) => Some((before.cmp(after), before.min(after))),
        }
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

fn side<'a>(
    view: &'a dyn ReadMap,
    range: &KeyRange,
    at: Option<Revision>,
) -> Result<RangeCursor<'a>, MapError> {
    match at {
        Some(at) => RangeCursor::new(view, range, at),
        None => {
            RangeCursor::new(view, &KeyRange::new(range.start.clone(), range.start.clone()), Revision::MAX)
        }
    }
}

fn take_if(exists: bool, side: &mut RangeCursor<'_>) -> Result<Option<Record>, MapError> {
    if !exists {
        return Ok(None);
    }
    let record = side.record()?;
    side.advance()?;
    Ok(Some(record))
}

fn same_content(before: Option<&Record>, after: Option<&Record>) -> bool {
    before.zip(after).is_some_and(|(before, after)| before.same_content(after))
}
