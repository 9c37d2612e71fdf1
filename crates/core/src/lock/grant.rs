//! Granting: who comes next, and with which token.

use conclave_mvcc::{MapError, PresentCursor, Transaction};

use super::head::Head;
use super::index;
use super::keys;
use super::outcome::Granted;
use super::ticket::{Lies, Ticket};
use crate::ids::FencingToken;
use crate::names::LockName;
use crate::totals::LAST_TOKEN;

/// A waiter whose time is over is passed over so much later: whoever attends it gives it up before.
const OVERDUE_MS: i64 = 2_000;
/// Most tickets that one look at the queue brings, after the first.
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
        let waiting = first_waiting(transaction, name, head, look_max)?;
        let all_seen = waiting.len() < look_max;
        for ticket in waiting {
            if ticket.is_overdue(time_ms) {
                let served = ticket.number;
                drop_waiter(transaction, name, head, &ticket)?;
                head.served = served;
            } else if head.admits(ticket.mode) {
                grant_waiter(transaction, name, head, (ticket, time_ms))?;
            } else {
                return Ok(());
            }
        }
        if all_seen {
            return Ok(());
        }
        look_max = LOOK_MAX;
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
    let lies = Lies::of(&ticket);
    index::set(transaction, name, ticket.session, (ticket.number, Some(lies)))?;
    Ok(granted)
}

/// Takes a ticket out of the queue.
pub(super) fn drop_waiter(
    transaction: &mut Transaction<'_>,
    name: &LockName,
    head: &mut Head,
    ticket: &Ticket,
) -> Result<(), MapError> {
    ticket.remove(transaction, name)?;
    index::set(transaction, name, ticket.session, (ticket.number, None))?;
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
    if head.waiters == 0 {
        return Ok(found);
    }
    let range = keys::queue(name).after(&keys::waiter(name, head.served));
    let mut cursor = PresentCursor::new(transaction.view(), &range)?;
    while let Some(key) = cursor.key()
        && found.len() < look_max
    {
        let key = bytes::Bytes::copy_from_slice(key);
        found.extend(Ticket::find(transaction, &key)?);
        cursor.advance()?;
    }
    Ok(found)
}

/// A token above all that were given out, and not below the revision: after a restore, which leaves revisions out,
/// tokens go on above those that the backup did not know.
fn next_token(transaction: &mut Transaction<'_>) -> Result<FencingToken, MapError> {
    let last = LAST_TOKEN.of(transaction)?;
    let next = transaction.revision().get().max(last.saturating_add(1));
    LAST_TOKEN.set(transaction, next);
    Ok(FencingToken::new(next))
}

impl Ticket {
    fn is_overdue(&self, time_ms: i64) -> bool {
        self.wait_until_ms.is_some_and(|until| until.saturating_add(OVERDUE_MS) < time_ms)
    }
}
