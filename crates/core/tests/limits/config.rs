//! How much of the configuration may change at one revision: what is beyond it is refused and changes nothing.

use conclave_core::config::{
    Action, Authorship, Commit, ConfigCommand, ConfigOutcome, CreateSnapshot, DeleteNamespace, Edit,
    ITEMS_CHANGED_MAX, ItemContent, NamespaceEdits, Rollback, RollbackSnapshot,
};
use conclave_core::{Command, ItemKey, NamespaceName, Outcome, PinName, Rejection, Version};
use conclave_mvcc::newest_revision;

use crate::Store;

/// More than half of what may change, and less than half: both together are too much.
const MANY: u64 = ITEMS_CHANGED_MAX * 3 / 4;
const FEWER: u64 = ITEMS_CHANGED_MAX / 4 + 1;

#[track_caller]
fn does(store: &mut Store, command: ConfigCommand) -> ConfigOutcome {
    let Outcome::Config(outcome) = store.tell(Command::Config(command)).unwrap() else {
        unreachable!("all commands are these")
    };
    outcome
}

#[track_caller]
fn refuses(store: &mut Store, command: ConfigCommand) {
    let before = newest_revision(&store.map).unwrap();
    let refused = store.tell(Command::Config(command)).unwrap_err();
    assert!(matches!(refused, Rejection::ChangeTooLarge { items_max: ITEMS_CHANGED_MAX, .. }), "{refused}");
    assert_eq!(newest_revision(&store.map).unwrap(), before, "nothing is changed");
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
    does(&mut store, put("large", "a", 0));
    does(&mut store, put("small", "a", 0));
    does(
        &mut store,
        ConfigCommand::CreateSnapshot(CreateSnapshot {
            snapshot: PinName::parse("empty").unwrap(),
            namespaces: None,
            revision: None,
            authorship: Authorship::default(),
        }),
    );
    does(&mut store, put("large", "a", MANY));
    does(&mut store, put("small", "a", FEWER));
    refuses(&mut store, rollback_snapshot(None));
    let ConfigOutcome::SnapshotRestored(part) =
        does(&mut store, rollback_snapshot(Some(vec![name("small")])))
    else {
        unreachable!("a rollback to a snapshot has this outcome")
    };
    assert_eq!((part.changed, u64::from(part.versions[0].deleted)), (1, FEWER));

    does(&mut store, put("large", "b", FEWER));
    refuses(&mut store, delete("large"));
    refuses(&mut store, rollback("large", 1));
    does(&mut store, rollback("large", 2));
}
