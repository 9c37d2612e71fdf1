//! How many may hold a lock, wait for it, or hang on a session; and how much one entry ends or grants.

use bytes::Bytes;
use conclave_core::lease::{
    self, ExpireLeases, GrantLease, LEASES_MAX, LeaseCommand, LeaseOutcome, LeaseRejection, RevokeLease,
};
use conclave_core::lock::{
    self, Acquire, Acquired, Extent, ForceRelease, HOLDERS_MAX, LockCommand, LockOutcome, LockRejection,
    Mode, Release, Standing, TICKETS_A_LOCK_MAX, TICKETS_MAX, WAITERS_MAX, Wait, Which,
};
use conclave_core::{Answer, Command, LeaseId, LockName, Outcome, Rejection, RequestId, TicketId};
use conclave_mvcc::{WriteSet, newest_present};

use crate::{Store, TERM};

const COUNTS: Extent = Extent { holders_max: 0, waiters_max: 0, with_forced: false };

/// Rows that every entry writes: two of its request, and the ledger.
const ROWS_OF_AN_ENTRY: usize = 3;

impl Store {
    fn open(&mut self, sessions: impl Iterator<Item = u64>) {
        for id in sessions {
            let (id, owner) = (session(id), String::new());
            let grant = GrantLease { id, ttl_ms: 1_000, owner, metadata: [].into() };
            self.tell(Command::Lease(LeaseCommand::Grant(grant))).unwrap();
        }
    }

    fn acquire(&mut self, lock: &str, of: u64, mode: Mode) -> Answer {
        self.ask(lock, of, mode, Wait::Forever)
    }

    fn ask(&mut self, lock: &str, of: u64, mode: Mode, wait: Wait) -> Answer {
        self.tell(Command::Lock(LockCommand::Acquire(Acquire {
            name: name(lock),
            session: session(of),
            mode,
            wait,
            owner: String::new(),
            metadata: "".into(),
            request_id: RequestId::parse(&format!("a{}", self.requests)).unwrap(),
            call: 1,
        })))
    }

    #[track_caller]
    fn is_granted(&mut self, lock: &str, of: u64, mode: Mode) {
        assert!(matches!(standing(self.acquire(lock, of, mode)), Standing::Granted(_)));
    }

    #[track_caller]
    fn waits(&mut self, lock: &str, of: u64, mode: Mode) -> TicketId {
        let answer = self.acquire(lock, of, mode);
        let Ok(Outcome::Lock(LockOutcome::Acquired(Acquired { ticket, standing: Standing::Waiting { .. } }))) =
            answer
        else {
            unreachable!("it waits: {answer:?}")
        };
        ticket
    }

    #[track_caller]
    fn release(&mut self, lock: &str, of: u64, which: Which) {
        let release = Release { name: name(lock), session: session(of), which };
        let answer = self.tell(Command::Lock(LockCommand::Release(release)));
        assert_eq!(answer, Ok(Outcome::Lock(LockOutcome::Released { tickets: 1 })));
    }

    fn expire(&mut self, ids: &[LeaseId]) -> LeaseOutcome {
        let expire = ExpireLeases { term: TERM, ids: ids.to_vec() };
        match self.tell(Command::Lease(LeaseCommand::Expire(expire))) {
            Ok(Outcome::Lease(outcome)) => outcome,
            other => unreachable!("it is done: {other:?}"),
        }
    }

    /// How many hold a lock and wait for it.
    fn counts(&self, lock: &str) -> (u64, u64) {
        let found = lock::get(&self.map, &name(lock), COUNTS).unwrap();
        found.map_or((0, 0), |lock| (lock.holder_count, lock.waiter_count))
    }

    /// Rows of sessions, locks, and of what leads from one to the other.
    fn rows(&self) -> usize {
        let own = |key: &[u8]| matches!(key[0], 0x05 | 0x17);
        self.map.iter().filter(|(key, _)| own(key)).count()
    }
}

fn standing(answer: Answer) -> Standing {
    match answer {
        Ok(Outcome::Lock(LockOutcome::Acquired(acquired))) => acquired.standing,
        other => unreachable!("it is a ticket: {other:?}"),
    }
}

fn name(text: &str) -> LockName {
    LockName::parse(text).unwrap()
}

fn session(number: u64) -> LeaseId {
    LeaseId::new(number).unwrap()
}

fn refused(rejection: LockRejection) -> Answer {
    Err(Rejection::Lock(rejection))
}

