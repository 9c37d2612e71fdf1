//! Asking for a lock.

use conclave_mvcc::{MapError, PresentCursor, Transaction};

use super::command::{Acquire, Mode, Wait};
use super::grant::{grant, grant_next};
use super::head::Head;
use super::index::{self, Known};
use super::keys;
use super::outcome::{Acquired, Standing};
use super::refuse;
use super::rejection::LockRejection;
use super::ticket::Ticket;
use super::{TICKETS_A_LOCK_MAX, TICKETS_MAX, WAITERS_MAX};
use crate::ids::{LeaseId, TicketId};
use crate::names::LockName;
use crate::stop::Stop;

/// So far back in the queue a place is counted when a request comes again.
const COUNTED_MAX: u64 = 256;

/// Makes a ticket, or finds the one that the same request made.
pub(super) fn acquire(
    transaction: &mut Transaction<'_>,
    acquire: &Acquire,
    time_ms: i64,
) -> Result<Acquired, Stop> {
    let Acquire { name, session, mode, .. } = acquire;
    let own = index::of_lock(transaction, *session, name)?;
    let found = Head::find(transaction, name)?;
    if let Some(ticket) = same_request(transaction, &own, acquire)? {
        let mut head = found.ok_or_else(|| without_head(name))?;
        return attend(transaction, &mut head, &ticket, (acquire, time_ms));
    }
    let newest = transaction.present_revision()?.previous();
    let mut head = found.unwrap_or_else(|| Head::new(*mode, newest));
    if head.capacity != mode.capacity() || !mode.can_be_had() {
        return Err(refuse(capacity_mismatch(name, &head, *mode)));
    }
    if let Some(held) = held_by(transaction, &own, name)?.filter(|ticket| ticket.holds_otherwise(*mode)) {
        return Err(refuse(mode_change(name, &held)));
    }
    check_tickets(transaction, *session, own.len())?;
    // Those whose time is over do not stand in the way.
    grant_next(transaction, name, &mut head, time_ms)?;
    let ticket = Ticket::asked(acquire, TicketId::new(transaction.present_revision()?.get()), time_ms);
    let number = ticket.number;
    let standing = if head.waiters == 0 && head.admits(*mode) {
        Standing::Granted(grant(transaction, name, &mut head, (ticket, time_ms))?)
    } else if acquire.wait == Wait::None {
        return Err(held(transaction, name, &head)?);
    } else {
        enqueue(transaction, name, &mut head, &ticket)?
    };
    head.write(transaction, name)?;
    Ok(Acquired { ticket: number, standing })
}

/// The call attends the ticket from now on.
fn attend(
    transaction: &mut Transaction<'_>,
    head: &mut Head,
    ticket: &Ticket,
    (acquire, time_ms): (&Acquire, i64),
) -> Result<Acquired, Stop> {
    let name = &acquire.name;
    if ticket.mode != acquire.mode {
        let (name, request_id) = (name.to_string(), acquire.request_id.to_string());
        return Err(refuse(LockRejection::RequestIdReused { name, request_id }));
    }
    // The longest wait counts: a call that comes late must not shorten another's. Whoever attends gives up in time.
    let until = ticket.wait_until_ms.zip(wait_until(acquire.wait, time_ms));
    let wait_until_ms = until.map(|(before, now)| before.max(now));
    let attended = Ticket { wait_until_ms, ..ticket.clone() };
    attended.attended_by(acquire.call).write(transaction, name)?;
    let standing = match ticket.granted {
        Some(granted) => Standing::Granted(granted),
        None => Standing::Waiting { ahead: ahead_of(transaction, name, head, ticket.number)? },
    };
    Ok(Acquired { ticket: ticket.number, standing })
}

fn enqueue(
    transaction: &mut Transaction<'_>,
    name: &LockName,
    head: &mut Head,
    ticket: &Ticket,
) -> Result<Standing, Stop> {
    if head.waiters >= WAITERS_MAX {
        let name = name.to_string();
        return Err(refuse(LockRejection::QueueFull { name, waiters_max: WAITERS_MAX }));
    }
    ticket.write(transaction, name)?;
    index::set(transaction, name, ticket)?;
    let ahead = head.waiters;
    head.waiters = head.waiters.saturating_add(1);
    Ok(Standing::Waiting { ahead })
}

/// How many wait before a ticket that waits. Further back than [`COUNTED_MAX`] it is at most so many: counting all of
/// a long queue for each of many retries would hold up all other writes.
fn ahead_of(
    transaction: &Transaction<'_>,
    name: &LockName,
    head: &Head,
    number: TicketId,
) -> Result<u64, MapError> {
    let (range, own) =
        (keys::queue(name).after(&keys::waiter(name, head.served)), keys::waiter(name, number));
    let mut cursor = PresentCursor::new(transaction.view(), &range)?;
    for ahead in 0..COUNTED_MAX {
        if cursor.key().is_none_or(|key| key >= own.as_ref()) {
            return Ok(ahead);
        }
        cursor.advance()?;
    }
    Ok(head.waiters.saturating_sub(1))
}

