//! A revision of the store as what happened to locks.
//!
//! One revision may end thousands of grants, each with metadata, and whoever is told reads slowly: so of each change
//! only its place among the events is kept, which all watches share, and it is read when it is told.

use std::collections::{BTreeMap, BTreeSet};
use std::vec::IntoIter;

use conclave_core::lease::{self, LeaseChange};
use conclave_core::lock::{self, ForcedRelease, HolderInfo, LockChange, LockChangeKind};
use conclave_core::{LeaseId, LockName, TicketId};
use conclave_mvcc::{MapError, Revised, Revision};
use conclave_proto::lock::v1 as wire;

use super::gone::Gone;
use crate::lock_wire::{holder, waiter};

/// What happened to locks in one revision, and was not told yet.
#[derive(Debug)]
pub(super) struct Changes {
    revised: Revised,
    /// Places of the events that are told: first of those who left, then of those who came.
    places: IntoIter<usize>,
    /// Sessions that ended.
    ended: BTreeSet<LeaseId>,
    /// The locks of which grants ended while their sessions go on.
    maybe_forced: BTreeSet<LockName>,
    forced: Forced,
}

/// The last releases by force, by lock.
pub(super) type Forced = BTreeMap<LockName, ForcedRelease>;

/// A change on the way into its order.
struct Found {
    comes: bool,
    name: LockName,
    place: usize,
    /// The ticket that left the queue.
    left: Option<TicketId>,
}

impl Changes {
    /// Of the locks that `wanted` holds.
    pub(super) fn of(revised: &Revised, wanted: impl Fn(&LockName) -> bool) -> Result<Self, MapError> {
        let (mut found, mut granted, mut ends) = (Vec::new(), BTreeSet::new(), Vec::new());
        for (place, event) in revised.events.iter().enumerate() {
            let Some(change) = lock::change_of(event)?.filter(|change| wanted(&change.name)) else {
                continue;
            };
            let mut left = None;
            match &change.kind {
                LockChangeKind::Left(waiter) => left = Some(waiter.ticket),
                LockChangeKind::Granted(holder) => _ = granted.insert(holder.ticket),
                LockChangeKind::Ended(holder) => ends.push((change.name.clone(), holder.session)),
                LockChangeKind::Queued(_) | LockChangeKind::Updated(_) => {}
            }
            found.push(Found { comes: change.comes(), name: change.name, place, left });
        }
        // Whoever left the queue with a grant is told of by the grant.
        found.retain(|found| found.left.is_none_or(|ticket| !granted.contains(&ticket)));
        found.sort_by(|one, other| (one.comes, &one.name).cmp(&(other.comes, &other.name)));
        let places: Vec<usize> = found.into_iter().map(|found| found.place).collect();
        let ended = if ends.is_empty() { BTreeSet::new() } else { ended_leases(revised)? };
        let living = ends.into_iter().filter(|(_, session)| !ended.contains(session));
        let maybe_forced = living.map(|(name, _)| name).collect();
        let (revised, places) = (revised.clone(), places.into_iter());
        Ok(Self { revised, places, ended, maybe_forced, forced: Forced::new() })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.places.len() == 0
    }

    pub(super) fn revision(&self) -> Revision {
        self.revised.revision
    }

    /// The locks of which grants ended while their sessions go on: they may have been taken by force.
    pub(super) fn maybe_forced(&self) -> &BTreeSet<LockName> {
        &self.maybe_forced
    }

    /// With the last releases by force of those locks: one at this revision took all that ended.
    pub(super) fn with(self, mut forced: Forced) -> Self {
        forced.retain(|_, forced| forced.revision == self.revised.revision);
        Self { forced, ..self }
    }

    /// The next as a message, which tells why a grant ended; none: all are told.
    pub(super) fn next(&mut self) -> Result<Option<wire::LockChange>, MapError> {
        let Some(event) = self.places.next().and_then(|place| self.revised.events.get(place)) else {
            return Ok(None);
        };
        Ok(lock::change_of(event)?.map(|change| self.message(change)))
    }

    fn message(&self, LockChange { name, kind }: LockChange) -> wire::LockChange {
        let change = match kind {
            LockChangeKind::Queued(info) => wire::lock_change::Change::Queued(waiter(info)),
            LockChangeKind::Left(info) => wire::lock_change::Change::Left(waiter(info)),
            LockChangeKind::Granted(info) => wire::lock_change::Change::Granted(holder(info)),
            LockChangeKind::Updated(info) => wire::lock_change::Change::Updated(holder(info)),
            LockChangeKind::Ended(info) => {
                let gone = why(&info, &self.ended, self.forced.get(&name));
                wire::lock_change::Change::Ended(ended_message(info, gone))
            }
        };
        wire::LockChange { name: name.to_string(), change: Some(change) }
    }
}

fn why(info: &HolderInfo, ended: &BTreeSet<LeaseId>, forced: Option<&ForcedRelease>) -> Gone {
    if ended.contains(&info.session) {
        return Gone::SessionEnded;
    }
    forced.cloned().map_or(Gone::Released, Gone::Forced)
}

fn ended_message(info: HolderInfo, gone: Gone) -> wire::Ended {
    let (reason, forced_release) = gone.into_parts();
    wire::Ended { holder: Some(holder(info)), reason: reason.into(), forced_release }
}

