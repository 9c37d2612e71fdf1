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
        Self::bounded(view, range, (before, after), usize::MAX)
    }

    /// The same, which stops once either side has come to so many keys, at least one.
    pub(crate) fn bounded(
        view: &'a dyn ReadMap,
        range: &KeyRange,
        (before, after): (Option<Revision>, Option<Revision>),
        keys_max: usize,
    ) -> Result<Self, MapError> {
        let side = |at| side(view, range, at, keys_max);
        Ok(Self { before: side(before)?, after: side(after)? })
    }

    /// How many keys it has come to on both sides.
    pub(crate) fn keys(&self) -> usize {
        self.before.keys() + self.after.keys()
    }

    /// Whether its bound has stopped it before the end of the range.
    pub(crate) fn is_stopped(&self) -> Result<bool, MapError> {
        Ok(self.before.stopped_after()?.or(self.after.stopped_after()?).is_some())
    }

    /// The next key that differs; none at the end, or if it was stopped.
    pub(crate) fn next(&mut self) -> Result<Option<Difference>, MapError> {
        while !self.is_stopped()?
            && let Some((order, key)) = self.next_key()
        {
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
    keys_max: usize,
) -> Result<RangeCursor<'a>, MapError> {
    match at {
        Some(at) => RangeCursor::bounded(view, range, at, keys_max),
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
