//! What the store tells must be what the model holds.

use conclave_core::lease::{self, LeaseInfo};
use conclave_core::lock::{self, Extent, LockInfo, LocksQuery, Standing};
use conclave_core::{FencingToken, LeaseId, LockName, TicketId};
use conclave_mvcc::{ReadMap, newest_present, newest_revision};

use crate::steps::{LOCKS, SESSIONS};
use crate::world::{Model, Ticket};

const ALL: Extent = Extent { holders_max: usize::MAX, waiters_max: usize::MAX, with_forced: true };
const LITTLE: Extent = Extent { holders_max: 1, waiters_max: 2, with_forced: false };

/// Every read about every lock and session.
pub(crate) fn check(view: &dyn ReadMap, model: &Model) {
    assert_eq!(newest_present(view).unwrap().get(), model.revision);
    assert_eq!(newest_revision(view).unwrap().get(), model.committed);
    for name in LOCKS {
        check_lock(view, model, &LockName::parse(name).unwrap());
    }
    for prefix in ["", "a", "a/", "b"] {
        for page in [1, 2, 9] {
            check_list(view, model, prefix, page);
        }
    }
    check_sessions(view, model);
}

fn check_lock(view: &dyn ReadMap, model: &Model, name: &LockName) {
    let expected = model.info(name);
    assert_eq!(lock::get(view, name, ALL).unwrap(), expected);
    let little = expected.filter(|lock| lock.holder_count > 0).map(shortened);
    assert_eq!(lock::get(view, name, LITTLE).unwrap(), little);

    let waiting: Vec<_> = model.waiters(name).iter().map(|waiter| waiter.ticket).collect();
    assert_eq!(lock::queue(view, name, usize::MAX).unwrap(), waiting);
    assert_eq!(lock::queue(view, name, 1).unwrap(), waiting[..waiting.len().min(1)]);
    assert_eq!(lock::newest_token(view, name).unwrap(), model.newest_token(name));

    for ticket in model.tickets(name) {
        let standing = ticket.granted.map_or(Standing::Waiting { ahead: 0 }, Standing::Granted);
        let told = |session| lock::standing(view, name, session, ticket.number).unwrap();
        for id in sessions() {
            assert_eq!(told(id), (id == ticket.session).then_some(standing), "{ticket:?}");
        }
    }
    assert_eq!(lock::standing(view, name, sessions()[0], TicketId::new(u64::MAX)).unwrap(), None);
    for holder in model.holders(name) {
        let token = holder.granted.token;
        assert_eq!(lock::holder(view, name, token).unwrap(), Some(holder));
        let other = FencingToken::new(token.get() + 1);
        let expected = model.holders(name).into_iter().find(|holder| holder.granted.token == other);
        assert_eq!(lock::holder(view, name, other).unwrap(), expected);
    }
}

/// What a list tells of a lock.
fn shortened(mut lock: LockInfo) -> LockInfo {
    lock.holders.truncate(LITTLE.holders_max);
    lock.waiters.truncate(LITTLE.waiters_max);
    LockInfo { forced: None, ..lock }
}

fn check_list(view: &dyn ReadMap, model: &Model, prefix: &str, locks_max: usize) {
    let (mut told, mut after) = (Vec::new(), None);
    loop {
        let query = LocksQuery {
            prefix,
            after: after.as_ref(),
            locks_max,
            size_bytes_max: usize::MAX,
            extent: LITTLE,
        };
        let (page, more) = lock::list(view, &query).unwrap();
        assert!(page.len() <= locks_max && (page.len() == locks_max || !more));
        after = page.last().map(|lock| lock.name.clone());
        told.extend(page);
        if !more {
            break;
        }
    }
    let names = model.locks.keys().filter(|name| name.as_str().starts_with(prefix));
    let expected: Vec<_> = names.filter_map(|name| model.info(name)).map(shortened).collect();
    assert_eq!(told, expected, "{prefix:?}, {locks_max} a page");
}

fn check_sessions(view: &dyn ReadMap, model: &Model) {
    let all: Vec<LeaseInfo> = model.sessions.values().cloned().collect();
    assert_eq!(lease::count(view).unwrap(), all.len() as u64);
    assert_eq!(lease::list(view, None, 9).unwrap(), (all.clone(), false));
    for page_max in [1, 2] {
        let after = all.first().map(|lease| lease.id);
        let rest = &all[all.len().min(1)..];
        let page = (rest[..rest.len().min(page_max)].to_vec(), rest.len() > page_max);
        assert_eq!(
            lease::list(view, after, page_max).unwrap(),
            if after.is_some() { page } else { (all.clone(), false) }
        );
    }
    for id in sessions() {
        assert_eq!(lease::get(view, id).unwrap().as_ref(), model.sessions.get(&id));
        let own = |ticket: &&Ticket| ticket.session == id;
        let tickets = model.locks.values().flatten().filter(own).count();
        assert_eq!(lock::tickets_of(view, id).unwrap(), tickets as u64);
    }
}

fn sessions() -> [LeaseId; 4] {
    SESSIONS.map(|id| LeaseId::new(id).unwrap())
}
