//! What locks cost: the same however often they were had before, and whoever came and went meanwhile.

use conclave_core::config::{Collect, ConfigCommand};
use conclave_core::lease::{GrantLease, LeaseCommand, LeaseOutcome, RevokeLease};
use conclave_core::lock::{
    self, Acquire, Extent, ForceRelease, HeldLock, LockCommand, LockOutcome, Mode, Release, Standing, Wait,
    Which,
};
use conclave_core::{
    Answer, Command, EntryContext, EntryKind, FencingToken, Guarded, LeaseId, LockName, NamespaceName,
    Outcome, Proposal, RequestId, apply, encode_proposal,
};
use conclave_mvcc::{Batch, MemoryMap};

use crate::counted::{Cost, Counted, Graves};

const PERMIT: Mode = Mode::Permits { count: 1, capacity: 2 };

/// A store that keeps the graves of what was deleted.
struct Store {
    /// The lock that is spoken of.
    name: LockName,
    map: MemoryMap,
    graves: Graves,
    requests: u64,
    time_ms: i64,
}

impl Store {
    /// One with as many sessions.
    fn with(sessions: u64) -> Self {
        let (map, graves) = (MemoryMap::default(), Graves::default());
        let mut store = Self { name: name("orders"), map, graves, requests: 0, time_ms: 1 };
        for id in 1..=sessions {
            let (id, owner) = (session(id), String::new());
            let grant = GrantLease { id, ttl_ms: 1_000, owner, metadata: [].into() };
            store.tell(Command::Lease(LeaseCommand::Grant(grant))).0.unwrap();
        }
        store
    }

    fn tell(&mut self, command: Command) -> (Answer, Cost) {
        self.requests += 1;
        let request_id = RequestId::parse(&format!("r{}", self.requests)).unwrap();
        let encoded = encode_proposal(&Proposal { request_id, time_ms: self.time_ms, command });
        let counted = Counted::with_graves(&self.map, &self.graves);
        let mut batch = Batch::new(&counted);
        let context = EntryContext { index: self.requests, term: 1 };
        let answer = apply(&mut batch, context, EntryKind::Proposal(&encoded)).unwrap().answer.unwrap();
        let writes = batch.into_writes();
        let cost = counted.cost();
        self.map.write(&writes);
        self.graves.note(&writes);
        (answer, cost)
    }

    fn ask(&mut self, of: u64, mode: Mode, wait: Wait) -> (Answer, Cost) {
        let request = format!("a{}", self.requests);
        self.ask_as(&request, of, (mode, wait))
    }

    fn ask_as(&mut self, request: &str, of: u64, (mode, wait): (Mode, Wait)) -> (Answer, Cost) {
        self.tell(Command::Lock(LockCommand::Acquire(Acquire {
            name: self.name.clone(),
            session: session(of),
            mode,
            wait,
            owner: String::new(),
            metadata: "".into(),
            request_id: RequestId::parse(request).unwrap(),
            call: 1,
        })))
    }

    /// Asks under an id that is the session's own, and tells how many come before.
    fn comes_before(&mut self, of: u64) -> (u64, Cost) {
        match self.ask_as(&format!("of-{of}"), of, (Mode::Exclusive, Wait::Forever)) {
            (Ok(Outcome::Lock(LockOutcome::Acquired(acquired))), cost) => match acquired.standing {
                Standing::Waiting { ahead } => (ahead, cost),
                Standing::Granted(_) => unreachable!("it waits"),
            },
            (other, _) => unreachable!("it is a ticket: {other:?}"),
        }
    }

    fn acquire(&mut self, of: u64, mode: Mode) -> Cost {
        let (answer, cost) = self.ask(of, mode, Wait::Forever);
        answer.unwrap();
        cost
    }

    fn release(&mut self, of: u64) -> Cost {
        let release = Release { name: self.name.clone(), session: session(of), which: Which::All };
        let (answer, cost) = self.tell(Command::Lock(LockCommand::Release(release)));
        answer.unwrap();
        cost
    }