/// The one of these tickets that the same request made.
fn same_request(
    transaction: &mut Transaction<'_>,
    own: &[Known],
    acquire: &Acquire,
) -> Result<Option<Ticket>, MapError> {
    for known in own.iter().filter(|known| known.may_be_of(&acquire.request_id)) {
        let ticket = own_ticket(transaction, known, &acquire.name)?;
        if ticket.request_id == acquire.request_id {
            return Ok(Some(ticket));
        }
    }
    Ok(None)
}

/// A grant among these tickets. Several are held in the same mode, so one tells it.
fn held_by(
    transaction: &mut Transaction<'_>,
    own: &[Known],
    name: &LockName,
) -> Result<Option<Ticket>, MapError> {
    let held = own.iter().find(|known| known.is_granted());
    held.map(|known| own_ticket(transaction, known, name)).transpose()
}

fn own_ticket(transaction: &mut Transaction<'_>, known: &Known, name: &LockName) -> Result<Ticket, MapError> {
    let key = known.lies.key(name);
    Ticket::find(transaction, &key)?.ok_or_else(|| MapError::damaged("a ticket is missing", &key))
}

fn check_tickets(transaction: &Transaction<'_>, session: LeaseId, on_lock: usize) -> Result<(), Stop> {
    let too_many = |tickets_max| refuse(LockRejection::TicketsFull { session: session.get(), tickets_max });
    if on_lock as u64 >= TICKETS_A_LOCK_MAX {
        return Err(too_many(TICKETS_A_LOCK_MAX));
    }
    if index::count(transaction, session)? >= TICKETS_MAX {
        return Err(too_many(TICKETS_MAX));
    }
    Ok(())
}

/// Who stands in the way of whoever would not wait: the first who holds the lock, or the next to hold it.
fn held(transaction: &Transaction<'_>, name: &LockName, head: &Head) -> Result<Stop, MapError> {
    let holders = keys::holders(name);
    let before = crate::ids::FencingToken::new(head.first_token.get().saturating_sub(1));
    let range = holders.after(&keys::holder(name, before));
    let cursor = PresentCursor::new(transaction.view(), &range)?;
    let first = cursor.key().is_some().then(|| cursor.record()).transpose()?;
    let first = first.map(|record| Ticket::decode(&record)).transpose()?;
    let (owner, session, token) = match first {
        Some(Ticket { owner, session, granted: Some(granted), .. }) => {
            (owner, session.get(), granted.token.get())
        }
        _ => (String::new(), 0, 0),
    };
    Ok(refuse(LockRejection::Held { name: name.to_string(), owner, session, token }))
}

fn capacity_mismatch(name: &LockName, head: &Head, mode: Mode) -> LockRejection {
    let (capacity, asked) = (head.capacity.unwrap_or(0), mode.capacity().unwrap_or(0));
    LockRejection::CapacityMismatch { name: name.to_string(), capacity, asked }
}

fn mode_change(name: &LockName, held: &Ticket) -> LockRejection {
    let token = held.granted.map_or(0, |granted| granted.token.get());
    LockRejection::ModeChange { name: name.to_string(), session: held.session.get(), token }
}

fn without_head(name: &LockName) -> MapError {
    MapError::damaged("a lock has tickets and no head", name.as_str().as_bytes())
}

fn wait_until(wait: Wait, time_ms: i64) -> Option<i64> {
    match wait {
        Wait::None => Some(time_ms),
        Wait::UpTo(wait_ms) => Some(time_ms.saturating_add_unsigned(wait_ms)),
        Wait::Forever => None,
    }
}

impl Ticket {
    fn asked(acquire: &Acquire, number: TicketId, time_ms: i64) -> Self {
        let Acquire { session, mode, owner, metadata, request_id, call, wait, .. } = acquire.clone();
        let wait_until_ms = wait_until(wait, time_ms);
        Self {
            number,
            session,
            mode,
            owner,
            metadata,
            request_id,
            calls: vec![call],
            asked_ms: time_ms,
            wait_until_ms,
            granted: None,
        }
    }

    /// Whether it is a grant beside which its session cannot have one in this mode: it would wait for itself.
    fn holds_otherwise(&self, mode: Mode) -> bool {
        let modes = (self.mode, mode);
        self.granted.is_some()
            && matches!(modes, (Mode::Shared, Mode::Exclusive) | (Mode::Exclusive, Mode::Shared))
    }
}
