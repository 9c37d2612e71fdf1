//! Random steps: what is proposed and what is asked after it.
//!
//! A step is drawn before the state is known, so it speaks of the state ("the version that there is");
//! [`Step::proposal`] makes it a proposal once the state is there.

use conclave_core::config::{
    Action, Authorship, Commit, ConfigCommand, CreateNamespace, DeleteNamespace, DeleteTag, Edit,
    ItemContent, NamespaceEdits, Quota, Rollback, SetTag, SettingsChange, UpdateNamespace,
};
use conclave_core::{Command, ItemKey, NamespaceName, PinName, Proposal, RequestId, Version};
use conclave_mvcc::Revision;
use proptest::prelude::*;

use crate::world::Model;

/// Names of which one begins another, so that they can be mixed up.
pub(crate) const NAMESPACES: [&str; 3] = ["a", "a/b", "ab"];
/// The same for keys.
pub(crate) const KEYS: [&str; 5] = ["/", "k", "k/1", "k1", "é"];

#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// A new command.
    Do { change: Change, time_ms: i64 },
    /// An earlier proposal once more, with a newer stamp.
    Retry(prop::sample::Index),
    /// The id of an earlier proposal for another command.
    Reuse(prop::sample::Index, Change),
    /// An entry of the log's own.
    Other,
}

#[derive(Clone, Debug)]
pub(crate) enum Change {
    Create(NamespaceName),
    Delete(NamespaceName, Expected),
    Commit(Vec<(NamespaceName, Expected, bool, Vec<DrawnEdit>)>),
    Rollback(NamespaceName, u64, Expected),
    /// A description, or a quota of items.
    Update(NamespaceName, Option<u64>),
    Tag(NamespaceName, PinName, Option<u64>, bool),
    Untag(NamespaceName, PinName),
}

/// What a precondition names.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Expected {
    Any,
    Present,
    Number(u64),
}

#[derive(Clone, Debug)]
pub(crate) struct DrawnEdit {
    key: ItemKey,
    expected: Expected,
    /// None: it is deleted if it is there, else it is set.
    put: Option<ItemContent>,
    /// Deletes also what is not there.
    blindly: bool,
}

impl Step {
    /// The proposal that the step makes of the present state; none: it makes none.
    pub(crate) fn proposal(&self, model: &Model, earlier: &[Proposal]) -> Option<Proposal> {
        let new_id = RequestId::parse(&format!("r{}", earlier.len())).unwrap();
        let known = |index: &prop::sample::Index| (!earlier.is_empty()).then(|| index.get(earlier).clone());
        match self {
            Self::Do { change, time_ms } => {
                let command = change.command(model);
                Some(Proposal { request_id: new_id, time_ms: *time_ms, command })
            }
            Self::Retry(index) => {
                let proposal = known(index)?;
                Some(Proposal { time_ms: proposal.time_ms + 7, ..proposal })
            }
            Self::Reuse(index, change) => Some(Proposal { command: change.command(model), ..known(index)? }),
            Self::Other => None,
        }
    }
}

impl Change {
    pub(crate) fn command(&self, model: &Model) -> Command {
        let authorship = || Authorship { author: "ann".into(), message: "why".into() };
        let version = |name: &NamespaceName, expected: &Expected| {
            let present = model.now().get(name).map_or(0, |namespace| namespace.newest.version.get());
            expected.resolve(present).map(Version::new)
        };
        Command::Config(match self {
            Self::Create(name) => ConfigCommand::CreateNamespace(CreateNamespace {
                namespace: name.clone(),
                settings: SettingsChange {
                    description: Some(format!("at {}", model.newest())),
                    ..SettingsChange::default()
                },
                authorship: authorship(),
            }),
            Self::Delete(name, expected) => ConfigCommand::DeleteNamespace(DeleteNamespace {
                namespace: name.clone(),
                expected_version: version(name, expected),
                authorship: authorship(),
            }),
            Self::Commit(drawn) => {
                let namespaces =
                    drawn.iter().map(|(name, expected, create_if_missing, edits)| NamespaceEdits {
                        namespace: name.clone(),
                        expected_version: version(name, expected),
                        create_if_missing: *create_if_missing,
                        edits: edits.iter().map(|edit| edit.resolve(model, name)).collect(),
                    });
                ConfigCommand::Commit(Commit { namespaces: namespaces.collect(), authorship: authorship() })
            }
            Self::Rollback(name, to, expected) => ConfigCommand::Rollback(Rollback {
                namespace: name.clone(),
                to_version: Version::new(*to),
                expected_version: version(name, expected),
                authorship: authorship(),
            }),
            Self::Update(name, items_max) => ConfigCommand::UpdateNamespace(UpdateNamespace {
                namespace: name.clone(),
                settings: SettingsChange {
                    description: items_max.is_none().then(|| format!("since {}", model.newest())),
                    quota: items_max
                        .map(|items_max| Quota { items_max: Some(items_max), ..Quota::default() }),
                    ..SettingsChange::default()
                },
                authorship: authorship(),
            }),
            Self::Tag(name, tag, version, may_move) => ConfigCommand::SetTag(SetTag {
                namespace: name.clone(),
                tag: tag.clone(),
                version: version.map(Version::new),
                may_move: *may_move,
                authorship: authorship(),
            }),
            Self::Untag(name, tag) => ConfigCommand::DeleteTag(DeleteTag {
                namespace: name.clone(),
                tag: tag.clone(),
                authorship: authorship(),
            }),
        })
    }
}

