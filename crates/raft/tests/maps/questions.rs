//! Random questions about the present and the past, and what a map tells.

use conclave_core::config::{
    At, DiffQuery, HistoryPage, HistoryQuery, Item, ItemChange, ItemPage, ItemQuery, NamespacePage,
    NamespaceQuery, Read, diff, get_item, history, list_items, list_namespaces,
};
use conclave_core::{ItemKey, NamespaceName, Version};
use conclave_mvcc::{ChangeLimits, MapError, ReadMap, Revised, Revision, changes_since};
use proptest::prelude::{Just, Strategy, prop, prop_oneof};

use crate::steps::{key, namespace};

/// A question. Moments are drawn as they come, also such at which there was nothing.
#[derive(Clone, Debug)]
pub(crate) enum Question {
    Item { name: NamespaceName, key: ItemKey, at: At },
    Items { name: NamespaceName, prefix: &'static str, at: At, page: usize },
    Namespaces { at: u64, page: usize },
    History { name: NamespaceName, before: Option<u64>, page: usize },
    Diff { name: NamespaceName, from: u64, to: u64, page: usize },
    Changes { from: u64, revisions_max: usize },
}

/// What a map tells.
#[derive(Debug, PartialEq)]
pub(crate) enum Told {
    Item(Read<(Item, Version, Revision)>),
    Items(Read<ItemPage>),
    Namespaces(Result<NamespacePage, MapError>),
    History(Read<HistoryPage>),
    Diff(Read<(Vec<ItemChange>, bool)>),
    Changes(Result<Vec<Revised>, MapError>),
}

/// Newest revision and version that are asked for.
const REVISION_MAX: u64 = 24;
const VERSION_MAX: u64 = 7;

pub(crate) fn question() -> impl Strategy<Value = Question> {
    let page = 1_usize..4;
    let prefix = prop::sample::select(vec!["", "k", "k/"]);
    let before = prop::option::of(0..VERSION_MAX);
    prop_oneof![
        (namespace(), key(), at()).prop_map(|(name, key, at)| Question::Item { name, key, at }),
        (namespace(), prefix, at(), page.clone()).prop_map(|(name, prefix, at, page)| Question::Items {
            name,
            prefix,
            at,
            page
        }),
        (0..REVISION_MAX, page.clone()).prop_map(|(at, page)| Question::Namespaces { at, page }),
        (namespace(), before, page.clone()).prop_map(|(name, before, page)| Question::History {
            name,
            before,
            page
        }),
        (namespace(), 0..VERSION_MAX, 0..VERSION_MAX, page)
            .prop_map(|(name, from, to, page)| Question::Diff { name, from, to, page }),
        (0..REVISION_MAX, prop_oneof![1_usize..4, Just(usize::MAX)])
            .prop_map(|(from, revisions_max)| Question::Changes { from, revisions_max }),
    ]
}

fn at() -> impl Strategy<Value = At> {
    prop_oneof![
        Just(At::Now),
        (0..VERSION_MAX).prop_map(|version| At::Version(Version::new(version))),
        (0..REVISION_MAX).prop_map(|revision| At::Revision(Revision::new(revision))),
    ]
}

impl Question {
    /// Asks a map.
    pub(crate) fn ask(&self, view: &dyn ReadMap) -> Told {
        match self {
            Self::Item { name, key, at } => Told::Item(get_item(view, name, key, at)),
            Self::Items { name, prefix, at, page } => {
                Told::Items(list_items(view, &items(name, prefix, at.clone(), *page)))
            }
            Self::Namespaces { at, page } => Told::Namespaces(list_namespaces(view, &namespaces(*at, *page))),
            Self::History { name, before, page } => {
                let before = before.map(Version::new);
                let query =
                    HistoryQuery { namespace: name, before, page_max: *page, changes_max: Some(*page) };
                Told::History(history(view, &query))
            }
            Self::Diff { name, from, to, page } => {
                Told::Diff(diff(view, &difference(name, *from, *to, *page)))
            }
            Self::Changes { from, revisions_max } => {
                let limits = ChangeLimits { revisions_max: *revisions_max, size_bytes_max: 2_000 };
                Told::Changes(changes_since(view, Revision::new(*from), limits))
            }
        }
    }
}

fn namespaces(at: u64, page: usize) -> NamespaceQuery<'static> {
    NamespaceQuery {
        prefix: "",
        after: None,
        at: Revision::new(at),
        namespaces_max: page,
        size_bytes_max: usize::MAX,
    }
}

fn items<'a>(namespace: &'a NamespaceName, key_prefix: &'a str, at: At, page: usize) -> ItemQuery<'a> {
    ItemQuery {
        namespace,
        key_prefix,
        after: None,
        at,
        records_max: page,
        size_bytes_max: 600,
        keys_only: false,
    }
}

fn difference(namespace: &NamespaceName, from: u64, to: u64, changes_max: usize) -> DiffQuery<'_> {
    let (from, to) = (Version::new(from), Version::new(to));
    DiffQuery { namespace, from, to, key_prefix: "", after: None, changes_max, size_bytes_max: 600 }
}