fn ended_leases(revised: &Revised) -> Result<BTreeSet<LeaseId>, MapError> {
    let changes = lease::changes_in(revised)?.into_iter();
    let ended = changes.filter_map(|change| match change {
        LeaseChange::Ended(id) => Some(id),
        LeaseChange::Is(_) => None,
    });
    Ok(ended.collect())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use conclave_core::lease::{GrantLease, LeaseCommand, RevokeLease};
    use conclave_core::lock::{Acquire, ForceRelease, LockCommand, Mode, Wait};
    use conclave_core::{Command, EntryContext, EntryKind, Proposal, RequestId, apply, encode_proposal};
    use conclave_mvcc::{Batch, MemoryMap};
    use wire::lock_change::Change;

    use super::super::gone::last_forced;
    use super::*;

    #[derive(Default)]
    struct Store {
        map: MemoryMap,
        entries: u64,
    }

    impl Store {
        /// Applies a command, and gives what it did.
        fn done(&mut self, command: Command) -> Revised {
            self.entries += 1;
            let request_id = RequestId::parse(&format!("r{}", self.entries)).unwrap();
            let entry = encode_proposal(&Proposal { request_id, time_ms: 1_000, command });
            let mut batch = Batch::new(&self.map);
            let context = EntryContext { index: self.entries, term: 1 };
            let applied = apply(&mut batch, context, EntryKind::Proposal(&entry)).unwrap();
            let writes = batch.into_writes();
            self.map.write(&writes);
            assert!(applied.answer.unwrap().is_ok());
            applied.present.unwrap()
        }

        fn open(&mut self, number: u64) {
            let (owner, metadata) = (String::new(), BTreeMap::new());
            let grant = GrantLease { id: session(number), ttl_ms: 1_000, owner, metadata };
            self.done(Command::Lease(LeaseCommand::Grant(grant)));
        }

        fn ask(&mut self, lock: &str, number: u64, mode: Mode) {
            let request_id = RequestId::parse(&format!("a{}", self.entries)).unwrap();
            let (owner, metadata) = (format!("o{number}"), Bytes::from_static(b"m"));
            let (name, session, wait, call) = (name(lock), session(number), Wait::Forever, 1);
            let acquire = Acquire { name, session, mode, wait, owner, metadata, request_id, call };
            self.done(Command::Lock(LockCommand::Acquire(acquire)));
        }
    }

    fn session(number: u64) -> LeaseId {
        LeaseId::new(number).unwrap()
    }

    fn name(lock: &str) -> LockName {
        LockName::parse(lock).unwrap()
    }

    /// What is told, in few words.
    fn told(mut changes: Changes) -> Vec<String> {
        let mut told = Vec::new();
        while let Some(wire::LockChange { name, change }) = changes.next().unwrap() {
            told.push(match change.unwrap() {
                Change::Queued(waiter) => format!("{name} queued {}", waiter.owner),
                Change::Left(waiter) => format!("{name} left {}", waiter.owner),
                Change::Granted(holder) => format!("{name} granted {}", holder.owner),
                Change::Updated(holder) => format!("{name} updated {}", holder.owner),
                Change::Ended(ended) => {
                    let reason = ended.reason().as_str_name().trim_start_matches("LOST_REASON_").to_owned();
                    format!("{name} ended {} {reason}", ended.holder.unwrap().owner)
                }
            });
        }
        assert!(changes.is_empty());
        told
    }

    #[test]
    fn a_session_that_ends_is_told_lock_by_lock_first_who_left() {
        let mut store = Store::default();
        (1..=3).for_each(|number| store.open(number));
        for (lock, number) in [("b", 1), ("b", 2), ("a", 1), ("a", 3), ("c", 3), ("c", 1)] {
            store.ask(lock, number, Mode::Exclusive);
        }
        let revised = store.done(Command::Lease(LeaseCommand::Revoke(RevokeLease { id: session(1) })));
        let all = Changes::of(&revised, |_| true).unwrap();
        assert!(all.maybe_forced().is_empty() && !all.is_empty() && all.revision() == revised.revision);
        assert_eq!(
            told(all),
            [
                "a ended o1 SESSION_ENDED",
                "b ended o1 SESSION_ENDED",
                "c left o1",
                "a granted o3",
                "b granted o2",
            ]
        );
        assert_eq!(told(Changes::of(&revised, |lock| *lock == name("c")).unwrap()), ["c left o1"]);
        assert!(Changes::of(&revised, |lock| *lock == name("d")).unwrap().is_empty());
    }

    #[test]
    fn what_was_taken_by_force_is_told_so() {
        let mut store = Store::default();
        (1..=2).for_each(|number| store.open(number));
        (1..=2).for_each(|number| store.ask("a", number, Mode::Shared));
        let (author, reason) = (String::new(), "stuck".to_owned());
        let force = ForceRelease { name: name("a"), token: None, author, reason };
        let revised = store.done(Command::Lock(LockCommand::ForceRelease(force)));
        let changes = Changes::of(&revised, |_| true).unwrap();
        assert_eq!(*changes.maybe_forced(), BTreeSet::from([name("a")]));
        let forced = last_forced(&store.map, &name("a")).unwrap().unwrap();
        let before = ForcedRelease { revision: Revision::new(1), ..forced.clone() };
        let changes = changes.with(Forced::from([(name("a"), forced)]));
        assert_eq!(told(changes), ["a ended o1 FORCED", "a ended o2 FORCED"]);
        let changes = Changes::of(&revised, |_| true).unwrap().with(Forced::from([(name("a"), before)]));
        assert_eq!(told(changes), ["a ended o1 RELEASED", "a ended o2 RELEASED"], "that was another one");
    }
}
