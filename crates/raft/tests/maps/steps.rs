//! Random entries of a log: commits, rollbacks, deletions, revivals, retries, entries of the log's own.

use bytes::Bytes;
use conclave_core::config::{
    Action, At, Authorship, Commit, ConfigCommand, CreateNamespace, DeleteNamespace, Edit, ItemContent,
    NamespaceEdits, Rollback, SettingsChange, get_item,
};
use conclave_core::{Command, ItemKey, NamespaceName, Proposal, RequestId, Version};
use conclave_mvcc::{ReadMap, Revision};
use proptest::prelude::{Just, Strategy, any, prop, prop_oneof};
use proptest::sample::Index;

/// What happens to the state on disk after a step.
#[derive(Clone, Copy, Debug)]
pub(crate) enum After {
    Nothing,
    Flush,
    Restart,
}

/// An entry as it is drawn, before the state is known that it will meet.
#[derive(Clone, Debug)]
pub(crate) enum Drawn {
    /// A new proposal.
    Do(Change, i64),
    /// An earlier proposal once more, stamped later.
    Retry(Index),
    /// The id of an earlier proposal for another command.
    Reuse(Index, Change),
    /// An entry of the log's own.
    Other,
}

#[derive(Clone, Debug)]
pub(crate) enum Change {
    Create(NamespaceName),
    Delete(NamespaceName, Option<u64>),
    Rollback(NamespaceName, u64, Option<u64>),
    Commit(Vec<DrawnEdits>),
}

/// Edits of one namespace.
#[derive(Clone, Debug)]
pub(crate) struct DrawnEdits {
    namespace: NamespaceName,
    expected_version: Option<u64>,
    create_if_missing: bool,
    edits: Vec<DrawnEdit>,
}

#[derive(Clone, Debug)]
pub(crate) struct DrawnEdit {
    key: ItemKey,
    expected_mod_revision: Option<u64>,
    /// Set to this, or else deleted if it is there.
    put: Option<ItemContent>,
}

impl After {
    pub(crate) fn drawn() -> impl Strategy<Value = Self> {
        prop_oneof![12 => Just(Self::Nothing), 3 => Just(Self::Flush), 1 => Just(Self::Restart)]
    }
}

impl Drawn {
    /// The proposal that is made of it in this state; none: an entry of the log's own.
    pub(crate) fn proposal(&self, view: &dyn ReadMap, earlier: &[Proposal]) -> Option<Proposal> {
        let known = |index: &Index| (!earlier.is_empty()).then(|| index.get(earlier).clone());
        match self {
            Self::Do(change, time_ms) => {
                let request_id = RequestId::parse(&format!("r{}", earlier.len())).unwrap();
                Some(Proposal { request_id, time_ms: *time_ms, command: change.command(view) })
            }
            Self::Retry(index) => known(index).map(|known| Proposal { time_ms: known.time_ms + 7, ..known }),
            Self::Reuse(index, change) => {
                known(index).map(|known| Proposal { command: change.command(view), ..known })
            }
            Self::Other => None,
        }
    }
}

impl Change {
    fn command(&self, view: &dyn ReadMap) -> Command {
        let authorship = Authorship { author: "ann".into(), message: "why".into() };
        Command::Config(match self.clone() {
            Self::Create(namespace) => ConfigCommand::CreateNamespace(CreateNamespace {
                namespace,
                settings: SettingsChange {
                    description: Some("what for".into()),
                    ..SettingsChange::default()
                },
                authorship,
            }),
            Self::Delete(namespace, expected) => ConfigCommand::DeleteNamespace(DeleteNamespace {
                namespace,
                expected_version: expected.map(Version::new),
                authorship,
            }),
            Self::Rollback(namespace, to, expected) => ConfigCommand::Rollback(Rollback {
                namespace,
                to_version: Version::new(to),
                expected_version: expected.map(Version::new),
                authorship,
            }),
            Self::Commit(drawn) => {
                let namespaces = drawn.into_iter().map(|edits| edits.resolve(view)).collect();
                ConfigCommand::Commit(Commit { namespaces, authorship })
            }
        })
    }
}

