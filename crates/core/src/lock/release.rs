//! Tickets that go: released, given up, taken by force, or with their session.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use conclave_mvcc::{MapError, PresentCursor, Transaction};

use super::command::{Abandon, ForceRelease, Release, Which};
use super::forced;
use super::grant::grant_next;
use super::head::Head;
use super::index;
use super::keys;
use super::outcome::ForcedRelease;
use super::read::{bounded, holding, tickets};
use super::refuse;
use super::rejection::LockRejection;
use super::ticket::{Lies, Ticket};
use crate::ids::{FencingToken, LeaseId, TicketId};
use crate::names::LockName;
use crate::stop::Stop;

/// Releases some of a session's tickets on a lock; tells how many.
pub(super) fn release(
    transaction: &mut Transaction<'_>,
    release: &Release,
    time_ms: i64,
) -> Result<u64, Stop> {
    let Release { name, session, which } = release;
    let tickets = index::of_lock(transaction, *session, name)?;
    let meant: Vec<_> = tickets
        .into_iter()
        .filter(|known| match which {
            Which::All => true,
            Which::Token(token) => known.lies == Lies::WithToken(*token),
            Which::Ticket(ticket) => known.number == *ticket,
        })
        .map(|known| known.lies)
        .collect();
    if meant.is_empty() {
        let (name, session) = (name.to_string(), session.get());
        return Err(refuse(LockRejection::NotHeld { name, session }));
    }
    leave(transaction, name, &meant, time_ms)?;
    Ok(meant.len() as u64)
}

/// Gives up a ticket whose call has ended, if no other call attends it; tells how many. That the call has ended is
/// noted in any case: a call that came late, and is given up later, must not leave the ticket to it.
pub(super) fn abandon(
    transaction: &mut Transaction<'_>,
    abandon: &Abandon,
    time_ms: i64,
) -> Result<u64, Stop> {
    let Abandon { name, session, ticket: number, call, unanswered } = abandon;
    let tickets = index::of_lock(transaction, *session, name)?;
    let Some(known) = tickets.into_iter().find(|known| known.number == *number) else { return Ok(0) };
    let Some(mut ticket) = Ticket::find(transaction, &known.lies.key(name))? else { return Ok(0) };
    let attends = ticket.calls.last() == Some(call);
    if attends && (!unanswered || ticket.calls.len() == 1) {
        leave(transaction, name, &[known.lies], time_ms)?;
        return Ok(1);
    }
    if ticket.calls.contains(call) {
        ticket.calls.retain(|known| known != call);
        ticket.write(transaction, name)?;
    }
    Ok(0)
}

/// Takes a lock from who holds it, and notes why; tells how many grants.
pub(super) fn force(
    transaction: &mut Transaction<'_>,
    force: &ForceRelease,
    time_ms: i64,
) -> Result<u64, Stop> {
    let ForceRelease { name, token, author, reason } = force;
    let Some(head) = Head::find(transaction, name)? else {
        return Err(refuse(LockRejection::NotFound { name: name.to_string() }));
    };
    let holders = match token {
        Some(token) => Ticket::find(transaction, &keys::holder(name, *token))?.into_iter().collect(),
        None => tickets(transaction.view(), &holding(name, head), bounded(usize::MAX, head.holders))?,
    };
    let Some(newest) = holders.last() else {
        let held_token = head.held_token();
        let (name, token) = (name.to_string(), token.map_or(0, |token| token.get()));
        return Err(refuse(LockRejection::NothingTaken { name, token, held_token }));
    };
    // However many are taken at once, one is remembered: else a lock that many share would push out all others.
    let forced = ForcedRelease {
        token: newest.granted.map_or(FencingToken::default(), |granted| granted.token),
        owner: newest.owner.clone(),
        session: newest.session,
        author: author.clone(),
        reason: reason.clone(),
        time_ms,
        revision: transaction.present_revision()?,
    };
    forced::note(transaction, name, &forced)?;
    let lies: Vec<_> = holders.iter().map(Lies::of).collect();
    leave(transaction, name, &lies, time_ms)?;
    Ok(lies.len() as u64)
}

/// Removes all tickets of sessions that have ended, before any is granted anew: none of theirs may be. Tells how many.
pub(crate) fn leave_all(
    transaction: &mut Transaction<'_>,
    sessions: &[LeaseId],
    time_ms: i64,
) -> Result<u64, MapError> {
    let mut by_lock: BTreeMap<LockName, Vec<Lies>> = BTreeMap::new();
    for session in sessions {
        for (name, tickets) in index::of_session(transaction.view(), *session)? {
            by_lock.entry(name).or_default().extend(tickets.into_iter().map(|known| known.lies));
        }
    }
    let mut count = 0;
    for (name, tickets) in by_lock {
        count += tickets.len() as u64;
        leave(transaction, &name, &tickets, time_ms)?;
    }
    Ok(count)
}

/// Removes tickets of one lock, all of them first; then grants who comes next.
fn leave(
    transaction: &mut Transaction<'_>,
    name: &LockName,
    tickets: &[Lies],
    time_ms: i64,
) -> Result<(), MapError> {
    let mut head = Head::find(transaction, name)?
        .ok_or_else(|| MapError::damaged("a lock has tickets and no head", name.as_str().as_bytes()))?;
    let mut gone: BTreeMap<LeaseId, BTreeSet<TicketId>> = BTreeMap::new();
    for lies in tickets {
        let key = lies.key(name);
        let ticket =
            Ticket::find(transaction, &key)?.ok_or_else(|| MapError::damaged("a ticket is missing", &key))?;
        ticket.remove(transaction, name)?;
        match lies {
            Lies::InQueue(_) => head.waiters = head.waiters.saturating_sub(1),
            Lies::WithToken(_) => head.dismiss(ticket.mode),
        }
        gone.entry(ticket.session).or_default().insert(ticket.number);
    }
    for (session, gone) in gone {
        index::remove(transaction, name, session, &gone)?;
    }
    if tickets.contains(&Lies::WithToken(head.first_token)) {
        find_first_holder(transaction, name, &mut head)?;
    }
    grant_next(transaction, name, &mut head, time_ms)?;
    head.write(transaction, name)
}

/// Notes who holds the lock first, after whoever did has left: looking for holders passes nobody twice who is gone.
fn find_first_holder(
    transaction: &mut Transaction<'_>,
    name: &LockName,
    head: &mut Head,
) -> Result<(), MapError> {
    if head.holders == 0 {
        return Ok(());
    }
    let mut cursor = PresentCursor::new(transaction.view(), &holding(name, *head))?;
    while let Some(key) = cursor.key() {
        let key = Bytes::copy_from_slice(key);
        if let Some(Ticket { granted: Some(granted), .. }) = Ticket::find(transaction, &key)? {
            head.first_token = granted.token;
            return Ok(());
        }
        cursor.advance()?;
    }
    Err(MapError::damaged("a lock counts holders that it has not", name.as_str().as_bytes()))
}
