//! What lies beside the versions, settings, defaults, tags and snapshots, takes no more however often it changes.
#![allow(clippy::unwrap_used, reason = "a test is told of a failed condition by a panic")]

use conclave_core::config::{
    Authorship, Commit, ConfigCommand, CreateNamespace, CreateSnapshot, Defaults, DeleteSnapshot, DeleteTag,
    NamespaceEdits, Quota, Retention, Rollback, SetTag, SettingsChange, UpdateDefaults, UpdateNamespace,
};
use conclave_core::{
    Applied, Command, EntryContext, EntryKind, NamespaceName, PinName, Proposal, RequestId, Version, apply,
    encode_proposal,
};
use conclave_mvcc::{Batch, MemoryMap};

#[derive(Default)]
struct Store {
    map: MemoryMap,
    requests: u64,
}

impl Store {
    /// Applies a command that must not be refused.
    fn tell(&mut self, command: ConfigCommand) -> Applied {
        self.requests += 1;
        let request_id = RequestId::parse(&format!("r{}", self.requests)).unwrap();
        let time_ms = i64::try_from(self.requests).unwrap();
        let encoded = encode_proposal(&Proposal { request_id, time_ms, command: Command::Config(command) });
        let mut batch = Batch::new(&self.map);
        let context = EntryContext { index: self.requests, term: 1 };
        let applied = apply(&mut batch, context, EntryKind::Proposal(&encoded)).unwrap();
        assert!(applied.answer.as_ref().unwrap().is_ok());
        let writes = batch.into_writes();
        self.map.write(&writes);
        applied
    }

    /// Rows of everything but of requests, which are bounded by themselves.
    fn rows(&self) -> usize {
        self.map.iter().filter(|(key, _)| !matches!(key[0], 0x11 | 0x12)).count()
    }
}

fn shop() -> NamespaceName {
    NamespaceName::parse("shop").unwrap()
}

fn pin(name: &str) -> PinName {
    PinName::parse(name).unwrap()
}

fn ann() -> Authorship {
    Authorship { author: "ann".into(), message: String::new() }
}

fn update(round: u64) -> ConfigCommand {
    let settings = SettingsChange { description: Some(format!("round {round}")), ..Default::default() };
    ConfigCommand::UpdateNamespace(UpdateNamespace { namespace: shop(), settings, authorship: ann() })
}

fn update_defaults(round: u64) -> ConfigCommand {
    let quota = Quota { items_max: Some(round), ..Quota::default() };
    let defaults = Defaults { quota, retention: Retention::default(), namespaces_max: None };
    ConfigCommand::UpdateDefaults(UpdateDefaults { defaults, authorship: ann() })
}

fn tag(version: u64) -> ConfigCommand {
    let version = Some(Version::new(version));
    ConfigCommand::SetTag(SetTag {
        namespace: shop(),
        tag: pin("t"),
        version,
        may_move: true,
        authorship: ann(),
    })
}

fn snapshot() -> ConfigCommand {
    let (namespaces, revision) = (None, None);
    ConfigCommand::CreateSnapshot(CreateSnapshot {
        snapshot: pin("s"),
        namespaces,
        revision,
        authorship: ann(),
    })
}

fn delete_both() -> [ConfigCommand; 2] {
    let delete_tag = DeleteTag { namespace: shop(), tag: pin("t"), authorship: ann() };
    let delete_snapshot = DeleteSnapshot { snapshot: pin("s"), authorship: ann() };
    [ConfigCommand::DeleteTag(delete_tag), ConfigCommand::DeleteSnapshot(delete_snapshot)]
}

/// A store with a namespace of two versions.
fn store() -> Store {
    let mut store = Store::default();
    let create =
        CreateNamespace { namespace: shop(), settings: SettingsChange::default(), authorship: ann() };
    store.tell(ConfigCommand::CreateNamespace(create));
    let commit = Commit {
        namespaces: vec![NamespaceEdits {
            namespace: shop(),
            expected_version: None,
            create_if_missing: false,
            edits: Vec::new(),
        }],
        authorship: ann(),
    };
    store.tell(ConfigCommand::Commit(commit));
    let rollback = Rollback {
        namespace: shop(),
        to_version: Version::new(1),
        expected_version: None,
        authorship: ann(),
    };
    store.tell(ConfigCommand::Rollback(rollback));
    store
}

#[test]
fn what_changes_often_takes_no_more() {
    let mut store = store();
    let mut rows = Vec::new();
    for round in 1..20 {
        let changes = [update(round), update_defaults(round), tag(1), tag(2), snapshot()];
        for change in changes.into_iter().chain(delete_both()) {
            assert!(store.tell(change).revised.is_some(), "watchers are told");
        }
        rows.push(store.rows());
    }
    // From the second round on there is a floor of each kind.
    assert!(rows[1..].iter().all(|count| *count == rows[1]), "{rows:?}");
}

#[test]
fn what_is_set_to_what_it_is_changes_nothing() {
    let mut store = store();
    for change in [update(1), update_defaults(1), tag(2)] {
        let first = store.tell(change.clone());
        assert!(first.revised.is_some());
        let again = store.tell(change);
        assert_eq!((again.answer, again.revised), (first.answer, None));
    }
}
