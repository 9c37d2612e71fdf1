//! From a session to its tickets: the rows of the side table [`TICKETS`].
//!
//! | row key | row value |
//! |---|---|
//! | session (8) | how many tickets the session has (8) |
//! | session (8), name of a lock | where its tickets on that lock lie, in order of their numbers |
//!
//! One row holds all tickets on one lock, so that finding them is one lookup, however often the session had and gave
//! up tickets before. It tells of each as much as to know whether it may be of a request, so that of a thousand tickets
//! only that one is read.

use std::collections::BTreeSet;

use bytes::Bytes;
use conclave_mvcc::{MapError, ReadMap, Transaction};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::ticket::{Lies, Ticket};
use crate::encoding::{decode, encode};
use crate::ids::{LeaseId, TicketId};
use crate::names::{LockName, RequestId};
use crate::tables::TICKETS;

const FORMAT: u8 = 1;

/// The tickets of a session on a lock, in order of their numbers.
pub(super) type Tickets = Vec<Known>;

/// What is known of a ticket without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Known {
    pub(super) number: TicketId,
    /// Of its request id. Two ids may have the same.
    fingerprint: u32,
    pub(super) lies: Lies,
}

impl Known {
    pub(super) fn of(ticket: &Ticket) -> Self {
        let fingerprint = fingerprint(&ticket.request_id);
        Self { number: ticket.number, fingerprint, lies: Lies::of(ticket) }
    }

    /// Whether the ticket may be of this request.
    pub(super) fn may_be_of(&self, request_id: &RequestId) -> bool {
        self.fingerprint == fingerprint(request_id)
    }

    pub(super) fn is_granted(&self) -> bool {
        matches!(self.lies, Lies::WithToken(_))
    }
}

fn fingerprint(request_id: &RequestId) -> u32 {
    let [.., a, b, c, d] = xxh3_64(request_id.as_str().as_bytes()).to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}

/// The tickets of a session on a lock.
pub(super) fn of_lock(
    transaction: &Transaction<'_>,
    session: LeaseId,
    name: &LockName,
) -> Result<Tickets, MapError> {
    let key = row_key(session, name);
    transaction.side_get(TICKETS, &key)?.map_or(Ok(Vec::new()), |row| parse(&key, &row))
}

/// The same as the view has it.
pub(super) fn of_lock_in(view: &dyn ReadMap, session: LeaseId, name: &LockName) -> Result<Tickets, MapError> {
    let key = row_key(session, name);
    TICKETS.get(view, &key)?.map_or(Ok(Vec::new()), |row| parse(&key, &row))
}

/// All tickets of a session by lock, as they were before the transaction that the view is of.
pub(super) fn of_session(view: &dyn ReadMap, session: LeaseId) -> Result<Vec<(LockName, Tickets)>, MapError> {
    let mut left = count_in(view, session)?;
    let mut found = Vec::new();
    if left == 0 {
        return Ok(found);
    }
    let prefix = TICKETS.row_key(&session.get().to_be_bytes());
    let mut cursor = view.cursor();
    cursor.seek(&prefix)?;
    while let (Some(key), Some(row)) = (cursor.key().filter(|key| key.starts_with(&prefix)), cursor.value()) {
        let name = &key[prefix.len()..];
        // The row of the count has nothing after the session.
        if !name.is_empty() {
            let name = str::from_utf8(name).ok().and_then(|name| LockName::parse(name).ok());
            let name = name.ok_or_else(|| MapError::damaged("tickets on no lock", key))?;
            let tickets = parse(key, row)?;
            left = left.saturating_sub(tickets.len() as u64);
            found.push((name, tickets));
        }
        // A step beyond the last would pass all that is gone of other sessions.
        if left == 0 {
            break;
        }
        cursor.advance()?;
    }
    Ok(found)
}

/// Notes where a ticket lies.
pub(super) fn set(
    transaction: &mut Transaction<'_>,
    name: &LockName,
    ticket: &Ticket,
) -> Result<(), MapError> {
    change(transaction, name, ticket.session, |tickets| {
        tickets.retain(|known| known.number != ticket.number);
        let place = tickets.partition_point(|known| known.number < ticket.number);
        tickets.insert(place, Known::of(ticket));
    })
}

/// Notes that tickets of a session are gone. All that go at once are told at once: the row is read and written whole.
pub(super) fn remove(
    transaction: &mut Transaction<'_>,
    name: &LockName,
    session: LeaseId,
    gone: &BTreeSet<TicketId>,
) -> Result<(), MapError> {
    change(transaction, name, session, |tickets| tickets.retain(|known| !gone.contains(&known.number)))
}

fn change(
    transaction: &mut Transaction<'_>,
    name: &LockName,
    session: LeaseId,
    change: impl FnOnce(&mut Tickets),
) -> Result<(), MapError> {
    let mut tickets = of_lock(transaction, session, name)?;
    let before = tickets.len();
    change(&mut tickets);
    let key = row_key(session, name);
    match tickets.len() {
        0 => transaction.side_delete(TICKETS, &key),
        _ => transaction.side_put(TICKETS, &key, encode(FORMAT, &tickets)),
    }
    let count = count(transaction, session)? + tickets.len() as u64;
    set_count(transaction, session, count.saturating_sub(before as u64));
    Ok(())
}

/// How many tickets a session has, as the transaction sees it.
pub(crate) fn count(transaction: &Transaction<'_>, session: LeaseId) -> Result<u64, MapError> {
    parse_count(session, transaction.side_get(TICKETS, &session.get().to_be_bytes())?)
}

/// How many tickets a session has.
pub(super) fn count_in(view: &dyn ReadMap, session: LeaseId) -> Result<u64, MapError> {
    parse_count(session, TICKETS.get(view, &session.get().to_be_bytes())?)
}

fn parse(key: &[u8], row: &[u8]) -> Result<Tickets, MapError> {
    decode(FORMAT, row).map_err(|_| MapError::damaged("unknown tickets of a session", key))
}

fn set_count(transaction: &mut Transaction<'_>, session: LeaseId, tickets: u64) {
    let key = session.get().to_be_bytes();
    match tickets {
        0 => transaction.side_delete(TICKETS, &key),
        _ => transaction.side_put(TICKETS, &key, Bytes::copy_from_slice(&tickets.to_be_bytes())),
    }
}

fn parse_count(session: LeaseId, row: Option<Bytes>) -> Result<u64, MapError> {
    let Some(row) = row else { return Ok(0) };
    let damaged = || MapError::damaged("no count of tickets", &session.get().to_be_bytes());
    Ok(u64::from_be_bytes(row.as_ref().try_into().map_err(|_| damaged())?))
}

fn row_key(session: LeaseId, name: &LockName) -> Vec<u8> {
    [session.get().to_be_bytes().as_slice(), name.as_str().as_bytes()].concat()
}
