//! Reads of plain keys, also within a transaction.

use conclave_mvcc::{
    KeyRange, MapError, RangeCursor, RangeLimits, ReadMap, Record, Revision, Transaction, get_at,
};

use super::command::{RangeQuery, RevisionBounds, Sort, SortTarget};
use super::compact::check_readable;
use super::outcome::{KeyValue, RangeFound};
use super::{ANSWER_SIZE_BYTES_MAX, KvRejection, readable, refuse};
use crate::stop::Stop;

/// How many keys of a transaction's own state are read at once.
const PAGE_KEYS: usize = 1_000;

/// What answers may still take.
pub(super) struct Room {
    left_bytes: usize,
}

impl Default for Room {
    fn default() -> Self {
        Self { left_bytes: ANSWER_SIZE_BYTES_MAX }
    }
}

impl Room {
    /// Takes what a pair needs.
    pub(super) fn take(&mut self, pair: &KeyValue) -> Result<(), Stop> {
        let left = self.left_bytes.checked_sub(pair.size_bytes());
        self.left_bytes = left.ok_or_else(|| {
            refuse(KvRejection::TooMuchToTell { size_bytes_max: ANSWER_SIZE_BYTES_MAX as u64 })
        })?;
        Ok(())
    }
}

/// Whether what the query asks for can be read, before anything is done.
pub(super) fn check(view: &dyn ReadMap, query: &RangeQuery) -> Result<(), Stop> {
    query.revision.map_or(Ok(()), |revision| check_readable(view, revision))
}

/// Reads what [`check`] has found readable.
pub(super) fn read(
    transaction: &mut Transaction<'_>,
    query: &RangeQuery,
    room: &mut Room,
) -> Result<RangeFound, Stop> {
    let limit =
        if query.limit == 0 { usize::MAX } else { usize::try_from(query.limit).unwrap_or(usize::MAX) };
    // Where they are cut in the order in which they come, those beyond the limit need only be counted.
    let is_cut = query.bounds == RevisionBounds::default() && query.sort.is_none_or(Sort::is_cut_in_order);
    let told_max = match (query.count_only, is_cut, query.sort) {
        (true, _, _) => 0,
        (false, true, Some(Sort { cut_before: true, .. })) => limit.saturating_add(1),
        (false, true, _) => limit,
        (false, false, _) => usize::MAX,
    };
    let needs_values = !query.keys_only || query.sort.is_some_and(|sort| sort.by == SortTarget::Value);
    let mut found = RangeFound::default();
    each(transaction, &query.range, query.revision, &mut |mut pair: KeyValue| {
        found.count += 1;
        if found.pairs.len() < told_max && query.bounds.admit(&pair) {
            if !needs_values {
                pair.value.clear();
            }
            room.take(&pair)?;
            found.pairs.push(pair);
        }
        Ok::<_, Stop>(true)
    })?;
    if let Some(sort) = query.sort {
        sort.order(&mut found.pairs);
    }
    found.more =
        !query.count_only && if is_cut { found.count > limit as u64 } else { found.pairs.len() > limit };
    found.pairs.truncate(limit);
    if query.keys_only {
        found.pairs.iter_mut().for_each(|pair| pair.value.clear());
    }
    Ok(found)
}

/// Calls `visit` for each readable key of a range, in order, until it says that it is enough: as of a revision, or as
/// the transaction has it now.
pub(super) fn each<E: From<MapError>>(
    transaction: &mut Transaction<'_>,
    range: &KeyRange,
    at: Option<Revision>,
    visit: &mut dyn FnMut(KeyValue) -> Result<bool, E>,
) -> Result<(), E> {
    for part in readable(range) {
        let goes_on = match at {
            Some(at) if is_single(&part) => {
                let record = get_at(transaction.view(), &part.start, at)?;
                visit_one(&part, record, visit)?
            }
            Some(at) => each_at(transaction, &part, at, visit)?,
            None if is_single(&part) => {
                let record = transaction.get(&part.start)?.cloned();
                visit_one(&part, record, visit)?
            }
            None => each_now(transaction, &part, visit)?,
        };
        if !goes_on {
            break;
        }
    }
    Ok(())
}

fn is_single(range: &KeyRange) -> bool {
    range.end.strip_suffix(&[0]) == Some(range.start.as_ref())
}

fn visit_one<E: From<MapError>>(
    range: &KeyRange,
    record: Option<Record>,
    visit: &mut dyn FnMut(KeyValue) -> Result<bool, E>,
) -> Result<bool, E> {
    record.map_or(Ok(true), |record| visit(KeyValue::new(range.start.clone(), record)))
}

fn each_at<E: From<MapError>>(
    transaction: &Transaction<'_>,
    range: &KeyRange,
    at: Revision,
    visit: &mut dyn FnMut(KeyValue) -> Result<bool, E>,
) -> Result<bool, E> {
    let mut cursor = RangeCursor::new(transaction.view(), range, at)?;
    while let Some(key) = cursor.key() {
        let pair = KeyValue::new(key.to_vec().into(), cursor.record()?);
        if !visit(pair)? {
            return Ok(false);
        }
        cursor.advance()?;
    }
    Ok(true)
}

fn each_now<E: From<MapError>>(
    transaction: &Transaction<'_>,
    range: &KeyRange,
    visit: &mut dyn FnMut(KeyValue) -> Result<bool, E>,
) -> Result<bool, E> {
    if !transaction.has_written() {
        return each_at(transaction, range, Revision::MAX, visit);
    }
    let limits = RangeLimits {
        records_max: PAGE_KEYS,
        size_bytes_max: usize::MAX,
        keys_max: usize::MAX,
        keys_only: false,
    };
    let mut rest = range.clone();
    loop {
        let page = transaction.range(&rest, limits)?;
        for (key, record) in page.records {
            if !visit(KeyValue::new(key, record))? {
                return Ok(false);
            }
        }
        match page.next {
            Some(last) => rest = rest.after(&last),
            None => return Ok(true),
        }
    }
}

impl RevisionBounds {
    fn admit(&self, pair: &KeyValue) -> bool {
        let within = |revision: Revision, min: i64, max: i64| {
            let revision = revision.get().cast_signed();
            (min == 0 || revision >= min) && (max == 0 || revision <= max)
        };
        within(pair.mod_revision, self.mod_min, self.mod_max)
            && within(pair.create_revision, self.create_min, self.create_max)
    }
}

impl Sort {
    fn is_cut_in_order(self) -> bool {
        self.cut_before || (self.by == SortTarget::Key && !self.descending)
    }

    fn order(self, pairs: &mut [KeyValue]) {
        // It keeps the order of equal ones, whichever way.
        pairs.sort_by(|one, other| {
            let order = match self.by {
                SortTarget::Key => one.key.cmp(&other.key),
                SortTarget::Version => one.version.cmp(&other.version),
                SortTarget::CreateRevision => one.create_revision.cmp(&other.create_revision),
                SortTarget::ModRevision => one.mod_revision.cmp(&other.mod_revision),
                SortTarget::Value => one.value.cmp(&other.value),
            };
            if self.descending { order.reverse() } else { order }
        });
    }
}
