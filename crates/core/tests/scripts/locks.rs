//! Commands about sessions and locks, from words; and reads of both.

use conclave_core::lease::{self, CheckpointLeases, ExpireLeases, GrantLease, LeaseCommand, RevokeLease};
use conclave_core::lock::{
    self, Abandon, Acquire, Extent, ForceRelease, HeldLock, LockCommand, LocksQuery, Mode, Release,
    SetMetadata, Wait, Which,
};
use conclave_core::{Command, FencingToken, LeaseId, LockName, RequestId, TicketId};
use conclave_mvcc::MemoryMap;

use crate::show::line;
use crate::show_locks as show;
use crate::words::Words;

/// All of a lock.
pub(crate) const ALL: Extent = Extent { holders_max: usize::MAX, waiters_max: usize::MAX, with_forced: true };

/// The command, if the words are one about sessions or locks.
pub(crate) fn parse(words: &Words) -> Option<Command> {
    of_sessions(words).map(Command::Lease).or_else(|| of_locks(words).map(Command::Lock))
}

/// The locks on which a change of the configuration depends.
pub(crate) fn held(words: &Words) -> Option<Vec<HeldLock>> {
    let held = words.text("if-held")?.split(',').map(|held| {
        let (lock, token) = held.split_once('@').unwrap();
        HeldLock { name: name(lock), token: token_of(token) }
    });
    Some(held.collect())
}

fn of_sessions(words: &Words) -> Option<LeaseCommand> {
    Some(match words.plain.first()?.as_str() {
        "open" => LeaseCommand::Grant(GrantLease {
            id: session(words.word(1)),
            ttl_ms: words.number("ttl").unwrap_or(10_000),
            owner: owner(words),
            metadata: words
                .text("metadata")
                .map(|value| ("k".to_owned(), value.to_owned()))
                .into_iter()
                .collect(),
        }),
        "close" => LeaseCommand::Revoke(RevokeLease { id: session(words.word(1)) }),
        "expire" => LeaseCommand::Expire(ExpireLeases {
            term: words.word(1).parse().unwrap(),
            ids: words.plain[2..].iter().map(|id| session(id)).collect(),
        }),
        "checkpoint" => LeaseCommand::Checkpoint(CheckpointLeases {
            term: words.word(1).parse().unwrap(),
            remaining: words.plain[2..].iter().map(|noted| remaining(noted)).collect(),
        }),
        _ => return None,
    })
}

fn of_locks(words: &Words) -> Option<LockCommand> {
    let name = || name(words.word(1));
    let session = || session(words.word(2));
    Some(match words.plain.first()?.as_str() {
        "acquire" => LockCommand::Acquire(acquire(words)),
        "release" => LockCommand::Release(Release { name: name(), session: session(), which: which(words) }),
        "abandon" => LockCommand::Abandon(Abandon {
            name: name(),
            session: session(),
            ticket: ticket(words.word(3)),
            call: words.number("call").unwrap(),
            unanswered: words.has("unanswered"),
        }),
        "force" => LockCommand::ForceRelease(ForceRelease {
            name: name(),
            token: words.text("token").map(token_of),
            author: words.text("by").unwrap_or("ann").to_owned(),
            reason: words.text("why").unwrap_or_default().to_owned(),
        }),
        "proclaim" => LockCommand::SetMetadata(SetMetadata {
            name: name(),
            session: session(),
            token: token_of(words.word(3)),
            metadata: words.word(4).to_owned().into(),
        }),
        _ => return None,
    })
}

