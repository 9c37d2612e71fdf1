//! How much may change at one revision: what is beyond it is refused and changes nothing.

#![allow(clippy::unwrap_used, reason = "a test is told of a failed condition by a panic")]

use conclave_core::config::{
    Action, Authorship, Commit, ConfigCommand, ConfigOutcome, CreateSnapshot, DeleteNamespace, Edit,
    ITEMS_CHANGED_MAX, ItemContent, NamespaceEdits, Rollback, RollbackSnapshot,
};
use conclave_core::{
    Answer, Command, EntryContext, EntryKind, ItemKey, NamespaceName, Outcome, PinName, Proposal, Rejection,
    RequestId, Version, apply, encode_proposal,
};
use conclave_mvcc::{Batch, MemoryMap, newest_revision};

/// More than half of what may change, and less than half: both together are too much.
const MANY: u64 = ITEMS_CHANGED_MAX * 3 / 4;
const FEWER: u64 = ITEMS_CHANGED_MAX / 4 + 1;

#[derive(Default)]
struct Store {
    map: MemoryMap,
    requests: u64,
}

impl Store {
    fn tell(&mut self, command: ConfigCommand) -> Answer {
        self.requests += 1;
        let request_id = RequestId::parse(&format!("r{}", self.requests)).unwrap();
        let encoded =
            encode_proposal(&Proposal { request_id, time_ms: 1, command: Command::Config(command) });
        let mut batch = Batch::new(&self.map);
        let context = EntryContext { index: self.requests, term: 1 };
        let answer = apply(&mut batch, context, EntryKind::Proposal(&encoded)).unwrap().answer.unwrap();
        let writes = batch.into_writes();
        self.map.write(&writes);
        answer
    }

    #[track_caller]
    fn does(&mut self, command: ConfigCommand) -> ConfigOutcome {
        let Outcome::Config(outcome) = self.tell(command).unwrap() else {
            unreachable!("all commands are these")
        };
        outcome
    }

    #[track_caller]
    fn refuses(&mut self, command: ConfigCommand) {
        let before = newest_revision(&self.map).unwrap();
        let refused = self.tell(command).unwrap_err();
        assert!(
            matches!(refused, Rejection::ChangeTooLarge { items_max: ITEMS_CHANGED_MAX, .. }),
            "{refused}"
        );
        assert_eq!(newest_revision(&self.map).unwrap(), before, "nothing is changed");
    }
}

fn name(name: &str) -> NamespaceName {
    NamespaceName::parse(name).unwrap()
}

fn put(namespace: &str, prefix: &str, items: u64) -> ConfigCommand {
    let edit = |number| Edit {
        key: ItemKey::parse(&format!("{prefix}{number}"), 512).unwrap(),
        expected_mod_revision: None,
        action: Action::Put(ItemContent::default()),
    };
    let edits = NamespaceEdits {
        namespace: name(namespace),
        expected_version: None,
        create_if_missing: true,
        edits: (0..items).map(edit).collect(),
    };
    ConfigCommand::Commit(Commit { namespaces: vec![edits], authorship: Authorship::default() })
}

fn delete(namespace: &str) -> ConfigCommand {
    let namespace = name(namespace);
    let authorship = Authorship::default();
    ConfigCommand::DeleteNamespace(DeleteNamespace { namespace, expected_version: None, authorship })
}

fn rollback(namespace: &str, to_version: u64) -> ConfigCommand {
    ConfigCommand::Rollback(Rollback {
        namespace: name(namespace),
        to_version: Version::new(to_version),
        expected_version: None,
        authorship: Authorship::default(),
    })
}

fn rollback_snapshot(namespaces: Option<Vec<NamespaceName>>) -> ConfigCommand {
    let snapshot = PinName::parse("empty").unwrap();
    ConfigCommand::RollbackSnapshot(RollbackSnapshot {
        snapshot,
        namespaces,
        authorship: Authorship::default(),
    })
}

#[test]
fn what_is_too_large_is_refused_and_can_be_done_in_parts() {
    let mut store = Store::default();
    store.does(put("large", "a", 0));
    store.does(put("small", "a", 0));
    store.does(ConfigCommand::CreateSnapshot(CreateSnapshot {
        snapshot: PinName::parse("empty").unwrap(),
        namespaces: None,
        revision: None,
        authorship: Authorship::default(),
    }));
    store.does(put("large", "a", MANY));
    store.does(put("small", "a", FEWER));
    store.refuses(rollback_snapshot(None));
    let ConfigOutcome::SnapshotRestored(part) = store.does(rollback_snapshot(Some(vec![name("small")])))
    else {
        unreachable!("a rollback to a snapshot has this outcome")
    };
    assert_eq!((part.changed, u64::from(part.versions[0].deleted)), (1, FEWER));

    store.does(put("large", "b", FEWER));
    store.refuses(delete("large"));
    store.refuses(rollback("large", 1));
    store.does(rollback("large", 2));
}
