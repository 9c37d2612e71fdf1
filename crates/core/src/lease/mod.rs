//! Leases: promises to stay alive. A session is one.
//!
//! Here is only which leases there are. Time is not: whether a lease was renewed in time is measured by the leader,
//! in memory, and comes here as a command when it was not. So that a stale leader ends nobody, that command names its
//! term, and is refused in an entry of another one.
//!
//! What hangs on a lease is of other domains; `execute.rs` has it go with the lease, in the same step.

mod command;
mod outcome;
mod record;
mod rejection;

use conclave_mvcc::{KeyRange, MapError, PresentCursor, ReadMap, Revised, Transaction, get_present};

pub use command::{CheckpointLeases, ExpireLeases, GrantLease, LeaseCommand, RevokeLease};
pub use outcome::{LeaseInfo, LeaseOutcome};
pub use rejection::LeaseRejection;

use record::{all, decode, id_of_key, key, put, remove};

use crate::ids::LeaseId;
use crate::rejection::Rejection;
use crate::stop::Stop;
use crate::totals::LEASES;

/// Most leases that there may be.
pub const LEASES_MAX: u64 = 1_000_000;

/// Makes a lease.
pub(crate) fn grant(
    transaction: &mut Transaction<'_>,
    grant: &GrantLease,
    time_ms: i64,
) -> Result<LeaseInfo, Stop> {
    let GrantLease { id, ttl_ms, owner, metadata } = grant.clone();
    if find(transaction, id)?.is_some() {
        return Err(refuse(LeaseRejection::Exists { id: id.get() }));
    }
    let leases = LEASES.of(transaction)?;
    if leases >= LEASES_MAX {
        return Err(refuse(LeaseRejection::Full { leases_max: LEASES_MAX }));
    }
    LEASES.set(transaction, leases + 1);
    let lease = LeaseInfo { id, ttl_ms, remaining_ms: None, owner, metadata, granted_ms: time_ms };
    put(transaction, &lease)?;
    Ok(lease)
}

/// Ends a lease, which must be there.
pub(crate) fn end(transaction: &mut Transaction<'_>, id: LeaseId) -> Result<(), Stop> {
    if !remove(transaction, id)? {
        return Err(refuse(LeaseRejection::NotFound { id: id.get() }));
    }
    let leases = LEASES.of(transaction)?;
    LEASES.set(transaction, leases.saturating_sub(1));
    Ok(())
}

/// Notes how much is left of leases; tells of how many.
pub(crate) fn checkpoint(
    transaction: &mut Transaction<'_>,
    checkpoint: &CheckpointLeases,
) -> Result<u64, Stop> {
    let mut leases = 0;
    for (id, remaining_ms) in &checkpoint.remaining {
        let Some(lease) = find(transaction, *id)? else { continue };
        put(transaction, &LeaseInfo { remaining_ms: *remaining_ms, ..lease })?;
        leases += 1;
    }
    Ok(leases)
}

/// Refuses what is of another term than it was measured in.
pub(crate) fn require_term(measured: u64, term: u64) -> Result<(), Stop> {
    if measured == term { Ok(()) } else { Err(refuse(LeaseRejection::OtherTerm { term: measured })) }
}

/// Refuses if there is no such lease.
pub(crate) fn require(transaction: &mut Transaction<'_>, id: LeaseId) -> Result<(), Stop> {
    match find(transaction, id)? {
        Some(_) => Ok(()),
        None => Err(refuse(LeaseRejection::NotFound { id: id.get() })),
    }
}

/// Whether the transaction has such a lease.
pub(crate) fn exists(transaction: &mut Transaction<'_>, id: LeaseId) -> Result<bool, MapError> {
    Ok(find(transaction, id)?.is_some())
}

/// One lease; none if there is no such, or no more.
///
/// # Errors
/// The map cannot be read.
pub fn get(view: &dyn ReadMap, id: LeaseId) -> Result<Option<LeaseInfo>, MapError> {
    get_present(view, &key(id))?.map(|record| decode(id, &record)).transpose()
}

/// A page of leases in order of id, and whether there are more.
///
/// # Errors
/// The map cannot be read.
pub fn list(
    view: &dyn ReadMap,
    after: Option<LeaseId>,
    page_max: usize,
) -> Result<(Vec<LeaseInfo>, bool), MapError> {
    let range = after.map_or_else(all, |id| all().after(&key(id)));
    let mut cursor = PresentCursor::new(view, &range)?;
    let mut page = Vec::new();
    while let Some(key) = cursor.key() {
        if page.len() >= page_max {
            return Ok((page, true));
        }
        page.push(decode(id_of_key(key)?, &cursor.record()?)?);
        cursor.advance()?;
    }
    Ok((page, false))
}

/// How many leases there are.
///
/// # Errors
/// The map cannot be read.
pub fn count(view: &dyn ReadMap) -> Result<u64, MapError> {
    LEASES.in_view(view)
}

/// The keys whose events tell of leases.
pub fn watch_range() -> KeyRange {
    all()
}

/// How a lease changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeaseChange {
    /// It was made, or it was noted how much is left of it.
    Is(LeaseInfo),
    /// It has ended.
    Ended(LeaseId),
}

/// What a revision did to leases.
///
/// # Errors
/// An event holds what this crate never wrote.
pub fn changes_in(revised: &Revised) -> Result<Vec<LeaseChange>, MapError> {
    let range = all();
    let of_leases = revised.events.iter().filter(|event| range.contains(&event.key));
    let changes = of_leases.map(|event| {
        let id = id_of_key(&event.key)?;
        Ok(match event.record() {
            Some(record) => LeaseChange::Is(decode(id, record)?),
            None => LeaseChange::Ended(id),
        })
    });
    changes.collect()
}

fn find(transaction: &mut Transaction<'_>, id: LeaseId) -> Result<Option<LeaseInfo>, MapError> {
    transaction.get_present(&key(id))?.map(|record| decode(id, record)).transpose()
}

fn refuse(rejection: LeaseRejection) -> Stop {
    Stop::Rejected(Rejection::Lease(rejection))
}

#[cfg(test)]
mod golden;
