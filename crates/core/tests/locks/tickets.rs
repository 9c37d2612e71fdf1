//! Locks, in the model.

use conclave_core::lock::{
    Abandon, Acquire, Acquired, ForceRelease, ForcedRelease, Granted, LockCommand, LockOutcome,
    LockRejection, Mode, Release, SetMetadata, Standing, Wait, Which,
};
use conclave_core::{FencingToken, LockName, Outcome, Rejection, TicketId};

use crate::world::{Done, Model, Ticket, capacity, goes_with};

/// How many calls of a ticket are remembered.
const CALLS_MAX: usize = 4;
/// How long after its time a waiter is passed over.
const OVERDUE_MS: i64 = 2_000;

pub(crate) fn apply(model: &mut Model, command: &LockCommand) -> Done {
    let outcome = match command {
        LockCommand::Abandon(given_up) => return Ok(abandon(model, given_up)),
        LockCommand::Acquire(asked) => LockOutcome::Acquired(acquire(model, asked)?),
        LockCommand::SetMetadata(set) => set_metadata(model, set)?,
        LockCommand::Release(which) => LockOutcome::Released { tickets: release(model, which)? },
        LockCommand::ForceRelease(force) => LockOutcome::Released { tickets: self::force(model, force)? },
    };
    let changed = !matches!(outcome, LockOutcome::Released { tickets: 0 });
    Ok((Outcome::Lock(outcome), changed))
}

fn acquire(model: &mut Model, asked: &Acquire) -> Result<Acquired, Rejection> {
    model.require_session(asked.session)?;
    let (name, mode) = (&asked.name, asked.mode);
    let mut tickets = model.tickets(name).to_vec();
    if let Some(acquired) = attend(&mut tickets, asked, model.time_ms) {
        let acquired = acquired?;
        model.set_tickets(name, tickets);
        return Ok(acquired);
    }
    check_kind(&tickets, asked)?;
    let mut last_token = model.last_token;
    serve(model, &mut tickets, &mut last_token);
    let held = granted(&tickets);
    let ahead = tickets.iter().filter(|ticket| ticket.granted.is_none()).count() as u64;
    let mut ticket = asked_for(asked, model);
    if ahead == 0 && goes_with(&held, mode) {
        ticket.granted = Some(next_grant(model, &mut last_token));
    } else if asked.wait == Wait::None {
        return Err(held_by(&tickets, name));
    }
    let standing = ticket.granted.map_or(Standing::Waiting { ahead }, Standing::Granted);
    let acquired = Acquired { ticket: ticket.number, standing };
    tickets.push(ticket);
    model.set_tickets(name, tickets);
    model.last_token = last_token;
    Ok(acquired)
}

/// The ticket of the same request, if there is one.
fn attend(tickets: &mut [Ticket], asked: &Acquire, time_ms: i64) -> Option<Result<Acquired, Rejection>> {
    let same = |ticket: &Ticket| (ticket.session, &ticket.request_id) == (asked.session, &asked.request_id);
    let at = tickets.iter().position(same)?;
    let ahead = tickets[..at].iter().filter(|ticket| ticket.granted.is_none()).count() as u64;
    let ticket = &mut tickets[at];
    if ticket.mode != asked.mode {
        let (name, request_id) = (asked.name.to_string(), asked.request_id.to_string());
        return Some(Err(LockRejection::RequestIdReused { name, request_id }.into()));
    }
    ticket.calls.retain(|call| *call != asked.call);
    ticket.calls.push(asked.call);
    let most = ticket.calls.len().min(CALLS_MAX);
    ticket.calls = ticket.calls.split_off(ticket.calls.len() - most);
    ticket.until_ms = match (ticket.until_ms, until(asked.wait, time_ms)) {
        (Some(before), Some(now)) => Some(before.max(now)),
        _ => None,
    };
    let standing = ticket.granted.map_or(Standing::Waiting { ahead }, Standing::Granted);
    Some(Ok(Acquired { ticket: ticket.number, standing }))
}

fn check_kind(tickets: &[Ticket], asked: &Acquire) -> Result<(), Rejection> {
    let name = asked.name.to_string();
    let found = tickets.first().map_or(capacity(asked.mode), |ticket| capacity(ticket.mode));
    let none = matches!(asked.mode, Mode::Permits { count, capacity } if count == 0 || count > capacity);
    if found != capacity(asked.mode) || none {
        let (capacity, asked) = (found.unwrap_or(0), capacity(asked.mode).unwrap_or(0));
        return Err(LockRejection::CapacityMismatch { name, capacity, asked }.into());
    }
    let is_permits = capacity(asked.mode).is_some();
    let other = |ticket: &&Ticket| ticket.session == asked.session && ticket.mode != asked.mode;
    let held = tickets.iter().filter(other).find_map(|ticket| ticket.granted);
    match held.filter(|_| !is_permits) {
        Some(Granted { token, .. }) => {
            let (session, token) = (asked.session.get(), token.get());
            Err(LockRejection::ModeChange { name, session, token }.into())
        }
        None => Ok(()),
    }
}

fn asked_for(asked: &Acquire, model: &Model) -> Ticket {
    let Acquire { session, mode, owner, metadata, request_id, call, wait, .. } = asked.clone();
    Ticket {
        number: TicketId::new(model.next_revision().get()),
        session,
        mode,
        owner,
        metadata,
        request_id,
        calls: vec![call],
        asked_ms: model.time_ms,
        until_ms: until(wait, model.time_ms),
        granted: None,
    }
}

