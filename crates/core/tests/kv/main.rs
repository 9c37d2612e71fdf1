//! Plain keys against a naive model: a full copy of all keys for each revision. Whatever was asked for, the answers,
//! the keys at every revision that can still be read, and the events in their order are as the model says.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test is told of a failed condition by a panic")]

mod draw;
mod duplicates;
mod model;
mod sweeps;

use conclave_core::config::{Action, Authorship, Commit, ConfigCommand, Edit, ItemContent, NamespaceEdits};
use conclave_core::kv::{self, KvOutcome, RangeQuery, Txn};
use conclave_core::lease::{GrantLease, LeaseCommand, RevokeLease};
use conclave_core::{
    Answer, Applied, Command, EntryContext, EntryKind, ItemKey, LeaseId, NamespaceName, Outcome, Proposal,
    RequestId, apply, decode_answer, decode_command, encode_answer, encode_command, encode_proposal,
};
use conclave_mvcc::{Batch, MemoryMap, newest_revision};
use proptest::prelude::*;

use draw::{Step, step};
use model::Model;

/// The store and the model, led through the same.
struct Pair {
    map: MemoryMap,
    model: Model,
    entries: u64,
}

impl Pair {
    /// With an item of the configuration, which can be read and not written.
    fn new() -> Self {
        let mut pair = Self { map: MemoryMap::default(), model: Model::new(), entries: 0 };
        let content =
            ItemContent { value: "v".into(), content_type: "text/plain".into(), labels: Default::default() };
        let edit = Edit {
            key: ItemKey::parse("k", 9).unwrap(),
            expected_mod_revision: None,
            action: Action::Put(content),
        };
        let edits = NamespaceEdits {
            namespace: NamespaceName::parse("n").unwrap(),
            expected_version: None,
            create_if_missing: true,
            edits: vec![edit],
        };
        let commit = Commit { namespaces: vec![edits], authorship: Authorship::default() };
        pair.apply(&Command::Config(ConfigCommand::Commit(commit))).answer.unwrap().unwrap();
        pair.model.configure("conclave/config/n//k", "v");
        pair
    }

    fn apply(&mut self, command: &Command) -> Applied {
        self.entries += 1;
        assert_eq!(decode_command(&encode_command(command)).as_ref(), Ok(command));
        let request_id = RequestId::parse(&format!("r{}", self.entries)).unwrap();
        let proposal = Proposal { request_id, time_ms: 1, command: command.clone() };
        let entry = encode_proposal(&proposal);
        let mut batch = Batch::new(&self.map);
        let context = EntryContext { index: self.entries, term: 1 };
        let applied = apply(&mut batch, context, EntryKind::Proposal(&entry)).unwrap();
        let answer = applied.answer.clone().unwrap();
        assert_eq!(decode_answer(&encode_answer(&answer)), Ok(answer));
        let writes = batch.into_writes();
        self.map.write(&writes);
        applied
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Txn(txn) => self.txn(txn),
            Step::Compact(revision) => {
                let compact = kv::KvCommand::Compact(kv::Compact { revision: *revision });
                let answer = self.apply(&Command::Kv(compact)).answer.unwrap();
                assert_eq!(answer, self.model.compact(*revision), "{step:?}");
            }
            Step::Sweep(step) => {
                self.sweep(*step);
            }
            Step::Grant(id) => {
                let grant =
                    GrantLease { id: *id, ttl_ms: 1, owner: String::new(), metadata: Default::default() };
                let answer = self.apply(&Command::Lease(LeaseCommand::Grant(grant))).answer.unwrap();
                assert_eq!(answer.is_ok(), self.model.grant(*id));
            }
            Step::Revoke(id) => {
                let applied = self.apply(&Command::Lease(LeaseCommand::Revoke(RevokeLease { id: *id })));
                assert_eq!(applied.answer.as_ref().unwrap().is_ok(), self.model.revoke(*id));
                self.model.check_events(applied.revised.as_ref());
            }
            Step::Read(query) => self.read(query),
        }
        assert_eq!(newest_revision(&self.map).unwrap(), self.model.newest());
    }

    fn txn(&mut self, txn: &Txn) {
        if txn.check_keys_written().is_err() {
            return;
        }
        if txn.is_read_only() {
            let read = kv::read_txn(&self.map, txn).unwrap();
            let outcome = |(revision, done)| Outcome::Kv(KvOutcome::Txn { revision, done });
            assert_eq!(read.map(outcome), self.model.clone().txn(txn), "{txn:?}");
        }
        let applied = self.apply(&Command::Kv(kv::KvCommand::Txn(txn.clone())));
        let expected: Answer = self.model.txn(txn);
        assert_eq!(applied.answer.unwrap(), expected, "{txn:?}");
        self.model.check_events(applied.revised.as_ref());
    }

    fn read(&self, query: &RangeQuery) {
        let found = kv::range(&self.map, query).unwrap();
        assert_eq!(found, self.model.read(query).map_err(Into::into), "{query:?}");
    }

    fn check_leases(&self) {
        for id in draw::LEASES.map(|id| LeaseId::new(id).unwrap()) {
            let keys = kv::keys_of(&self.map, id, usize::MAX).unwrap();
            assert_eq!(keys, self.model.keys_of(id), "lease {id}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn answers_are_those_of_the_model(
        steps in prop::collection::vec(step(), 0..40),
        queries in prop::collection::vec(draw::query(), 6),
    ) {
        let mut pair = Pair::new();
        for step in &steps {
            pair.take(step);
        }
        pair.check_leases();
        for query in &queries {
            pair.read(query);
        }
    }
}
