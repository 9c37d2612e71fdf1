//! Leaders whose clocks are wrong: what is to be kept is kept, and once the clocks are right again and time has
//! passed, the rest goes. A clock that is behind, but not behind the last stamp, is believed: nothing tells that it
//! is wrong.
#![allow(clippy::unwrap_used, reason = "a test is told of a failed condition by a panic")]

use conclave_core::config::{
    At, Authorship, CollectStep, Commit, ConfigCommand, Defaults, ItemQuery, NamespaceEdits, Retention,
    UpdateDefaults, list_items, next_collection,
};
use conclave_core::{
    Command, EntryContext, EntryKind, NamespaceName, Proposal, RequestId, Version, apply, encode_proposal,
};
use conclave_mvcc::{Batch, MemoryMap};
use proptest::prelude::*;

const HOUR_MS: i64 = 60 * 60 * 1_000;
const DAY_MS: i64 = 24 * HOUR_MS;
const VERSIONS: usize = 2;
/// So far behind the last stamp a clock is not yet known to be wrong.
const CLOCKS_DIFFER_MAX_MS: i64 = 60_000;

#[derive(Clone, Debug)]
enum Step {
    /// So many hours pass, then a version is made, by a wrong clock or by a right one.
    Commit {
        hours: i64,
        is_wrong: bool,
    },
    Collect,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0_i64..20, any::<bool>()).prop_map(|(hours, is_wrong)| Step::Commit { hours, is_wrong }),
        2 => Just(Step::Collect),
    ];
    prop::collection::vec(step, 1..40)
}

/// How far the wrong clock is ahead or, below zero, behind.
fn wrong_ms() -> impl Strategy<Value = i64> {
    prop_oneof![1_i64..4, Just(20_000), -2_000_i64..0, Just(-20_000)].prop_map(|days| days * DAY_MS)
}

struct Store {
    map: MemoryMap,
    requests: u64,
    now_ms: i64,
    /// When each version was made, in truth, or when a clock that nothing showed to be wrong said, whichever is earlier.
    made_ms: Vec<i64>,
    newest_stamp_ms: i64,
}

fn shop() -> NamespaceName {
    NamespaceName::parse("shop").unwrap()
}

impl Store {
    fn new() -> Self {
        let mut store = Self {
            map: MemoryMap::default(),
            requests: 0,
            now_ms: 10_000 * DAY_MS,
            made_ms: Vec::new(),
            newest_stamp_ms: i64::MIN,
        };
        let retention = Retention { versions: Some(VERSIONS as u64), days: Some(1) };
        let defaults = Defaults { retention, ..Defaults::default() };
        let update = UpdateDefaults { defaults, authorship: Authorship::default() };
        store.tell(ConfigCommand::UpdateDefaults(update), store.now_ms);
        store
    }

    fn tell(&mut self, command: ConfigCommand, time_ms: i64) {
        self.requests += 1;
        let request_id = RequestId::parse(&format!("r{}", self.requests)).unwrap();
        let encoded = encode_proposal(&Proposal { request_id, time_ms, command: Command::Config(command) });
        let mut batch = Batch::new(&self.map);
        let context = EntryContext { index: self.requests, term: 1 };
        apply(&mut batch, context, EntryKind::Proposal(&encoded)).unwrap().answer.unwrap().unwrap();
        let writes = batch.into_writes();
        self.map.write(&writes);
    }

    fn commit(&mut self, stamp_ms: i64) {
        self.made_ms.push(self.now_ms);
        if stamp_ms >= self.newest_stamp_ms.saturating_sub(CLOCKS_DIFFER_MAX_MS) {
            // Whatever came before it is at least as old.
            self.made_ms.iter_mut().for_each(|made_ms| *made_ms = stamp_ms.min(*made_ms));
        }
        self.newest_stamp_ms = self.newest_stamp_ms.max(stamp_ms);
        let edits = NamespaceEdits {
            namespace: shop(),
            expected_version: None,
            create_if_missing: true,
            edits: Vec::new(),
        };
        let commit = Commit { namespaces: vec![edits], authorship: Authorship::default() };
        self.tell(ConfigCommand::Commit(commit), stamp_ms);
    }

    fn collect(&mut self) {
        if let (Some(namespace), _) = next_collection(&self.map, self.now_ms, None, 9).unwrap() {
            let step = CollectStep { namespace, rows_max: 100 };
            self.tell(ConfigCommand::CollectStep(step), self.now_ms);
        }
    }

    fn can_read(&self, version: usize) -> bool {
        let query = ItemQuery {
            namespace: &shop(),
            key_prefix: "",
            after: None,
            at: At::Version(Version::new(version as u64)),
            records_max: 9,
            size_bytes_max: usize::MAX,
            keys_only: false,
        };
        list_items(&self.map, &query).unwrap().is_ok()
    }

    /// Whether a version is among the newest, or was the newest within the last day.
    fn is_to_be_kept(&self, version: usize) -> bool {
        let next_ms = self.made_ms.get(version).copied().unwrap_or(self.now_ms);
        version + VERSIONS > self.made_ms.len() || next_ms > self.now_ms - DAY_MS
    }
}

proptest! {
    #[test]
    fn a_wrong_clock_drops_nothing_and_keeps_nothing_for_ever(steps in steps(), wrong_ms in wrong_ms()) {
        let mut store = Store::new();
        for step in &steps {
            match step {
                Step::Commit { hours, is_wrong } => {
                    store.now_ms += hours * HOUR_MS;
                    store.commit(store.now_ms + if *is_wrong { wrong_ms } else { 0 });
                }
                Step::Collect => store.collect(),
            }
            for version in 1..=store.made_ms.len() {
                prop_assert!(!store.is_to_be_kept(version) || store.can_read(version), "version {}", version);
            }
        }
        for _ in 0..VERSIONS + 2 {
            store.commit(store.now_ms);
            store.now_ms += 4 * DAY_MS;
        }
        (0..9).for_each(|_| store.collect());
        let newest = store.made_ms.len();
        let left: Vec<_> = (1..=newest).filter(|version| store.can_read(*version)).collect();
        let expected: Vec<_> = (1..=newest).filter(|version| store.is_to_be_kept(*version)).collect();
        prop_assert_eq!(left, expected);
    }
}
