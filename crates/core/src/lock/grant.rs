//! Granting: who comes next, and with which token.

use std::collections::BTreeSet;

use bytes::Bytes;
use conclave_mvcc::{MapError, PresentCursor, Transaction};

use super::head::Head;
use super::index;
use super::outcome::Granted;
use super::read::{bounded, waiting};
use super::ticket::Ticket;
use crate::ids::{FencingToken, TicketId};
use crate::names::LockName;
use crate::totals::LAST_TOKEN;

/// A waiter whose time is over is passed over so much later: whoever attends it gives it up before.
const OVERDUE_MS: i64 = 2_000;
/// Most tickets that one look at the queue brings. The first brings one and each further one twice as many: mostly one
/// is granted and the next has to wait, however many wait behind.
const LOOK_MAX: usize = 256;

/// Grants as many of those who wait, in order of arrival, as go with who holds the lock.
pub(super) fn grant_next(
    transaction: &mut Transaction<'_>,
    name: &LockName,
    head: &mut Head,
    time_ms: i64,
) -> Result<(), MapError> {
    let mut look_max = 1;
    loop {
        let first = first_waiting(transaction, name, head, look_max)?;
        let all_seen = first.len() < look_max;
        for ticket in first {
            if ticket.is_overdue(time_ms) {
                let served = ticket.number;
                drop_waiter(transaction, name, head, &ticket)?;
                head.served = served;
            } else if head.admits(ticket.mode) {
                grant_waiter(transaction, name, head, (ticket, time_ms))?;
            } else {
                // Those who left before it are not passed again.
                head.served = TicketId::new(ticket.number.get().saturating_sub(1));
                return Ok(());
            }
        }
        if all_seen {
            head.served = TicketId::new(transaction.present_revision()?.previous().get());
            return Ok(());
        }
        look_max = (2 * look_max).min(LOOK_MAX);
    }
}

/// Grants a ticket that lies nowhere yet.
pub(super) fn grant(
    transaction: &mut Transaction<'_>,
    name: &LockName,
    head: &mut Head,
    (mut ticket, time_ms): (Ticket, i64),
) -> Result<Granted, MapError> {
    let token = next_token(transaction)?;
    let granted = Granted { token, since_ms: time_ms };
    ticket.granted = Some(granted);
    head.admit(ticket.mode, token);
    ticket.write(transaction, name)?;
    index::set(transaction, name, &ticket)?;
    Ok(granted)
}

/// Takes a ticket out of the queue whose time is over.
fn drop_waiter(
    transaction: &mut Transaction<'_>,
    name: &LockName,
    head: &mut Head,
    ticket: &Ticket,
) -> Result<(), MapError> {
    ticket.remove(transaction, name)?;
    index::remove(transaction, name, ticket.session, &BTreeSet::from([ticket.number]))?;
    head.waiters = head.waiters.saturating_sub(1);
    Ok(())
}

fn grant_waiter(
    transaction: &mut Transaction<'_>,
    name: &LockName,
    head: &mut Head,
    (ticket, time_ms): (Ticket, i64),
) -> Result<(), MapError> {
    ticket.remove(transaction, name)?;
    head.waiters = head.waiters.saturating_sub(1);
    head.served = ticket.number;
    grant(transaction, name, head, (ticket, time_ms))?;
    Ok(())
}

/// The first of those who wait. The transaction has at most taken some away.
fn first_waiting(
    transaction: &mut Transaction<'_>,
    name: &LockName,
    head: &Head,
    look_max: usize,
) -> Result<Vec<Ticket>, MapError> {
    let mut found = Vec::new();
    let look_max = bounded(look_max, head.waiters);
    if look_max == 0 {
        return Ok(found);
    }
    let mut cursor = PresentCursor::new(transaction.view(), &waiting(name, *head))?;
    while let Some(key) = cursor.key() {
        let key = Bytes::copy_from_slice(key);
        found.extend(Ticket::find(transaction, &key)?);
        if found.len() >= look_max {
            break;
        }
        cursor.advance()?;
    }
    Ok(found)
}

/// A token above all that were given out, and not below the revision: after a restore, which leaves revisions out,
/// tokens go on above those that the backup did not know.
fn next_token(transaction: &mut Transaction<'_>) -> Result<FencingToken, MapError> {
    let last = LAST_TOKEN.of(transaction)?;
    let next = transaction.present_revision()?.get().max(last.saturating_add(1));
    LAST_TOKEN.set(transaction, next);
    Ok(FencingToken::new(next))
}

impl Ticket {
    fn is_overdue(&self, time_ms: i64) -> bool {
        self.wait_until_ms.is_some_and(|until| until.saturating_add(OVERDUE_MS) < time_ms)
    }
}