fn until(wait: Wait, time_ms: i64) -> Option<i64> {
    match wait {
        Wait::None => Some(time_ms),
        Wait::UpTo(wait_ms) => Some(time_ms + i64::try_from(wait_ms).unwrap()),
        Wait::Forever => None,
    }
}

fn held_by(tickets: &[Ticket], name: &LockName) -> Rejection {
    let first = tickets.iter().find_map(|ticket| ticket.granted.map(|granted| (ticket, granted.token)));
    let (first, token) = first.expect("nobody waits for a lock that nobody holds");
    let (owner, session, token) = (first.owner.clone(), first.session.get(), token.get());
    LockRejection::Held { name: name.to_string(), owner, session, token }.into()
}

/// Whether a revision is taken depends on more than on how many tickets go.
fn abandon(model: &mut Model, given_up: &Abandon) -> (Outcome, bool) {
    let Abandon { name, session, ticket: number, call, unanswered } = given_up;
    let mut tickets = model.tickets(name).to_vec();
    let found = tickets.iter_mut().find(|ticket| (ticket.number, ticket.session) == (*number, *session));
    let is_known = found.is_some_and(|ticket| {
        let newest = ticket.calls.last() == Some(call);
        let is_known = ticket.calls.contains(call);
        ticket.calls.retain(|known| known != call);
        if newest && !unanswered {
            ticket.calls.clear();
        }
        is_known
    });
    if is_known {
        model.set_tickets(name, tickets);
    }
    let tickets = leave(model, name, |ticket| ticket.calls.is_empty());
    (Outcome::Lock(LockOutcome::Released { tickets }), is_known)
}

fn release(model: &mut Model, release: &Release) -> Result<u64, Rejection> {
    let Release { name, session, which } = release;
    let meant = |ticket: &Ticket| match which {
        Which::All => true,
        Which::Token(token) => ticket.has_token(*token),
        Which::Ticket(number) => ticket.number == *number,
    };
    match leave(model, name, |ticket| ticket.session == *session && meant(ticket)) {
        0 => Err(LockRejection::NotHeld { name: name.to_string(), session: session.get() }.into()),
        tickets => Ok(tickets),
    }
}

fn force(model: &mut Model, force: &ForceRelease) -> Result<u64, Rejection> {
    let ForceRelease { name, token, author, reason } = force;
    if model.tickets(name).is_empty() {
        return Err(LockRejection::NotFound { name: name.to_string() }.into());
    }
    let meant = |held: FencingToken| token.is_none_or(|token| token == held);
    let Some(newest) = model.holders(name).into_iter().rfind(|holder| meant(holder.granted.token)) else {
        let held_token = model.first_token(name).map_or(0, FencingToken::get);
        let (name, token) = (name.to_string(), token.map_or(0, FencingToken::get));
        return Err(LockRejection::NothingTaken { name, token, held_token }.into());
    };
    let forced = ForcedRelease {
        token: newest.granted.token,
        owner: newest.owner,
        session: newest.session,
        author: author.clone(),
        reason: reason.clone(),
        time_ms: model.time_ms,
        revision: model.next_revision(),
    };
    model.remember(name, forced);
    Ok(leave(model, name, |ticket| ticket.granted.is_some_and(|granted| meant(granted.token))))
}

fn set_metadata(model: &mut Model, set: &SetMetadata) -> Result<LockOutcome, Rejection> {
    let mut tickets = model.tickets(&set.name).to_vec();
    let held = |ticket: &&mut Ticket| ticket.session == set.session && ticket.has_token(set.token);
    let Some(ticket) = tickets.iter_mut().find(held) else {
        let (name, session) = (set.name.to_string(), set.session.get());
        return Err(LockRejection::NotHeld { name, session }.into());
    };
    ticket.metadata = set.metadata.clone();
    model.set_tickets(&set.name, tickets);
    Ok(LockOutcome::MetadataSet { revision: model.next_revision() })
}

/// Removes tickets of a lock, then grants who comes next; tells how many went.
pub(crate) fn leave(model: &mut Model, name: &LockName, goes: impl Fn(&Ticket) -> bool) -> u64 {
    let mut tickets = model.tickets(name).to_vec();
    let before = tickets.len();
    tickets.retain(|ticket| !goes(ticket));
    let gone = before - tickets.len();
    if gone > 0 {
        let mut last_token = model.last_token;
        serve(model, &mut tickets, &mut last_token);
        model.last_token = last_token;
        model.set_tickets(name, tickets);
    }
    gone as u64
}

/// Grants those who wait, in order of arrival, up to the first who does not go with the holders.
fn serve(model: &Model, tickets: &mut Vec<Ticket>, last_token: &mut u64) {
    while let Some(at) = tickets.iter().position(|ticket| ticket.granted.is_none()) {
        if tickets[at].until_ms.is_some_and(|until| until + OVERDUE_MS < model.time_ms) {
            tickets.remove(at);
        } else if goes_with(&granted(tickets), tickets[at].mode) {
            tickets[at].granted = Some(next_grant(model, last_token));
        } else {
            return;
        }
    }
}

fn granted(tickets: &[Ticket]) -> Vec<Mode> {
    tickets.iter().filter(|ticket| ticket.granted.is_some()).map(|ticket| ticket.mode).collect()
}

fn next_grant(model: &Model, last_token: &mut u64) -> Granted {
    *last_token = (*last_token + 1).max(model.next_revision().get());
    Granted { token: FencingToken::new(*last_token), since_ms: model.time_ms }
}