impl DrawnEdits {
    fn resolve(self, view: &dyn ReadMap) -> NamespaceEdits {
        let Self { namespace, expected_version, create_if_missing, edits } = self;
        let edits = edits.into_iter().map(|edit| edit.resolve(view, &namespace)).collect();
        let expected_version = expected_version.map(Version::new);
        NamespaceEdits { namespace, expected_version, create_if_missing, edits }
    }
}

impl DrawnEdit {
    fn resolve(self, view: &dyn ReadMap, namespace: &NamespaceName) -> Edit {
        let Self { key, expected_mod_revision, put } = self;
        let is_there = || get_item(view, namespace, &key, &At::Now).unwrap().is_ok();
        let action = match put {
            Some(content) => Action::Put(content),
            None if is_there() => Action::Delete,
            None => Action::Put(ItemContent::default()),
        };
        Edit { key, expected_mod_revision: expected_mod_revision.map(Revision::new), action }
    }
}

/// Entries that are applied together.
pub(crate) fn entries() -> impl Strategy<Value = Vec<Drawn>> {
    let entry = prop_oneof![
        14 => (change(), -5_i64..1_000).prop_map(|(change, time_ms)| Drawn::Do(change, time_ms)),
        2 => any::<Index>().prop_map(Drawn::Retry),
        1 => (any::<Index>(), change()).prop_map(|(index, change)| Drawn::Reuse(index, change)),
        1 => Just(Drawn::Other),
    ];
    prop::collection::vec(entry, 1..4)
}

/// Names of which one begins another, so that they can be mixed up.
pub(crate) fn namespace() -> impl Strategy<Value = NamespaceName> + Clone {
    prop::sample::select(vec!["a", "a/b", "ab"]).prop_map(|name| NamespaceName::parse(name).unwrap())
}

/// The same for keys.
pub(crate) fn key() -> impl Strategy<Value = ItemKey> + Clone {
    let keys = vec!["/", "k", "k/1", "k1", "é"];
    prop::sample::select(keys).prop_map(|key| ItemKey::parse(key, 512).unwrap())
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        1 => namespace().prop_map(Change::Create),
        2 => (namespace(), expected()).prop_map(|(name, expected)| Change::Delete(name, expected)),
        3 => (namespace(), 0_u64..4, expected())
            .prop_map(|(name, to, expected)| Change::Rollback(name, to, expected)),
        9 => prop::collection::vec(edits(), 1..4).prop_map(Change::Commit),
    ]
}

fn edits() -> impl Strategy<Value = DrawnEdits> {
    let edits = prop::collection::vec(edit(), 0..4);
    (namespace(), expected(), prop::bool::weighted(0.9), edits).prop_map(
        |(namespace, expected_version, create_if_missing, edits)| DrawnEdits {
            namespace,
            expected_version,
            create_if_missing,
            edits,
        },
    )
}

fn edit() -> impl Strategy<Value = DrawnEdit> {
    (key(), expected(), prop::option::weighted(0.7, content()))
        .prop_map(|(key, expected_mod_revision, put)| DrawnEdit { key, expected_mod_revision, put })
}

/// A precondition, which may hold.
fn expected() -> impl Strategy<Value = Option<u64>> {
    prop::option::weighted(0.04, 0_u64..8)
}

fn content() -> impl Strategy<Value = ItemContent> {
    let value = prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 0..3).prop_map(Bytes::from),
        1 => Just(Bytes::from(vec![0xff; 500])),
    ];
    let label = prop::option::weighted(0.2, Just(("team".to_owned(), "core".to_owned())));
    (value, "[a-z]{0,3}", label).prop_map(|(value, content_type, label)| ItemContent {
        value,
        content_type,
        labels: label.into_iter().collect(),
    })
}