impl Expected {
    fn resolve(self, present: u64) -> Option<u64> {
        match self {
            Self::Any => None,
            Self::Present => Some(present),
            Self::Number(number) => Some(number),
        }
    }
}

impl DrawnEdit {
    fn resolve(&self, model: &Model, name: &NamespaceName) -> Edit {
        let item = model.now().get(name).and_then(|namespace| namespace.items.get(self.key.as_str()));
        let present = item.map_or(0, |item| item.mod_revision.get());
        let action = match &self.put {
            Some(content) => Action::Put(content.clone()),
            None if item.is_some() || self.blindly => Action::Delete,
            None => Action::Put(ItemContent::default()),
        };
        Edit {
            key: self.key.clone(),
            expected_mod_revision: self.expected.resolve(present).map(Revision::new),
            action,
        }
    }
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    let time_ms = prop_oneof![4 => 0_i64..10_000, 1 => Just(-5_i64)];
    prop_oneof![
        12 => (change(), time_ms).prop_map(|(change, time_ms)| Step::Do { change, time_ms }),
        2 => any::<prop::sample::Index>().prop_map(Step::Retry),
        1 => (any::<prop::sample::Index>(), change()).prop_map(|(index, change)| Step::Reuse(index, change)),
        1 => Just(Step::Other),
    ]
}

pub(crate) fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        2 => namespace().prop_map(Change::Create),
        2 => (namespace(), expected()).prop_map(|(name, expected)| Change::Delete(name, expected)),
        3 => (namespace(), 0_u64..8, expected())
            .prop_map(|(name, to, expected)| Change::Rollback(name, to, expected)),
        2 => (namespace(), prop::option::of(0_u64..3))
            .prop_map(|(name, items_max)| Change::Update(name, items_max)),
        3 => (namespace(), pin(), prop::option::of(0_u64..6), any::<bool>())
            .prop_map(|(name, tag, version, may_move)| Change::Tag(name, tag, version, may_move)),
        1 => (namespace(), pin()).prop_map(|(name, tag)| Change::Untag(name, tag)),
        9 => commit(),
    ]
}

fn commit() -> impl Strategy<Value = Change> {
    let one = (namespace(), expected(), prop::bool::weighted(0.8), prop::collection::vec(edit(), 0..4));
    let some = prop_oneof![1 => Just(0_usize), 20 => Just(1), 10 => Just(2), 5 => Just(3)];
    some.prop_flat_map(move |count| prop::collection::vec(one.clone(), count)).prop_map(Change::Commit)
}

fn edit() -> impl Strategy<Value = DrawnEdit> + Clone {
    let put = prop::option::weighted(0.7, content());
    (key(), expected(), put, prop::bool::weighted(0.05)).prop_map(|(key, expected, put, blindly)| DrawnEdit {
        key,
        expected,
        put,
        blindly,
    })
}

fn content() -> impl Strategy<Value = ItemContent> + Clone {
    let value = prop::sample::select(vec!["", "1", "K2"]);
    let content_type = prop::sample::select(vec!["text/plain", "application/json"]);
    let label = prop::option::weighted(0.2, Just(("team".to_owned(), "core".to_owned())));
    (value, content_type, label).prop_map(|(value, content_type, label)| ItemContent {
        value: value.into(),
        content_type: content_type.into(),
        labels: label.into_iter().collect(),
    })
}

fn expected() -> impl Strategy<Value = Expected> + Clone {
    prop_oneof![
        12 => Just(Expected::Any),
        4 => Just(Expected::Present),
        1 => (0_u64..6).prop_map(Expected::Number),
    ]
}

pub(crate) fn namespace() -> impl Strategy<Value = NamespaceName> + Clone {
    prop::sample::select(NAMESPACES.to_vec()).prop_map(|name| NamespaceName::parse(name).unwrap())
}

pub(crate) fn key() -> impl Strategy<Value = ItemKey> + Clone {
    prop::sample::select(KEYS.to_vec()).prop_map(|key| ItemKey::parse(key, 512).unwrap())
}

pub(crate) fn pin() -> impl Strategy<Value = PinName> + Clone {
    prop::sample::select(vec!["t", "t1"]).prop_map(|name| PinName::parse(name).unwrap())
}