#[test]
fn so_many_wait_and_all_who_can_are_granted_at_once() {
    let mut store = Store::default();
    store.open(1..=WAITERS_MAX + 2);
    store.is_granted("l", 1, Mode::Exclusive);
    let first = store.waits("l", 2, Mode::Shared);
    for id in 3..WAITERS_MAX + 2 {
        store.waits("l", id, Mode::Shared);
    }
    assert_eq!(store.counts("l"), (1, WAITERS_MAX));

    // However many more ask: each is refused, and nothing is left of it but that its request is remembered.
    let full = || refused(LockRejection::QueueFull { name: "l".into(), waiters_max: WAITERS_MAX });
    let (rows, revision) = (store.rows(), newest_present(&store.map).unwrap());
    for _ in 0..1_000 {
        assert_eq!(store.acquire("l", WAITERS_MAX + 2, Mode::Shared), full());
        assert_eq!(store.written, ROWS_OF_AN_ENTRY);
    }
    assert_eq!((store.rows(), newest_present(&store.map).unwrap()), (rows, revision));

    // One goes, one comes.
    store.release("l", 2, Which::Ticket(first));
    store.waits("l", WAITERS_MAX + 2, Mode::Shared);
    assert_eq!(store.acquire("l", 2, Mode::Shared), full());

    // One release grants all of them: of each the ticket is moved, and where it lies is noted anew.
    store.release("l", 1, Which::All);
    assert_eq!(store.counts("l"), (HOLDERS_MAX, 0));
    assert!(store.written as u64 <= 4 * HOLDERS_MAX + 20, "{} rows", store.written);

    // No more hold it at once; who asks waits for one of them.
    store.waits("l", 1, Mode::Shared);
    assert_eq!(store.counts("l"), (HOLDERS_MAX, 1));
    store.release("l", 3, Which::All);
    assert_eq!(store.counts("l"), (HOLDERS_MAX, 0));

    // Taking it from all of them is one release to be remembered.
    let force = ForceRelease { name: name("l"), token: None, author: "ann".into(), reason: "why".into() };
    let answer = store.tell(Command::Lock(LockCommand::ForceRelease(force)));
    assert_eq!(answer, Ok(Outcome::Lock(LockOutcome::Released { tickets: HOLDERS_MAX })));
    assert_eq!(store.map.iter().filter(|(key, _)| matches!(key[0], 0x18 | 0x19)).count(), 2);
    assert_eq!(store.rows() as u64, WAITERS_MAX + 2, "only the sessions are left");
}

#[test]
fn a_session_has_so_many_tickets_and_they_end_at_once() {
    let mut store = Store::default();
    store.open(1..=2);
    for number in 0..TICKETS_MAX {
        store.is_granted(&format!("l{number}"), 1, Mode::Exclusive);
    }
    let full = refused(LockRejection::TicketsFull { session: 1, tickets_max: TICKETS_MAX });
    assert_eq!(store.acquire("l", 1, Mode::Exclusive), full);
    store.waits("l7", 2, Mode::Exclusive);

    // One session ends whole, however much it has; the next one is left for another entry.
    let outcome = store.expire(&[session(1), session(2)]);
    assert_eq!(outcome, LeaseOutcome::Expired { leases: 1, left: 1 });
    assert_eq!(store.counts("l7"), (1, 0));
    // The ticket, the head and where the ticket lies, of each lock.
    assert!(store.written as u64 <= 3 * TICKETS_MAX + 20, "{} rows", store.written);
    assert_eq!(store.expire(&[session(1), session(2)]), LeaseOutcome::Expired { leases: 1, left: 0 });
    assert_eq!(store.rows(), 0);
}

#[test]
fn a_session_has_fewer_tickets_on_one_lock() {
    let mut store = Store::default();
    store.open(1..=1);
    for _ in 0..TICKETS_A_LOCK_MAX {
        store.is_granted("l", 1, Mode::Shared);
    }
    let full = refused(LockRejection::TicketsFull { session: 1, tickets_max: TICKETS_A_LOCK_MAX });
    assert_eq!(store.acquire("l", 1, Mode::Shared), full);
    store.is_granted("other", 1, Mode::Shared);
    let answer = store.tell(Command::Lease(LeaseCommand::Revoke(RevokeLease { id: session(1) })));
    assert_eq!(answer, Ok(Outcome::Lease(LeaseOutcome::Revoked { tickets: TICKETS_A_LOCK_MAX + 1 })));
    assert_eq!(store.rows(), 0);
}

#[test]
fn sessions_that_end_together_are_split_by_what_hangs_on_them() {
    let (sessions, tickets, at_once) = (256, 100, 20);
    let mut store = Store::default();
    store.open(1..=sessions);
    let ids: Vec<_> = (1..=sessions).map(session).collect();
    for id in 1..=sessions {
        // Half of the locks are the session's own, of the others it is one of many that wait.
        for number in 0..tickets {
            let lock = if number % 2 == 0 { format!("s{id}/{number}") } else { format!("common/{number}") };
            store.acquire(&lock, id, Mode::Exclusive).unwrap();
        }
    }
    assert_eq!(store.counts("common/1"), (1, sessions - 1));
    let mut left = sessions;
    while left > 0 {
        let ended = left.min(at_once);
        left -= ended;
        assert_eq!(store.expire(&ids), LeaseOutcome::Expired { leases: ended, left });
        assert!(store.written as u64 <= 4 * ended * tickets, "{} rows", store.written);
        assert_eq!(lease::count(&store.map).unwrap(), left);
        // Nobody is granted a lock who ends in the same entry.
        assert_eq!(store.counts("common/1"), (left.min(1), left.saturating_sub(1)));
    }
    assert_eq!(store.rows(), 0);
}

#[test]
fn there_are_so_many_sessions() {
    let mut store = Store::default();
    store.open(1..=1);
    // As if all others had been opened as well.
    let mut writes = WriteSet::default();
    writes.put("\x14leases".into(), Bytes::copy_from_slice(&LEASES_MAX.to_be_bytes()));
    store.map.write(&writes);
    let open = |id| {
        let grant = GrantLease { id: session(id), ttl_ms: 1_000, owner: String::new(), metadata: [].into() };
        Command::Lease(LeaseCommand::Grant(grant))
    };
    let full = || Err(Rejection::Lease(LeaseRejection::Full { leases_max: LEASES_MAX }));
    assert_eq!(store.tell(open(2)), full());
    assert_eq!(store.rows(), 1, "it is not there");
    store.tell(Command::Lease(LeaseCommand::Revoke(RevokeLease { id: session(1) }))).unwrap();
    store.open(2..=2);
    assert_eq!(store.tell(open(3)), full());
}
