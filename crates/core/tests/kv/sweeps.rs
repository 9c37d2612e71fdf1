//! What was given up is removed a step at a time, and nobody sees a half of it: all that can be read and watched is as
//! the model says at every moment, and in the end nothing else is left.

use bytes::Bytes;
use conclave_core::kv::{
    self, DeleteRange, Hashing, KeyValue, KvCommand, KvHash, KvOutcome, Operation, Put, PutLease, RangeQuery,
    RevisionBounds, SweepStep, Swept, Txn, compacted, is_sweep_due, swept,
};
use conclave_core::{Command, Outcome};
use conclave_mvcc::{ChangeLimits, KeyRange, Revision, changes_since, floor_of, history};
use proptest::prelude::*;

use crate::Pair;
use crate::draw::{self, Step};

type Change = (Revision, Bytes, Option<KeyValue>);

impl Pair {
    /// Does a step of the sweep, which changes no hash.
    pub(crate) fn sweep(&mut self, step: SweepStep) -> Swept {
        let (hashes, due) = (self.hashes(), is_sweep_due(&self.map).unwrap());
        let before = swept(&self.map).unwrap();
        let applied = self.apply(&Command::Kv(KvCommand::Sweep(step)));
        assert_eq!(applied.revised, None);
        let Ok(Outcome::Kv(KvOutcome::Swept(done))) = applied.answer.unwrap() else { panic!("{step:?}") };
        assert_eq!(self.hashes(), hashes);
        let after = swept(&self.map).unwrap();
        assert_eq!(after > before, due && !done.more, "a sweep that ends has come further");
        assert!(after <= compacted(&self.map).unwrap());
        done
    }

    /// As of all revisions that can be read.
    fn hashes(&self) -> Vec<KvHash> {
        let oldest = self.model.compacted().get();
        let hash = |revision| {
            let mut hashing = Hashing::begin(&self.map, Some(Revision::new(revision))).unwrap().unwrap();
            loop {
                if let Some(hash) = hashing.go_on(&self.map, 3).unwrap().unwrap() {
                    return hash;
                }
            }
        };
        (oldest..=self.model.newest().get()).map(hash).collect()
    }

    /// Reads everything at all revisions, and replays what is told.
    fn check_what_stays(&self) {
        let oldest = self.model.compacted();
        assert_eq!(compacted(&self.map).unwrap(), oldest);
        for revision in 0..=self.model.newest().get() {
            self.read(&RangeQuery {
                range: KeyRange::all(),
                revision: Some(Revision::new(revision)),
                limit: 0,
                sort: None,
                bounds: RevisionBounds::default(),
                keys_only: false,
                count_only: false,
            });
            assert_eq!(
                Hashing::begin(&self.map, Some(Revision::new(revision))).unwrap().is_ok(),
                revision >= oldest.get()
            );
        }
        for range in kv::plain() {
            assert_eq!(floor_of(&self.map, &range).unwrap(), oldest.previous());
        }
        assert_eq!(floor_of(&self.map, &KeyRange::prefix(kv::RESERVED)).unwrap(), Revision::ZERO);
        let told: Vec<_> = self.told().into_iter().filter(|(revision, ..)| *revision >= oldest).collect();
        assert_eq!(told, self.made(|revision, _| revision >= oldest));
    }

    /// The changes of plain keys that are told.
    fn told(&self) -> Vec<Change> {
        let limits = ChangeLimits { revisions_max: usize::MAX, size_bytes_max: usize::MAX };
        let revised = changes_since(&self.map, Revision::new(1), limits).unwrap();
        let changes = revised.iter().flat_map(|revised| {
            let plain = revised.events.iter().filter(|event| !kv::is_reserved(&event.key));
            plain.map(|event| {
                let record = event.record().cloned();
                let pair = record.map(|record| KeyValue::new(event.key.clone(), record));
                (revised.revision, event.key.clone(), pair)
            })
        });
        changes.collect()
    }

