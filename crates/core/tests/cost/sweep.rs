//! What it costs to remove what was given up of plain keys: a step no more than its rows, and all of them together no
//! more than what was changed since the last time, however many keys there are.

use bytes::Bytes;
use conclave_core::kv::{
    Compact, KvCommand, KvOutcome, Operation, Put, PutLease, SweepStep, Txn, is_sweep_due,
};
use conclave_core::{Command, Outcome};
use conclave_mvcc::newest_revision;

use crate::collection::Store;
use crate::commit;
use crate::counted::Cost;

const ROWS_MAX: u32 = 100;
/// Looked at for a change that overwrote another: itself, and what was before.
const ROWS_A_CHANGE: u64 = 2;

/// What a sweep cost.
#[derive(Default)]
struct Spent {
    steps: u64,
    changes: u64,
    dearest: Cost,
}

impl Store {
    fn put(&mut self, keys: impl Iterator<Item = u64>, value: &Bytes) {
        let put = |number| {
            let (key, value) = (format!("key-{number:07}").into(), Some(value.clone()));
            Operation::Put(Put { key, value, lease: PutLease::None, with_previous: false })
        };
        let txn = Txn { success: keys.map(put).collect(), ..Txn::default() };
        self.apply(Command::Kv(KvCommand::Txn(txn))).0.unwrap();
    }

    fn compact(&mut self) {
        let revision = newest_revision(&self.map).unwrap();
        let (answer, cost) = self.apply(Command::Kv(KvCommand::Compact(Compact { revision })));
        answer.unwrap();
        assert_eq!((cost.steps, cost.graves), (0, 0), "{cost:?}");
    }

    fn sweep(&mut self, size_bytes_max: u64) -> Spent {
        let mut spent = Spent::default();
        while is_sweep_due(&self.map).unwrap() {
            let step = SweepStep { rows_max: ROWS_MAX, size_bytes_max };
            let (answer, cost) = self.apply(Command::Kv(KvCommand::Sweep(step)));
            let Ok(Outcome::Kv(KvOutcome::Swept(done))) = answer else { panic!("{answer:?}") };
            spent.steps += 1;
            spent.changes += done.changes;
            spent.dearest.seeks = spent.dearest.seeks.max(cost.seeks);
            spent.dearest.steps = spent.dearest.steps.max(cost.steps);
            assert_eq!(cost.graves, 0, "nothing that was removed is passed over");
        }
        spent
    }
}

fn small() -> Bytes {
    "v".into()
}

#[test]
fn a_step_costs_its_rows_and_all_of_them_what_was_changed() {
    let (keys, changes) = (10, 5_000);
    let mut store = Store::default();
    for pass in 1..=2 {
        for number in 0..changes {
            store.put(std::iter::once(number % keys), &small());
        }
        store.compact();
        let spent = store.sweep(u64::MAX);
        assert_eq!(spent.changes, changes - if pass == 1 { keys } else { 0 });
        let rows_max = u64::from(ROWS_MAX);
        assert!(spent.steps <= ROWS_A_CHANGE * changes / rows_max + 1, "pass {pass}: {}", spent.steps);
        // A change is searched for among those of its revision.
        assert!(
            spent.dearest.steps <= rows_max && spent.dearest.seeks <= rows_max + 1,
            "{:?}",
            spent.dearest
        );
    }
}

#[test]
fn keys_that_did_not_change_cost_nothing() {
    let keys = 20_000;
    let mut store = Store::default();
    for number in 0..keys / 100 {
        store.put(number * 100..(number + 1) * 100, &small());
    }
    store.compact();
    let first = store.sweep(u64::MAX);
    // They are passed over once, without a look at the keys.
    let steps_max = keys / u64::from(ROWS_MAX) + 1;
    assert!(first.changes == 0 && first.steps <= steps_max && first.dearest.seeks <= 1, "{}", first.steps);

    for number in 0..10 {
        store.put(std::iter::once(number * 1_000), &small());
    }
    store.compact();
    let second = store.sweep(u64::MAX);
    assert_eq!((second.changes, second.steps), (10, 2));
}

/// Whoever changes the configuration a lot makes the sweep pass over it once.
#[test]
fn changes_of_the_configuration_are_passed_over() {
    let mut store = Store::default();
    store.put(0..1, &small());
    for number in 0..500_u64 {
        let commit = commit("shop", std::iter::once(number % 3), &number.to_string());
        store.apply(Command::Config(commit)).0.unwrap();
    }
    store.put(0..1, &small());
    store.compact();
    let spent = store.sweep(u64::MAX);
    assert_eq!(spent.changes, 1);
    assert!(spent.steps <= 2 * 500 / u64::from(ROWS_MAX) + 1, "{}", spent.steps);
}

#[test]
fn a_step_looks_at_so_many_bytes() {
    let (value, changes) = (Bytes::from(vec![0; 10_000]), 40);
    let mut store = Store::default();
    for _ in 0..changes {
        store.put(0..1, &value);
    }
    store.compact();
    let spent = store.sweep(20_000);
    assert_eq!(spent.changes, changes - 1);
    // Of two values one does not fill a step.
    assert_eq!(spent.steps, changes / 2);
}