    fn read(&self) -> Cost {
        let counted = Counted::with_graves(&self.map, &self.graves);
        let extent = Extent { holders_max: 1, waiters_max: 1, with_forced: true };
        lock::get(&counted, &self.name, extent).unwrap();
        counted.cost()
    }
}

fn name(text: &str) -> LockName {
    LockName::parse(text).unwrap()
}

fn session(number: u64) -> LeaseId {
    LeaseId::new(number).unwrap()
}

#[test]
fn a_lock_that_nobody_wants_besides_costs_a_handful_of_lookups() {
    let mut store = Store::with(1);
    let first = (store.acquire(1, Mode::Exclusive), store.release(1));
    let (acquire, release) = first;
    assert!(acquire.gets <= 12 && acquire.seeks == 0, "{acquire:?}");
    assert!(release.gets <= 12 && release.seeks == 0, "{release:?}");
    for _ in 0..500 {
        let again = (store.acquire(1, Mode::Exclusive), store.release(1));
        assert_eq!(again, first);
    }
}

#[test]
fn handing_over_costs_the_same_however_often_it_was_done() {
    let mut store = Store::with(3);
    for id in 1..=3 {
        store.acquire(id, Mode::Exclusive);
    }
    let mut round = || {
        let costs = (1..=3).map(|id| (store.release(id), store.acquire(id, Mode::Exclusive), store.read()));
        costs.collect::<Vec<_>>()
    };
    round();
    let second = round();
    let (release, acquire, read) = second[0];
    assert!(release.gets <= 20 && release.seeks <= 2 && release.steps <= 1, "{release:?}");
    assert!(acquire.gets <= 16 && acquire.seeks <= 1 && acquire.steps == 0, "{acquire:?}");
    assert!([release, acquire, read].iter().all(|cost| cost.graves == 0), "{second:?}");
    for _ in 0..200 {
        assert_eq!(round(), second);
    }
}

#[test]
fn handing_over_costs_the_same_however_many_wait() {
    let mut store = Store::with(600);
    for id in 1..=600 {
        store.acquire(id, Mode::Exclusive);
    }
    let first = store.release(1);
    assert!(first.gets <= 24 && first.seeks <= 3 && first.steps <= 2, "{first:?}");
    for id in 2..300 {
        assert_eq!(store.release(id), first);
    }
}

#[test]
fn whoever_asks_again_is_not_counted_for_without_end() {
    let mut store = Store::with(1_000);
    store.acquire(1, Mode::Exclusive);
    for id in 2..=1_000 {
        assert_eq!(store.comes_before(id).0, id - 2);
    }
    // Near the front it is counted how many come before; further back it is at most so many.
    for (id, ahead) in [(2, 0), (3, 1), (257, 255), (258, 998), (500, 998), (1_000, 998)] {
        let (told, cost) = store.comes_before(id);
        assert_eq!(told, ahead, "{id}");
        assert!(cost.steps <= 256 && cost.gets <= 16, "{id}: {cost:?}");
    }
}

#[test]
fn those_whose_time_is_over_are_passed_once() {
    let mut store = Store::with(602);
    store.acquire(601, Mode::Shared);
    for id in 1..=600 {
        store.ask(id, Mode::Exclusive, Wait::UpTo(1_000)).0.unwrap();
    }
    store.time_ms = 10_000;
    let acquire = store.acquire(602, Mode::Shared);
    assert!(acquire.steps <= 600 && acquire.seeks <= 16, "{acquire:?}");
    assert_eq!(lock::queue(&store.map, &store.name, 1).unwrap(), []);
}

