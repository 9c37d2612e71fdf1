//! What was removed costs nothing: a store on disk keeps its graves until it is compacted.

use conclave_core::config::{
    Authorship, Collect, ConfigCommand, Defaults, Retention, UpdateDefaults, next_collection,
};
use conclave_core::{Command, EntryContext, EntryKind, Proposal, RequestId, apply, encode_proposal};
use conclave_mvcc::{Batch, MemoryMap};

use crate::counted::{Cost, Counted, Graves};
use crate::{commit, namespace};

const VERSIONS: u64 = 2_000;

/// A store that keeps the graves of what was deleted.
#[derive(Default)]
struct Store {
    map: MemoryMap,
    graves: Graves,
    requests: u64,
}

impl Store {
    fn tell(&mut self, command: ConfigCommand) -> Cost {
        self.requests += 1;
        let request_id = RequestId::parse(&format!("r{}", self.requests)).unwrap();
        let command = Command::Config(command);
        let encoded = encode_proposal(&Proposal { request_id, time_ms: 1, command });
        let counted = Counted::with_graves(&self.map, &self.graves);
        let mut batch = Batch::new(&counted);
        let context = EntryContext { index: self.requests, term: 1 };
        apply(&mut batch, context, EntryKind::Proposal(&encoded)).unwrap().answer.unwrap().unwrap();
        let writes = batch.into_writes();
        let cost = counted.cost();
        self.map.write(&writes);
        self.graves.note(&writes);
        cost
    }
}

/// What does not exist is sought to the end of its table, not in the changes behind it, which were removed.
#[test]
fn a_commit_passes_over_nothing_that_was_removed() {
    let mut store = Store::default();
    let retention = Retention { versions: Some(2), days: Some(0) };
    let defaults = Defaults { retention, ..Defaults::default() };
    let update = UpdateDefaults { defaults, authorship: Authorship::default() };
    store.tell(ConfigCommand::UpdateDefaults(update));
    for number in 0..VERSIONS {
        store.tell(commit("shop", std::iter::once(number % 3), &number.to_string()));
    }
    while next_collection(&store.map, 1, None, 9).unwrap().0.is_some() {
        store.tell(ConfigCommand::Collect(Collect { namespace: namespace("shop") }));
    }
    // Neither has settings of its own.
    for name in ["shop", "tea"] {
        let cost = store.tell(commit(name, std::iter::once(1), "new"));
        assert_eq!(cost.graves, 0, "{name}: {cost:?}");
    }
}
