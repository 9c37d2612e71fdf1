//! Random questions, answered by the store and by the model.

use conclave_core::config::{
    At, DiffQuery, HistoryQuery, Item, ItemChange, ItemQuery, KeyChange, NamespaceInfo, NamespaceQuery,
    VersionInfo, diff, get_item, get_namespace, history, list_items, list_namespaces, newest_version,
    version_in, watch_ranges,
};
use conclave_core::{ItemKey, NamespaceName, Rejection, Version};
use conclave_mvcc::{ChangeKind, ChangeLimits, ReadMap, Revision, changes_since};
use proptest::prelude::*;

use crate::finds::{Find, find};
use crate::pins::no_tag;
use crate::steps::{key, namespace, pin};
use crate::world::{Items, Model, Namespace, info};

/// A question. Numbers are taken as they are, also where nothing is there; pages are small.
#[derive(Clone, Debug)]
pub(crate) enum Question {
    Item { name: NamespaceName, key: ItemKey, at: At },
    Items { name: NamespaceName, prefix: String, at: At, keys_only: bool, page: usize },
    Namespaces { prefix: String, revision: u64, page: usize },
    Namespace { name: NamespaceName },
    History { name: NamespaceName, page: usize, changes_max: Option<usize> },
    Diff { name: NamespaceName, from: Version, to: Version, prefix: String, page: usize },
    Watch { name: NamespaceName, prefix: String, from: u64 },
    Find(Find),
}

pub(crate) fn question() -> impl Strategy<Value = Question> {
    let page = 1_usize..4;
    prop_oneof![
        (namespace(), key(), at()).prop_map(|(name, key, at)| Question::Item { name, key, at }),
        (namespace(), prefix(), at(), any::<bool>(), page.clone()).prop_map(
            |(name, prefix, at, keys_only, page)| Question::Items { name, prefix, at, keys_only, page }
        ),
        (prop::sample::select(vec!["", "a", "a/", "b"]), 0_u64..20, page.clone()).prop_map(
            |(prefix, revision, page)| Question::Namespaces { prefix: prefix.into(), revision, page }
        ),
        namespace().prop_map(|name| Question::Namespace { name }),
        (namespace(), page.clone(), prop::option::of(0_usize..3))
            .prop_map(|(name, page, changes_max)| Question::History { name, page, changes_max }),
        (namespace(), version(), version(), prefix(), page)
            .prop_map(|(name, from, to, prefix, page)| Question::Diff { name, from, to, prefix, page }),
        (namespace(), prefix(), 0_u64..20).prop_map(|(name, prefix, from)| Question::Watch {
            name,
            prefix,
            from
        }),
        find().prop_map(Question::Find),
    ]
}

fn at() -> impl Strategy<Value = At> {
    prop_oneof![
        Just(At::Now),
        version().prop_map(At::Version),
        pin().prop_map(At::Tag),
        (-10_i64..10_100).prop_map(At::Time),
        (0_u64..20).prop_map(|revision| At::Revision(Revision::new(revision))),
    ]
}

fn version() -> impl Strategy<Value = Version> {
    (0_u64..8).prop_map(Version::new)
}

fn prefix() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["", "k", "k/", "x"]).prop_map(str::to_owned)
}

impl Question {
    /// Asks the store and the model.
    pub(crate) fn check(&self, view: &dyn ReadMap, model: &Model) {
        match self {
            Self::Item { name, key, at } => {
                let told = get_item(view, name, key, at).unwrap();
                assert_eq!(told, model.item(name, key, at), "{self:?}");
            }
            Self::Items { name, prefix, at, keys_only, page } => {
                let told = all_items(view, &items_query(name, prefix, at.clone(), *keys_only, *page));
                let expected = model.items(name, prefix, at, *keys_only);
                assert_eq!(told, expected, "{self:?}");
            }
            Self::Namespaces { prefix, revision, page } => {
                let told = all_namespaces(view, prefix, Revision::new(*revision), *page);
                assert_eq!(told, model.namespaces(prefix, *revision), "{self:?}");
            }
            Self::Namespace { name } => {
                let now = model.now().get(name);
                let alive = now.filter(|namespace| !namespace.newest.deleted_namespace);
                let expected = alive.map(info).ok_or_else(|| unknown(name));
                assert_eq!(get_namespace(view, name).unwrap(), expected, "{self:?}");
                let newest = now.map(|now| &now.newest).ok_or_else(|| unknown(name));
                let newest = newest.map(|of| (of.version, of.revision, of.deleted_namespace));
                assert_eq!(newest_version(view, name).unwrap(), newest, "{self:?}");
            }
            Self::History { name, page, changes_max } => {
                let told = all_versions(view, name, *page, *changes_max);
                assert_eq!(told, model.history(name, *changes_max), "{self:?}");
            }
            Self::Diff { name, from, to, prefix, page } => {
                let query = diff_query(name, *from, *to, prefix, *page);
                assert_eq!(all_differences(view, query), model.diff(name, *from, *to, prefix), "{self:?}");
            }
            Self::Watch { name, prefix, from } => {
                assert_eq!(replay(view, name, prefix, *from), model.watch(name, prefix, *from), "{self:?}");
            }
            Self::Find(find) => find.check(view, model),
        }
    }
}

