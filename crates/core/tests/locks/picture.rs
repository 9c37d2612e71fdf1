//! What a watcher knows: folded from the events of each revision, and held to what a lock promises.

use std::collections::BTreeMap;

use conclave_core::lease::{self, LeaseChange, LeaseInfo};
use conclave_core::lock::{self, HolderInfo, LockChange, LockChangeKind, Mode, WaiterInfo};
use conclave_core::{FencingToken, LeaseId, LockName, TicketId};
use conclave_mvcc::Revised;

use crate::world::{Model, capacity, goes_with};

/// All sessions and tickets that a watcher was told of.
#[derive(Default, Debug, PartialEq, Eq)]
pub(crate) struct Picture {
    sessions: BTreeMap<LeaseId, LeaseInfo>,
    locks: BTreeMap<LockName, Tickets>,
    /// The greatest token that was ever granted.
    last_token: FencingToken,
}

#[derive(Default, Debug, PartialEq, Eq)]
struct Tickets {
    held: BTreeMap<FencingToken, HolderInfo>,
    waiting: BTreeMap<TicketId, WaiterInfo>,
}

impl Picture {
    /// Takes in what a revision did; every change must fit what was known. Gives the locks to which something happened.
    pub(crate) fn fold(&mut self, revised: &Revised) -> Vec<LockName> {
        for change in lease::changes_in(revised).unwrap() {
            match change {
                LeaseChange::Is(lease) => drop(self.sessions.insert(lease.id, lease)),
                LeaseChange::Ended(id) => assert!(self.sessions.remove(&id).is_some(), "{id} was there"),
            }
        }
        let (mut tokens, mut names) = (Vec::new(), Vec::new());
        for LockChange { name, kind } in lock::changes_in(revised).unwrap() {
            if let LockChangeKind::Granted(holder) = &kind {
                tokens.push(holder.granted.token);
            }
            let tickets = self.locks.entry(name.clone()).or_default();
            tickets.take_in(kind);
            if tickets.held.is_empty() && tickets.waiting.is_empty() {
                self.locks.remove(&name);
            }
            names.push(name);
        }
        tokens.sort();
        for token in tokens {
            assert!(token > self.last_token, "tokens only grow: {token} after {}", self.last_token);
            self.last_token = token;
        }
        names.dedup();
        names
    }

    /// The watcher knows what is so, and it is what locks promise.
    #[track_caller]
    pub(crate) fn check(&self, model: &Model) {
        assert_eq!(self.sessions, model.sessions);
        assert!(self.locks.keys().eq(model.locks.keys()), "{self:?}");
        for name in self.locks.keys() {
            self.check_lock(model, name);
        }
    }

    /// The same of one lock.
    #[track_caller]
    pub(crate) fn check_lock(&self, model: &Model, name: &LockName) {
        let Some(tickets) = self.locks.get(name) else {
            return assert!(model.tickets(name).is_empty(), "{name} is held or waited for");
        };
        assert!(tickets.held.values().eq(&model.holders(name)), "{name}: {tickets:?}");
        assert!(tickets.waiting.values().eq(&model.waiters(name)), "{name}: {tickets:?}");
        assert!(
            tickets.sessions().all(|id| self.sessions.contains_key(&id)),
            "a ticket outlives its session"
        );
        tickets.assert_sound();
    }
}

impl Tickets {
    fn sessions(&self) -> impl Iterator<Item = LeaseId> {
        let held = self.held.values().map(|holder| holder.session);
        held.chain(self.waiting.values().map(|waiter| waiter.session))
    }

    #[track_caller]
    fn take_in(&mut self, kind: LockChangeKind) {
        match kind {
            LockChangeKind::Queued(waiter) => {
                assert_eq!(self.waiting.insert(waiter.ticket, waiter), None, "it did not wait before");
            }
            LockChangeKind::Left(waiter) => {
                assert_eq!(self.waiting.remove(&waiter.ticket), Some(waiter), "it waited");
            }
            LockChangeKind::Granted(holder) => {
                assert_eq!(self.held.insert(holder.granted.token, holder), None, "the token is new");
            }
            LockChangeKind::Updated(holder) => {
                let before = self.held.insert(holder.granted.token, holder.clone());
                assert!(before.is_some_and(|before| before != holder), "it differs from what it was");
            }
            LockChangeKind::Ended(holder) => {
                assert_eq!(self.held.remove(&holder.granted.token), Some(holder), "it was held");
            }
        }
    }

    #[track_caller]
    fn assert_sound(&self) {
        let held: Vec<Mode> = self.held.values().map(|holder| holder.mode).collect();
        for (at, mode) in held.iter().enumerate() {
            assert!(goes_with(&held[..at], *mode), "{self:?} does not go together");
        }
        let kinds = held.iter().copied().chain(self.waiting.values().map(|waiter| waiter.mode));
        let mut kinds: Vec<_> = kinds.map(capacity).collect();
        kinds.dedup();
        assert_eq!(kinds.len(), 1, "all tickets of a lock are of one kind: {self:?}");
        let arrival: Vec<_> = self.held.values().map(|holder| holder.ticket).collect();
        assert!(arrival.is_sorted(), "who came first was granted first: {self:?}");
        if let Some(first) = self.waiting.values().next() {
            assert!(!goes_with(&held, first.mode), "{first:?} waits for nobody");
            assert!(arrival.last() < Some(&first.ticket), "nobody is passed by: {self:?}");
        }
    }
}
