//! Reading locks.

use conclave_mvcc::{KeyRange, MapError, PresentCursor, ReadMap, get_present};

use super::forced;
use super::head::Head;
use super::index;
use super::keys::{self, Place};
use super::outcome::{HolderInfo, LockInfo, Standing, WaiterInfo};
use super::ticket::Ticket;
use crate::ids::{FencingToken, LeaseId, TicketId};
use crate::names::LockName;

/// How much of a lock is read.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// At most so many holders.
    pub holders_max: usize,
    /// At most so many waiters.
    pub waiters_max: usize,
    /// Whether the last release by force is read too.
    pub with_forced: bool,
}

/// Which locks to list.
#[derive(Clone, Copy, Debug)]
pub struct LocksQuery<'a> {
    /// Only those whose names begin with this; empty: all.
    pub prefix: &'a str,
    /// Only those after this one.
    pub after: Option<&'a LockName>,
    /// At most so many.
    pub locks_max: usize,
    /// No further one once those found take so much.
    pub size_bytes_max: usize,
    /// How much of each.
    pub extent: Extent,
}

/// One lock; none if nobody holds it or waits for it, and no release by force is remembered.
///
/// # Errors
/// The map cannot be read.
pub fn get(view: &dyn ReadMap, name: &LockName, extent: Extent) -> Result<Option<LockInfo>, MapError> {
    let head = get_present(view, &keys::head(name))?.map(|record| Head::decode(&record)).transpose()?;
    let lock = info(view, name.clone(), head.unwrap_or_default(), extent)?;
    Ok((head.is_some() || lock.forced.is_some()).then_some(lock))
}

/// A page of locks in order of name, and whether there are more.
///
/// # Errors
/// The map cannot be read.
pub fn list(view: &dyn ReadMap, query: &LocksQuery<'_>) -> Result<(Vec<LockInfo>, bool), MapError> {
    let heads = keys::heads(query.prefix);
    let range = query.after.map_or(heads.clone(), |name| heads.after(&keys::head(name)));
    let mut cursor = PresentCursor::new(view, &range)?;
    let (mut page, mut size_bytes) = (Vec::new(), 0);
    while let Some(key) = cursor.key() {
        if !page.is_empty() && (page.len() >= query.locks_max || size_bytes >= query.size_bytes_max) {
            return Ok((page, true));
        }
        let name = name_of_head(key)?;
        let lock = info(view, name, Head::decode(&cursor.record()?)?, query.extent)?;
        size_bytes += lock.size_bytes();
        page.push(lock);
        cursor.advance()?;
    }
    Ok((page, false))
}

/// How a ticket stands; none if it is gone. Of one that waits, nobody is counted before it.
///
/// # Errors
/// The map cannot be read.
pub fn standing(
    view: &dyn ReadMap,
    name: &LockName,
    session: LeaseId,
    ticket: TicketId,
) -> Result<Option<Standing>, MapError> {
    let tickets = index::of_lock_in(view, session, name)?;
    let Some(known) = tickets.into_iter().find(|known| known.number == ticket) else { return Ok(None) };
    let key = known.lies.key(name);
    let record = get_present(view, &key)?.ok_or_else(|| MapError::damaged("a ticket is missing", &key))?;
    Ok(Some(match Ticket::decode(&record)?.granted {
        Some(granted) => Standing::Granted(granted),
        None => Standing::Waiting { ahead: 0 },
    }))
}

/// The numbers of those who wait for a lock, in order: at most so many.
///
/// # Errors
/// The map cannot be read.
pub fn queue(view: &dyn ReadMap, name: &LockName, tickets_max: usize) -> Result<Vec<TicketId>, MapError> {
    let Some(record) = get_present(view, &keys::head(name))? else { return Ok(Vec::new()) };
    let head = Head::decode(&record)?;
    let tickets_max = bounded(tickets_max, head.waiters);
    let mut found = Vec::new();
    each(view, &waiting(name, head), tickets_max, |cursor| {
        if let Some((_, Place::Queue(number))) = cursor.key().map(keys::parse).transpose()?.flatten() {
            found.push(number);
        }
        Ok(())
    })?;
    Ok(found)
}