/// Every question about every moment, item and pair of versions.
pub(crate) fn all(model: &Model, names: &[NamespaceName], keys: &[ItemKey]) -> Vec<Question> {
    let newest = model.newest().get();
    let prefix = String::new;
    let mut all = Vec::new();
    let revisions = (0..=newest + 1).map(|revision| At::Revision(Revision::new(revision)));
    let mut moments: Vec<_> = revisions.chain([At::Now]).collect();
    for revision in 0..=newest {
        all.push(Question::Namespaces { prefix: prefix(), revision, page: 2 });
    }
    for name in names {
        let versions = model.now().get(name).map_or(0, |namespace| namespace.newest.version.get());
        let versions: Vec<_> = (0..=versions + 1).map(Version::new).collect();
        moments.extend(versions.iter().map(|version| At::Version(*version)));
        let times = model.versions(name).into_iter().map(|(version, ..)| version.time_ms);
        moments.extend(times.flat_map(|time_ms| [At::Time(time_ms - 1), At::Time(time_ms)]));
        for at in &moments {
            let (name, prefix, at) = (name.clone(), prefix(), at.clone());
            let item =
                |key: &ItemKey| Question::Item { name: name.clone(), key: key.clone(), at: at.clone() };
            all.extend(keys.iter().map(item));
            all.push(Question::Items { name, prefix, at, keys_only: false, page: 2 });
        }
        for &from in &versions {
            let diff = |&to| Question::Diff { name: name.clone(), from, to, prefix: prefix(), page: 2 };
            all.extend(versions.iter().map(diff));
        }
        all.push(Question::Namespace { name: name.clone() });
        all.push(Question::History { name: name.clone(), page: 3, changes_max: Some(9) });
        all.push(Question::Watch { name: name.clone(), prefix: prefix(), from: 0 });
        let changes = |key: &ItemKey| Find::Changes { name: name.clone(), key: key.clone(), page: 20 };
        all.extend(keys.iter().map(|key| Question::Find(changes(key))));
        all.push(Question::Find(Find::Tags { name: name.clone(), page: 1 }));
    }
    all.push(Question::Find(Find::Living));
    all
}

pub(crate) type Told<T> = Result<T, Rejection>;

fn items_query<'a>(
    namespace: &'a NamespaceName,
    key_prefix: &'a str,
    at: At,
    keys_only: bool,
    records_max: usize,
) -> ItemQuery<'a> {
    ItemQuery { namespace, key_prefix, after: None, at, records_max, size_bytes_max: usize::MAX, keys_only }
}

/// All pages of a listing, the later ones at the first one's revision.
fn all_items(view: &dyn ReadMap, query: &ItemQuery<'_>) -> Told<(Vec<Item>, Version, Revision)> {
    let first = list_items(view, query).unwrap()?;
    let (version, revision) = (first.version, first.revision);
    let mut items = first.items.clone();
    let mut page = first;
    while let Some(after) = page.next {
        assert_eq!(page.items.len(), query.records_max);
        assert_eq!(items.last().map(|item| &item.key), Some(&after));
        let next = ItemQuery { after: Some(&after), at: At::Revision(revision), ..*query };
        page = list_items(view, &next).unwrap()?;
        assert_eq!((page.version, page.revision), (version, revision));
        items.extend(page.items.clone());
    }
    Ok((items, version, revision))
}

fn all_namespaces(view: &dyn ReadMap, prefix: &str, at: Revision, page_max: usize) -> Vec<NamespaceInfo> {
    let query =
        NamespaceQuery { prefix, after: None, at, namespaces_max: page_max, size_bytes_max: usize::MAX };
    let first = list_namespaces(view, &query).unwrap();
    assert!(first.namespaces.len() <= page_max);
    let (mut all, mut next) = (first.namespaces, first.next);
    while let Some(after) = next {
        let query = NamespaceQuery { after: Some(&after), ..query };
        let page = list_namespaces(view, &query).unwrap();
        assert!(!page.namespaces.is_empty() && page.namespaces.len() <= page_max);
        all.extend(page.namespaces);
        next = page.next;
    }
    all
}

type Versions = Vec<(VersionInfo, Vec<KeyChange>)>;