#[test]
fn those_who_waited_and_left_are_not_passed_again() {
    let mut store = Store::with(3);
    store.acquire(1, Mode::Exclusive);
    for _ in 0..500 {
        store.acquire(2, Mode::Exclusive);
        store.release(2);
    }
    store.acquire(2, Mode::Exclusive);
    let acquire = store.acquire(3, Mode::Exclusive);
    assert!(acquire.graves <= 2, "{acquire:?}");
    let release = store.release(1);
    assert!(release.graves <= 4, "{release:?}");
}

#[test]
fn those_who_held_a_permit_before_are_not_passed_again() {
    let mut store = Store::with(3);
    store.acquire(1, PERMIT);
    // Permits are always held, by one or the other.
    for _ in 0..250 {
        store.acquire(2, PERMIT);
        store.release(1);
        store.acquire(1, PERMIT);
        let release = store.release(2);
        assert!(release.graves <= 4, "{release:?}");
    }
    store.acquire(2, PERMIT);
    let (answer, cost) = store.ask(3, PERMIT, Wait::None);
    assert_eq!(answer.unwrap_err().reason(), "lock-held");
    assert!(cost.graves <= 2, "{cost:?}");
    assert!(store.read().graves <= 4, "{:?}", store.read());
}

#[test]
fn a_thousand_tickets_of_a_session_on_a_lock_are_not_looked_at_for_one() {
    let mut store = Store::with(1);
    store.acquire(1, Mode::Shared);
    let second = store.acquire(1, Mode::Shared);
    for _ in 2..999 {
        store.acquire(1, Mode::Shared);
    }
    assert_eq!(store.acquire(1, Mode::Shared), second);
    let (name, token) = (store.name.clone(), FencingToken::new(1));
    let (author, reason) = (String::new(), "why".into());
    let force = ForceRelease { name: name.clone(), token: Some(token), author, reason };
    let collect = Collect { namespace: NamespaceName::parse("n").unwrap() };
    let held = vec![HeldLock { name, token }];
    for refused in [
        Command::Lock(LockCommand::ForceRelease(force)),
        Command::Guarded(Guarded { held, command: ConfigCommand::Collect(collect) }),
    ] {
        let (answer, cost) = store.tell(refused);
        assert_eq!(answer.unwrap_err().reason(), "lock-token-mismatch");
        assert!(cost.gets <= 12 && cost.seeks == 0 && cost.steps == 0, "{cost:?}");
    }
}

#[test]
fn what_is_gone_of_other_locks_is_not_passed() {
    let mut store = Store::with(3);
    for number in 0..200 {
        for side in ["before", "zzz"] {
            store.name = name(&format!("{side}/{number}"));
            store.acquire(1, Mode::Exclusive);
            store.acquire(2, Mode::Exclusive);
            store.release(1);
            store.release(2);
        }
    }
    store.name = name("orders");
    let acquired = [1, 2, 3].map(|id| store.acquire(id, Mode::Exclusive));
    let read = store.read();
    let released = [1, 2, 3].map(|id| store.release(id));
    let costs: Vec<_> = acquired.into_iter().chain([read]).chain(released).collect();
    assert!(costs.iter().all(|cost| cost.graves <= 2), "{costs:?}");
    let revoke = RevokeLease { id: session(3) };
    let (_, cost) = store.tell(Command::Lease(LeaseCommand::Revoke(revoke)));
    assert_eq!(cost.graves, 0, "a session that has nothing ends at once: {cost:?}");
}

#[test]
fn a_session_that_ends_does_not_pass_what_others_had() {
    let mut store = Store::with(2);
    store.acquire(1, Mode::Exclusive);
    for number in 0..200 {
        store.name = name(&format!("other/{number}"));
        store.acquire(2, Mode::Exclusive);
        store.release(2);
    }
    let (answer, cost) = store.tell(Command::Lease(LeaseCommand::Revoke(RevokeLease { id: session(1) })));
    assert_eq!(answer, Ok(Outcome::Lease(LeaseOutcome::Revoked { tickets: 1 })));
    assert_eq!(cost.graves, 0, "{cost:?}");
}
