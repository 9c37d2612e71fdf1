//! Random steps over a few names.

use conclave_core::config::{
    Action, Authorship, Commit, ConfigCommand, CreateNamespace, CreateSnapshot, DeleteNamespace,
    DeleteSnapshot, DeleteTag, Edit, ItemContent, NamespaceEdits, Rollback, RollbackSnapshot, SetTag,
    SettingsChange,
};
use conclave_core::{ItemKey, NamespaceName, PinName, Version};
use conclave_mvcc::Revision;
use proptest::prelude::*;
use proptest::sample::select;

pub(crate) const NAMESPACES: [&str; 3] = ["a", "a/b", "c"];
pub(crate) const KEYS: [&str; 3] = ["k", "k/1", "x"];
/// Of tags and snapshots.
pub(crate) const PINS: [&str; 3] = ["p", "q", "r"];

/// What is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub(crate) versions: u64,
    pub(crate) days: u32,
}

#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// A command, and so many hours pass.
    Do(Box<ConfigCommand>, i64),
    /// So much is kept from now on.
    Keep(Terms),
    /// One step of collecting what there is to collect.
    Collect(Kind),
}

pub(crate) fn terms() -> impl Strategy<Value = Terms> {
    (1_u64..4, 0_u32..3).prop_map(|(versions, days)| Terms { versions, days })
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (command(), 0_i64..20).prop_map(|(command, hours)| Step::Do(Box::new(command), hours)),
        1 => terms().prop_map(Step::Keep),
        5 => kind().prop_map(Step::Collect),
    ]
}

/// How a step of collection is done.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// As it was at first.
    First,
    /// About so many rows are looked at.
    Rows(u32),
}

pub(crate) fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![1 => Just(Kind::First), 4 => (1_u32..6).prop_map(Kind::Rows), 1 => Just(Kind::Rows(u32::MAX))]
}

pub(crate) fn namespace(name: &str) -> NamespaceName {
    NamespaceName::parse(name).unwrap()
}

pub(crate) fn key(key: &str) -> ItemKey {
    ItemKey::parse(key, 512).unwrap()
}

pub(crate) fn pin(name: &str) -> PinName {
    PinName::parse(name).unwrap()
}

fn command() -> impl Strategy<Value = ConfigCommand> {
    prop_oneof![
        10 => commit(),
        2 => a_namespace().prop_map(|namespace| ConfigCommand::DeleteNamespace(DeleteNamespace {
            namespace, expected_version: None, authorship: ann(),
        })),
        1 => a_namespace().prop_map(|namespace| ConfigCommand::CreateNamespace(CreateNamespace {
            namespace, settings: SettingsChange::default(), authorship: ann(),
        })),
        1 => (a_namespace(), 1_u64..8).prop_map(|(namespace, to)| ConfigCommand::Rollback(Rollback {
            namespace, to_version: Version::new(to), expected_version: None, authorship: ann(),
        })),
        2 => tag(),
        1 => (a_namespace(), a_pin()).prop_map(|(namespace, tag)| ConfigCommand::DeleteTag(DeleteTag {
            namespace, tag, authorship: ann(),
        })),
        2 => snapshot(),
        1 => a_pin().prop_map(|snapshot| ConfigCommand::DeleteSnapshot(DeleteSnapshot {
            snapshot, authorship: ann(),
        })),
        1 => (a_pin(), some_namespaces()).prop_map(|(snapshot, namespaces)| {
            ConfigCommand::RollbackSnapshot(RollbackSnapshot { snapshot, namespaces, authorship: ann() })
        }),
    ]
}

fn commit() -> impl Strategy<Value = ConfigCommand> {
    let content = select(vec!["1", "2", "3"]).prop_map(|value| ItemContent {
        value: value.into(),
        content_type: "text/plain".into(),
        ..ItemContent::default()
    });
    let edit =
        (select(KEYS.to_vec()), prop::option::weighted(0.7, content)).prop_map(|(name, content)| Edit {
            key: key(name),
            expected_mod_revision: None,
            action: content.map_or(Action::Delete, Action::Put),
        });
    let one = (a_namespace(), prop::collection::vec(edit, 0..3));
    prop::collection::vec(one, 1..3).prop_map(|namespaces| {
        let namespaces = namespaces.into_iter().map(|(namespace, edits)| NamespaceEdits {
            namespace,
            expected_version: None,
            create_if_missing: true,
            edits,
        });
        ConfigCommand::Commit(Commit { namespaces: namespaces.collect(), authorship: ann() })
    })
}

fn tag() -> impl Strategy<Value = ConfigCommand> {
    (a_namespace(), a_pin(), prop::option::of(1_u64..12), any::<bool>()).prop_map(
        |(namespace, tag, version, may_move)| {
            let version = version.map(Version::new);
            ConfigCommand::SetTag(SetTag { namespace, tag, version, may_move, authorship: ann() })
        },
    )
}

fn snapshot() -> impl Strategy<Value = ConfigCommand> {
    (a_pin(), some_namespaces(), prop::option::of(1_u64..20)).prop_map(|(snapshot, namespaces, revision)| {
        let revision = revision.map(Revision::new);
        ConfigCommand::CreateSnapshot(CreateSnapshot { snapshot, namespaces, revision, authorship: ann() })
    })
}

fn some_namespaces() -> impl Strategy<Value = Option<Vec<NamespaceName>>> {
    prop::option::weighted(0.4, prop::collection::vec(a_namespace(), 1..3))
}

fn a_namespace() -> impl Strategy<Value = NamespaceName> {
    select(NAMESPACES.to_vec()).prop_map(namespace)
}

fn a_pin() -> impl Strategy<Value = PinName> {
    select(PINS.to_vec()).prop_map(pin)
}

pub(crate) fn ann() -> Authorship {
    Authorship { author: "ann".into(), message: String::new() }
}