fn all_versions(
    view: &dyn ReadMap,
    namespace: &NamespaceName,
    page_max: usize,
    changes_max: Option<usize>,
) -> Told<Versions> {
    let query = HistoryQuery { namespace, before: None, page_max, changes_max };
    let (mut all, mut more) = history(view, &query).unwrap()?;
    assert!(all.len() <= page_max);
    let ahead = HistoryQuery { before: Some(Version::new(99)), ..query };
    assert_eq!(history(view, &ahead).unwrap()?, (all.clone(), more));
    while more {
        let before = all.last().map(|(version, _)| version.version);
        let (page, further) = history(view, &HistoryQuery { before, ..query }).unwrap()?;
        assert!(!page.is_empty() && page.len() <= page_max);
        all.extend(page);
        more = further;
    }
    Ok(all)
}

fn diff_query<'a>(
    namespace: &'a NamespaceName,
    from: Version,
    to: Version,
    key_prefix: &'a str,
    changes_max: usize,
) -> DiffQuery<'a> {
    DiffQuery { namespace, from, to, key_prefix, after: None, changes_max, size_bytes_max: usize::MAX }
}

fn all_differences(view: &dyn ReadMap, query: DiffQuery<'_>) -> Told<Vec<ItemChange>> {
    let (mut all, mut more) = diff(view, &query).unwrap()?;
    assert!(all.len() <= query.changes_max);
    let narrow = DiffQuery { size_bytes_max: 1, ..query };
    assert_eq!(diff(view, &narrow).unwrap()?.0, all[..all.len().min(1)]);
    while more {
        let after = all.last().map(|change| change.key.clone());
        let (page, further) = diff(view, &DiffQuery { after: after.as_deref(), ..query }).unwrap()?;
        assert!(!page.is_empty() && page.len() <= query.changes_max);
        all.extend(page);
        more = further;
    }
    Ok(all)
}

/// What a watcher of the namespace is told from a revision on.
fn replay(
    view: &dyn ReadMap,
    name: &NamespaceName,
    prefix: &str,
    from: u64,
) -> Vec<(VersionInfo, Vec<ItemChange>)> {
    let limits = ChangeLimits { revisions_max: usize::MAX, size_bytes_max: usize::MAX };
    let revised = changes_since(view, Revision::new(from), limits).unwrap();
    let ranges = watch_ranges(name, prefix);
    revised
        .iter()
        .filter_map(|revised| {
            let version = version_in(revised, name, prefix).unwrap();
            let heard = |event: &conclave_mvcc::Event| ranges.iter().any(|range| range.contains(&event.key));
            let count = version.as_ref().map_or(0, |(_, changes)| changes.len() + 1);
            // The creation is heard, and is no version.
            assert!(revised.events.iter().filter(|event| heard(event)).count() <= count.max(1));
            version
        })
        .collect()
}

pub(crate) fn unknown(name: &NamespaceName) -> Rejection {
    Rejection::NamespaceNotFound { namespace: name.to_string() }
}

impl Model {
    fn resolve(&self, name: &NamespaceName, at: &At) -> Told<(&Namespace, Version, Revision)> {
        let revision = match at {
            At::Now => self.newest(),
            At::Revision(revision) => *revision,
            At::Version(version) => {
                let (namespace, revision) = self.version(name, *version)?;
                return Ok((namespace, *version, revision));
            }
            At::Tag(tag) => {
                let tags = self.now().get(name).map(|namespace| &namespace.beside.tags);
                let found = tags.and_then(|tags| tags.get(tag)).ok_or_else(|| no_tag(name, tag))?;
                return self.resolve(name, &At::Version(found.version));
            }
            At::Time(time_ms) => {
                return self.resolve(name, &At::Version(self.version_by(name, *time_ms)?));
            }
            other => unreachable!("the model draws no {other:?}"),
        };
        if *at != At::Now && (revision == Revision::ZERO || revision > self.newest()) {
            let (revision, newest) = (revision.get(), self.newest().get());
            return Err(Rejection::RevisionNotFound { revision, newest });
        }
        let found = self.past[usize::try_from(revision.get()).unwrap()].get(name);
        let alive = found.filter(|namespace| !namespace.newest.deleted_namespace);
        alive.map(|found| (found, found.newest.version, revision)).ok_or_else(|| unknown(name))
    }

    fn version(&self, name: &NamespaceName, version: Version) -> Told<(&Namespace, Revision)> {
        let newest = self.now().get(name).ok_or_else(|| unknown(name))?.newest.version.get();
        self.at_version(name, version).ok_or_else(|| Rejection::VersionNotFound {
            namespace: name.to_string(),
            version: version.get(),
            newest,
        })
    }