    /// The changes of plain keys that the model made, as far as they are wanted.
    fn made(&self, is_wanted: impl Fn(Revision, usize) -> bool) -> Vec<Change> {
        let mut made = Vec::new();
        for key in draw::KEYS.map(Bytes::from).iter().filter(|key| !kv::is_reserved(key)) {
            for (place, (revision, pair)) in self.model.changes(key).into_iter().enumerate() {
                if is_wanted(revision, place) {
                    made.push((revision, key.clone(), pair));
                }
            }
        }
        made.sort_by(|one, other| (one.0, &one.1).cmp(&(other.0, &other.1)));
        made
    }

    /// Of each key there is what it was at the oldest revision and all since, and nothing else.
    fn check_what_is_gone(&self) {
        let oldest = self.model.compacted();
        let mut left = Vec::new();
        for key in draw::KEYS.map(Bytes::from).iter().filter(|key| !kv::is_reserved(key)) {
            let changes = self.model.changes(key);
            let newer = changes.iter().filter(|(revision, _)| *revision > oldest).count();
            let at_oldest =
                changes.get(newer).filter(|(revision, pair)| pair.is_some() || *revision == oldest);
            let kept = newer + usize::from(at_oldest.is_some());
            assert_eq!(history(&self.map, key, Revision::MAX, usize::MAX).unwrap().len(), kept, "{key:?}");
            left.extend(changes.into_iter().take(kept).map(|(revision, pair)| (revision, key.clone(), pair)));
        }
        left.sort_by(|one, other| (one.0, &one.1).cmp(&(other.0, &other.1)));
        assert_eq!(self.told(), left);
    }
}

fn put(key: &'static str) -> Operation {
    let (key, value) = (key.into(), Some("v".into()));
    Operation::Put(Put { key, value, lease: PutLease::None, with_previous: false })
}

fn txn(success: Vec<Operation>) -> Step {
    Step::Txn(Txn { success, ..Txn::default() })
}

/// Wherever a sweep is when more is given up, in the end nothing is left of it: neither of what was deleted at the
/// revision to which it went.
#[test]
fn more_is_given_up_while_a_sweep_is_under_way() {
    let all = DeleteRange { range: KeyRange::new("a", "c"), with_previous: false };
    let one = SweepStep { rows_max: 1, size_bytes_max: u64::MAX };
    for steps in 0..9 {
        let mut pair = Pair::new();
        pair.take(&txn(vec![put("a"), put("ab"), put("b")]));
        pair.take(&txn(vec![Operation::DeleteRange(all.clone())]));
        pair.take(&Step::Compact(pair.model.newest()));
        pair.take(&txn(vec![put("a"), put("z")]));
        pair.take(&txn(vec![put("z")]));
        for _ in 0..steps {
            pair.sweep(one);
        }
        pair.take(&Step::Compact(pair.model.newest()));
        pair.check_what_stays();
        while is_sweep_due(&pair.map).unwrap() {
            pair.sweep(one);
        }
        pair.check_what_stays();
        pair.check_what_is_gone();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn what_was_given_up_goes_and_all_else_stays(
        steps in prop::collection::vec(draw::sweeping(), 0..60),
        rows_max in 1_u32..9,
    ) {
        let mut pair = Pair::new();
        for step in &steps {
            pair.take(step);
            if matches!(step, Step::Sweep(_) | Step::Compact(_)) {
                pair.check_what_stays();
            }
        }
        while is_sweep_due(&pair.map).unwrap() {
            pair.sweep(SweepStep { rows_max, size_bytes_max: u64::MAX });
        }
        pair.check_what_stays();
        pair.check_what_is_gone();
        prop_assert_eq!(swept(&pair.map).unwrap(), pair.model.compacted());
        let idle = pair.sweep(SweepStep { rows_max, size_bytes_max: u64::MAX });
        prop_assert_eq!(idle, Swept::default());
    }
}
