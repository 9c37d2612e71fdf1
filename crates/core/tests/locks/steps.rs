//! Random steps: each is a few drawn numbers, from which [`step`] makes an entry of the log once the state is known.

use conclave_core::lease::{CheckpointLeases, ExpireLeases, GrantLease, LeaseCommand, RevokeLease};
use conclave_core::lock::{
    Abandon, Acquire, ForceRelease, HeldLock, LockCommand, Mode, Release, SetMetadata, Wait, Which,
};
use conclave_core::{Command, FencingToken, LeaseId, LockName, Proposal, RequestId, TicketId};

use crate::fenced;
use crate::world::{Model, Ticket};

/// Names of which one begins another, so that they can be mixed up.
pub(crate) const LOCKS: [&str; 3] = ["a", "a-b", "a/b"];
/// Ids of sessions.
pub(crate) const SESSIONS: [u64; 4] = [1, 2, 0x1_00, u64::MAX];
/// The term that all entries are of.
pub(crate) const TERM: u64 = 7;

/// Numbers that a step takes what it needs of.
pub(crate) type Draw = [u8; 16];

/// An entry of the log; none: one of the log's own.
pub(crate) type Entry = Option<Proposal>;

/// Numbers, of which each is drawn once.
struct Dice<'a>(std::slice::Iter<'a, u8>);

impl Dice<'_> {
    fn below(&mut self, sides: usize) -> usize {
        usize::from(*self.0.next().expect("a step takes no more than is drawn")) % sides
    }

    fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == times - 1
    }

    fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

/// The entry that the numbers make of the present state.
pub(crate) fn step(draw: &Draw, model: &Model, serial: u64) -> Entry {
    let mut dice = Dice(draw.iter());
    let kind = dice.below(48);
    // Often to the millisecond at which a bound ends.
    let stamp = i64::try_from(dice.below(16)).unwrap() * 100 - 200;
    let time_ms = model.time_ms + stamp;
    let earlier =
        |drawn: usize| model.answered.get(drawn).map(|(id, command, _)| (id.clone(), command.clone()));
    let (request_id, command) = match kind {
        0 => return None,
        1 | 2 => earlier(dice.below(16))?,
        3 if serial.is_multiple_of(2) => (earlier(dice.below(16))?.0, command(20, &mut dice, model)),
        _ => (RequestId::parse(&format!("r{serial}")).unwrap(), command(kind, &mut dice, model)),
    };
    Some(Proposal { request_id, time_ms, command })
}

fn command(kind: usize, dice: &mut Dice<'_>, model: &Model) -> Command {
    match kind {
        3..=9 => Command::Lease(of_sessions(kind, dice)),
        10 | 11 => {
            Command::Guarded(fenced::command((0..=dice.below(2)).map(|_| held(dice, model)).collect()))
        }
        _ => Command::Lock(of_locks(kind, dice, model)),
    }
}

fn of_sessions(kind: usize, dice: &mut Dice<'_>) -> LeaseCommand {
    let term = if dice.one_in(8) { TERM - 1 } else { TERM };
    match kind {
        3..=6 => LeaseCommand::Grant(GrantLease {
            id: session(dice),
            ttl_ms: 1_000 * (1 + dice.below(3) as u64),
            owner: "ann".into(),
            metadata: [("k".to_owned(), "v".to_owned())].into_iter().take(dice.below(2)).collect(),
        }),
        7 => LeaseCommand::Revoke(RevokeLease { id: session(dice) }),
        8 => LeaseCommand::Expire(ExpireLeases {
            term,
            ids: (0..dice.below(4)).map(|_| session(dice)).collect(),
        }),
        _ => {
            let left =
                |dice: &mut Dice<'_>| (session(dice), Some(dice.below(4) as u64).filter(|left| *left > 0));
            LeaseCommand::Checkpoint(CheckpointLeases {
                term,
                remaining: (0..2).map(|_| left(dice)).collect(),
            })
        }
    }
}