fn acquire(words: &Words) -> Acquire {
    let mode = match words.text("permits").map(|permits| permits.split_once('/').unwrap()) {
        Some((count, capacity)) => {
            Mode::Permits { count: count.parse().unwrap(), capacity: capacity.parse().unwrap() }
        }
        None if words.has("shared") => Mode::Shared,
        None => Mode::Exclusive,
    };
    let wait = match words.number("wait") {
        Some(0) => Wait::None,
        Some(wait_ms) => Wait::UpTo(wait_ms),
        None => Wait::Forever,
    };
    // The request is the session's first unless it says otherwise, and the call the first of the request.
    let request_id = RequestId::parse(words.text("request").unwrap_or("first")).unwrap();
    Acquire {
        name: name(words.word(1)),
        session: session(words.word(2)),
        mode,
        wait,
        owner: owner(words),
        metadata: words.text("metadata").unwrap_or_default().to_owned().into(),
        request_id,
        call: words.number("call").unwrap_or(1),
    }
}

fn which(words: &Words) -> Which {
    let with = words.text("token").map(|token| Which::Token(token_of(token)));
    with.or(words.text("ticket").map(|number| Which::Ticket(ticket(number)))).unwrap_or(Which::All)
}

/// A session, and how much is left of it after `=`.
fn remaining(text: &str) -> (LeaseId, Option<u64>) {
    match text.split_once('=') {
        Some((id, left_ms)) => (session(id), Some(left_ms.parse().unwrap())),
        None => (session(text), None),
    }
}

fn owner(words: &Words) -> String {
    words.text("owner").unwrap_or_default().to_owned()
}

fn name(text: &str) -> LockName {
    LockName::parse(text).unwrap()
}

fn session(text: &str) -> LeaseId {
    LeaseId::new(text.parse().unwrap()).unwrap()
}

fn ticket(text: &str) -> TicketId {
    TicketId::new(text.parse().unwrap())
}

fn token_of(text: &str) -> FencingToken {
    FencingToken::new(text.parse().unwrap())
}

/// What is read of sessions and locks; none if the words are another read.
pub(crate) fn read(map: &MemoryMap, words: &Words) -> Option<String> {
    Some(match words.word(0) {
        "sessions" => sessions(map),
        "lock" => match lock::get(map, &name(words.word(1)), ALL).unwrap() {
            Some(lock) => show::lock(&lock) + &show::forced(&lock),
            None => line("lock", "none"),
        },
        "locks" => locks(map, words),
        "standing" => {
            let (session, ticket) = (session(words.word(2)), ticket(words.word(3)));
            let standing = lock::standing(map, &name(words.word(1)), session, ticket).unwrap();
            line("standing", &standing.map_or("gone".to_owned(), |standing| show::standing(&standing)))
        }
        "check" => {
            let (name, token) = (name(words.word(1)), token_of(words.word(2)));
            let holder = lock::holder(map, &name, token).unwrap();
            let newest = lock::newest_token(map, &name).unwrap();
            let newest = newest.map_or("nobody holds it".to_owned(), |token| format!("newest token {token}"));
            let held = holder.map_or("not held".to_owned(), |holder| show::holder(&holder));
            line("check", &format!("{held}; {newest}"))
        }
        _ => return None,
    })
}

fn sessions(map: &MemoryMap) -> String {
    let (page, more) = lease::list(map, None, 100).unwrap();
    assert!(!more && page.len() as u64 == lease::count(map).unwrap(), "scripts open few sessions");
    let told: String = page
        .iter()
        .map(|lease| {
            let tickets = lock::tickets_of(map, lease.id).unwrap();
            line("session", &format!("{}; {tickets} tickets", show::session(lease)))
        })
        .collect();
    if told.is_empty() { line("session", "none") } else { told }
}

fn locks(map: &MemoryMap, words: &Words) -> String {
    let after = words.text("after").map(name);
    let query = LocksQuery {
        prefix: words.text("prefix").unwrap_or_default(),
        after: after.as_ref(),
        locks_max: words.number("max").unwrap_or(100),
        size_bytes_max: usize::MAX,
        extent: ALL,
    };
    let (page, more) = lock::list(map, &query).unwrap();
    let told: String = page.iter().map(show::lock).collect();
    if page.is_empty() { line("lock", "none") } else { told + if more { "more follow\n" } else { "" } }
}