    fn item(&self, name: &NamespaceName, key: &ItemKey, at: &At) -> Told<(Item, Version, Revision)> {
        let (namespace, version, revision) = self.resolve(name, at)?;
        let item = namespace
            .items
            .get(key.as_str())
            .ok_or_else(|| Rejection::KeyNotFound { namespace: name.to_string(), key: key.to_string() })?;
        Ok((item.clone(), version, revision))
    }

    fn items(
        &self,
        name: &NamespaceName,
        prefix: &str,
        at: &At,
        keys_only: bool,
    ) -> Told<(Vec<Item>, Version, Revision)> {
        let (namespace, version, revision) = self.resolve(name, at)?;
        let mut items: Vec<_> =
            namespace.items.values().filter(|item| item.key.starts_with(prefix)).cloned().collect();
        if keys_only {
            items.iter_mut().for_each(|item| item.content.value.clear());
        }
        Ok((items, version, revision))
    }

    fn namespaces(&self, prefix: &str, revision: u64) -> Vec<NamespaceInfo> {
        let world = &self.past[usize::try_from(revision.min(self.newest().get())).unwrap()];
        let listed = |namespace: &&Namespace| {
            !namespace.newest.deleted_namespace && namespace.newest.namespace.as_str().starts_with(prefix)
        };
        // Settings are told as they are now.
        let described = |namespace: &Namespace| {
            let now = &self.now()[&namespace.newest.namespace].beside;
            let (description, quota) = (now.description.clone(), now.quota);
            NamespaceInfo { description, quota, ..info(namespace) }
        };
        world.values().filter(listed).map(described).collect()
    }

    /// The versions of a namespace, the oldest first, with the items before and after each.
    pub(crate) fn versions(&self, name: &NamespaceName) -> Vec<(&VersionInfo, Items, &Items)> {
        let pairs = self.past.iter().zip(&self.past[1..]);
        pairs
            .filter_map(|(before, after)| {
                let (before, after) = (before.get(name), after.get(name)?);
                let is_new = before.is_none_or(|before| before.newest != after.newest);
                (is_new && after.newest.version != Version::ZERO).then(|| {
                    (
                        &after.newest,
                        before.map(|before| before.items.clone()).unwrap_or_default(),
                        &after.items,
                    )
                })
            })
            .collect()
    }

    fn history(&self, name: &NamespaceName, changes_max: Option<usize>) -> Told<Versions> {
        if !self.now().contains_key(name) {
            return Err(unknown(name));
        }
        let told = self.versions(name).into_iter().rev().map(|(version, before, after)| {
            let changes = compare(&before, after, "", |before, after| before != after);
            let changes = changes.into_iter().map(|change| KeyChange { key: change.key, kind: change.kind });
            (version.clone(), changes.take(changes_max.unwrap_or(0)).collect())
        });
        Ok(told.collect())
    }

    fn diff(&self, name: &NamespaceName, from: Version, to: Version, prefix: &str) -> Told<Vec<ItemChange>> {
        if !self.now().contains_key(name) {
            return Err(unknown(name));
        }
        let items = |version| match version {
            Version::ZERO => Ok(Items::new()),
            version => self.version(name, version).map(|(namespace, _)| namespace.items.clone()),
        };
        let (from, to) = (items(from)?, items(to)?);
        Ok(compare(&from, &to, prefix, |before, after| before.content != after.content))
    }

    fn watch(&self, name: &NamespaceName, prefix: &str, from: u64) -> Vec<(VersionInfo, Vec<ItemChange>)> {
        let versions = self.versions(name).into_iter();
        versions
            .filter(|(version, _, _)| version.revision.get() >= from)
            .map(|(version, before, after)| {
                (version.clone(), compare(&before, after, prefix, |before, after| before != after))
            })
            .collect()
    }
}

fn compare(
    before: &Items,
    after: &Items,
    prefix: &str,
    differ: impl Fn(&Item, &Item) -> bool,
) -> Vec<ItemChange> {
    let mut keys: Vec<_> = before.keys().chain(after.keys()).filter(|key| key.starts_with(prefix)).collect();
    keys.sort();
    keys.dedup();
    let change = |key: &String| {
        let (before, after) = (before.get(key), after.get(key));
        let kind = match (before, after) {
            (None, _) => ChangeKind::Added,
            (_, None) => ChangeKind::Deleted,
            (Some(before), Some(after)) => {
                return differ(before, after).then(|| item_change(key, ChangeKind::Changed, before, after));
            }
        };
        Some(ItemChange { key: key.clone(), kind, before: before.cloned(), after: after.cloned() })
    };
    keys.into_iter().filter_map(change).collect()
}

fn item_change(key: &str, kind: ChangeKind, before: &Item, after: &Item) -> ItemChange {
    ItemChange { key: key.to_owned(), kind, before: Some(before.clone()), after: Some(after.clone()) }
}