/// Who holds a lock with a token; none if nobody does.
///
/// # Errors
/// The map cannot be read.
pub fn holder(
    view: &dyn ReadMap,
    name: &LockName,
    token: FencingToken,
) -> Result<Option<HolderInfo>, MapError> {
    let record = get_present(view, &keys::holder(name, token))?;
    Ok(record.map(|record| Ticket::decode(&record)).transpose()?.and_then(Ticket::into_holder))
}

/// The greatest token with which a lock is held; none if nobody holds it.
///
/// # Errors
/// The map cannot be read.
pub fn newest_token(view: &dyn ReadMap, name: &LockName) -> Result<Option<FencingToken>, MapError> {
    let Some(record) = get_present(view, &keys::head(name))? else { return Ok(None) };
    let head = Head::decode(&record)?;
    let mut newest = None;
    each(view, &holding(name, head), bounded(usize::MAX, head.holders), |cursor| {
        if let Some((_, Place::Holder(token))) = cursor.key().map(keys::parse).transpose()?.flatten() {
            newest = Some(token);
        }
        Ok(())
    })?;
    Ok(newest)
}

/// How many tickets a session has.
///
/// # Errors
/// The map cannot be read.
pub fn tickets_of(view: &dyn ReadMap, session: LeaseId) -> Result<u64, MapError> {
    index::count_in(view, session)
}

fn info(view: &dyn ReadMap, name: LockName, head: Head, extent: Extent) -> Result<LockInfo, MapError> {
    let forced = if extent.with_forced { forced::last(view, &name)? } else { None };
    let holders = tickets(view, &holding(&name, head), bounded(extent.holders_max, head.holders))?;
    let waiters = tickets(view, &waiting(&name, head), bounded(extent.waiters_max, head.waiters))?;
    Ok(LockInfo {
        name,
        holders: holders.into_iter().filter_map(Ticket::into_holder).collect(),
        holder_count: head.holders,
        waiters: waiters.into_iter().map(Ticket::into_waiter).collect::<Vec<WaiterInfo>>(),
        waiter_count: head.waiters,
        capacity: head.capacity,
        forced,
    })
}

/// The first tickets of a range that has so many.
pub(super) fn tickets(view: &dyn ReadMap, range: &KeyRange, count: usize) -> Result<Vec<Ticket>, MapError> {
    let mut found = Vec::new();
    each(view, range, count, |cursor| {
        found.push(Ticket::decode(&cursor.record()?)?);
        Ok(())
    })?;
    Ok(found)
}

/// Looks at the first keys of a range that has so many, and makes no step beyond the last of them: on disk it would
/// pass all that is gone of what follows.
fn each(
    view: &dyn ReadMap,
    range: &KeyRange,
    count: usize,
    mut look: impl FnMut(&PresentCursor<'_>) -> Result<(), MapError>,
) -> Result<(), MapError> {
    if count == 0 {
        return Ok(());
    }
    let mut cursor = PresentCursor::new(view, range)?;
    for left in (0..count).rev() {
        if cursor.key().is_none() {
            return Err(MapError::damaged("tickets are missing", &range.start));
        }
        look(&cursor)?;
        if left > 0 {
            cursor.advance()?;
        }
    }
    Ok(())
}

/// So many as there are, at most so many as are wanted.
pub(super) fn bounded(wanted_max: usize, there_are: u64) -> usize {
    usize::try_from(there_are).map_or(wanted_max, |there_are| there_are.min(wanted_max))
}

/// Those who wait, from the first on.
pub(super) fn waiting(name: &LockName, head: Head) -> KeyRange {
    keys::queue(name).after(&keys::waiter(name, head.served))
}

/// Those who hold a lock, from the first on.
pub(super) fn holding(name: &LockName, head: Head) -> KeyRange {
    let before = FencingToken::new(head.first_token.get().saturating_sub(1));
    keys::holders(name).after(&keys::holder(name, before))
}

fn name_of_head(key: &[u8]) -> Result<LockName, MapError> {
    match keys::parse(key)? {
        Some((name, Place::Head)) => Ok(name),
        _ => Err(MapError::damaged("no head of a lock", key)),
    }
}