fn of_locks(kind: usize, dice: &mut Dice<'_>, model: &Model) -> LockCommand {
    let name = name(dice);
    match kind {
        12..=33 => LockCommand::Acquire(acquire(name, dice)),
        34..=39 => {
            let (ticket, session) = (any(&name, dice, model), session(dice));
            let session = ticket.filter(|_| !dice.one_in(6)).map_or(session, |ticket| ticket.session);
            let which = match dice.below(4) {
                0 => Which::All,
                1 => Which::Token(token(ticket, dice)),
                _ => Which::Ticket(ticket.map_or(TicketId::new(3), |ticket| ticket.number)),
            };
            LockCommand::Release(Release { name, session, which })
        }
        40 | 41 => {
            let (ticket, other) = (any(&name, dice, model), dice.below(6) as u64);
            let session = ticket.map_or(session(dice), |ticket| ticket.session);
            let number = ticket.map_or(TicketId::new(3), |ticket| ticket.number);
            let newest = |ticket: &Ticket| *ticket.calls.last().expect("one attends it");
            let call = ticket.filter(|_| !dice.one_in(3)).map_or(other, newest);
            let unanswered = dice.one_in(2);
            LockCommand::Abandon(Abandon { name, session, ticket: number, call, unanswered })
        }
        42 | 43 => {
            let token = token(any(&name, dice, model), dice);
            let token = Some(token).filter(|_| !dice.one_in(3));
            LockCommand::ForceRelease(ForceRelease {
                name,
                token,
                author: "bob".into(),
                reason: "why".into(),
            })
        }
        _ => {
            let ticket = any(&name, dice, model);
            let (token, other) = (token(ticket, dice), session(dice));
            let session = ticket.filter(|_| !dice.one_in(4)).map_or(other, |ticket| ticket.session);
            let metadata = ["", "m", "n"][dice.below(3)].into();
            LockCommand::SetMetadata(SetMetadata { name, session, token, metadata })
        }
    }
}

fn acquire(name: LockName, dice: &mut Dice<'_>) -> Acquire {
    // The last lock mostly has permits, the others mostly none.
    let permits = (name.as_str() == LOCKS[2]) != dice.one_in(12);
    let mode = match dice.below(5) {
        count @ 0..=2 if permits => Mode::Permits { count: 1 + u32::try_from(count).unwrap(), capacity: 4 },
        count if permits => Mode::Permits { count: u32::try_from(count).unwrap() * 2 - 6, capacity: 3 },
        0 | 1 => Mode::Exclusive,
        _ => Mode::Shared,
    };
    let wait = match dice.below(6) {
        0 => Wait::None,
        1..=3 => Wait::UpTo(500 * dice.below(4) as u64),
        _ => Wait::Forever,
    };
    Acquire {
        name,
        session: session(dice),
        mode,
        wait,
        owner: ["ann", "bob"][dice.below(2)].into(),
        metadata: ["", "m"][dice.below(2)].into(),
        request_id: RequestId::parse(["x", "y", "z"][dice.below(3)]).unwrap(),
        call: dice.below(6) as u64,
    }
}

fn held(dice: &mut Dice<'_>, model: &Model) -> HeldLock {
    let name = name(dice);
    let token = token(any(&name, dice, model), dice);
    HeldLock { name, token }
}

/// A token that the ticket has, if it is granted; seldom, or if it is not, one that nobody has.
fn token(ticket: Option<&Ticket>, dice: &mut Dice<'_>) -> FencingToken {
    let stale = FencingToken::new(dice.below(6) as u64);
    ticket.and_then(|ticket| ticket.granted).map_or(stale, |granted| {
        if stale.get() == 0 { FencingToken::new(granted.token.get() - 1) } else { granted.token }
    })
}

/// One of the lock's tickets.
fn any<'a>(name: &LockName, dice: &mut Dice<'_>, model: &'a Model) -> Option<&'a Ticket> {
    let tickets = model.tickets(name);
    let drawn = dice.below(16);
    (!tickets.is_empty()).then(|| &tickets[drawn % tickets.len()])
}

fn name(dice: &mut Dice<'_>) -> LockName {
    LockName::parse(LOCKS[dice.below(LOCKS.len())]).unwrap()
}

fn session(dice: &mut Dice<'_>) -> LeaseId {
    LeaseId::new(*dice.of(&SESSIONS)).unwrap()
}
