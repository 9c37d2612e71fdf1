//! Questions that follow one item, find items by what they contain, or ask for what is named.

use conclave_core::config::{
    Item, ItemHistoryQuery, ItemRevision, SearchMatch, SearchQuery, TagInfo, defaults, item_history,
    list_tags, search,
};
use conclave_core::{ItemKey, NamespaceName, Rejection, Version};
use conclave_mvcc::{ChangeKind, ReadMap, Revision};
use proptest::prelude::*;

use crate::questions::{Told, unknown};
use crate::steps::{key, namespace};
use crate::world::Model;

#[derive(Clone, Debug)]
pub(crate) enum Find {
    Changes {
        name: NamespaceName,
        key: ItemKey,
        page: usize,
    },
    Search {
        text: String,
        prefix: String,
        places: (bool, bool),
        ignore_case: bool,
        revision: u64,
        page: usize,
    },
    Tags {
        name: NamespaceName,
        page: usize,
    },
    Living,
}

pub(crate) fn find() -> impl Strategy<Value = Find> {
    let page = 1_usize..4;
    let text = prop::sample::select(vec!["k", "K", "/", "2", "é", "É", "none"]);
    let prefix = prop::sample::select(vec!["", "a", "a/", "a//", "ab", "b"]);
    prop_oneof![
        3 => (namespace(), key(), page.clone()).prop_map(|(name, key, page)| Find::Changes { name, key, page }),
        3 => (text, prefix, any::<(bool, bool)>(), any::<bool>(), 0_u64..20, page.clone()).prop_map(
            |(text, prefix, places, ignore_case, revision, page)| Find::Search {
                text: text.to_owned(),
                prefix: prefix.to_owned(),
                places,
                ignore_case,
                revision,
                page,
            }
        ),
        1 => (namespace(), page).prop_map(|(name, page)| Find::Tags { name, page }),
        1 => Just(Find::Living),
    ]
}

impl Find {
    pub(crate) fn check(&self, view: &dyn ReadMap, model: &Model) {
        match self {
            Self::Changes { name, key, page } => {
                assert_eq!(all_changes(view, name, key, *page), model.changes(name, key), "{self:?}");
            }
            Self::Search { revision, .. } => {
                let expected = self.matches(model, (*revision).min(model.newest().get()));
                assert_eq!(self.all_matches(view), expected, "{self:?}");
            }
            Self::Tags { name, page } => {
                let expected = model.now().get(name).ok_or_else(|| unknown(name));
                let expected = expected.map(|namespace| namespace.beside.tags.values().cloned().collect());
                assert_eq!(all_tags(view, name, *page), expected, "{self:?}");
            }
            Self::Living => {
                let living = model.now().values().filter(|namespace| !namespace.newest.deleted_namespace);
                assert_eq!(defaults(view).unwrap().1, living.count() as u64);
            }
        }
    }

    /// All pages of the search; every other one is cut by what is looked at rather than by what matches.
    fn all_matches(&self, view: &dyn ReadMap) -> Vec<SearchMatch> {
        let Self::Search { text, prefix, places: (in_keys, in_values), ignore_case, revision, page } = self
        else {
            unreachable!("asked of a search only")
        };
        let (mut all, mut after) = (Vec::new(), None::<(NamespaceName, ItemKey)>);
        for turn in 0.. {
            let query = SearchQuery {
                text,
                namespace_prefix: prefix,
                in_keys: *in_keys,
                in_values: *in_values,
                ignore_case: *ignore_case,
                after: after.as_ref().map(|(namespace, key)| (namespace, key)),
                at: Revision::new(*revision),
                matches_max: if turn % 2 == 0 { *page } else { usize::MAX },
                items_max: if turn % 2 == 0 { usize::MAX } else { *page },
                size_bytes_max: usize::MAX,
            };
            let found = search(view, &query).unwrap();
            assert!(found.matches.len() <= *page);
            all.extend(found.matches);
            let Some((namespace, key)) = found.next else { break };
            let next = Some((namespace, ItemKey::parse(&key, 512).unwrap()));
            assert_ne!(next, after, "a page goes on");
            after = next;
        }
        all
    }

    fn matches(&self, model: &Model, revision: u64) -> Vec<SearchMatch> {
        let Self::Search { text, prefix, places: (in_keys, in_values), ignore_case, .. } = self else {
            unreachable!("asked of a search only")
        };
        let fold = |text: &str| if *ignore_case { text.to_ascii_lowercase() } else { text.to_owned() };
        let is_in = |place: &str| fold(place).contains(&fold(text));
        let world = &model.past[usize::try_from(revision).unwrap()];
        let mut items: Vec<(&NamespaceName, &Item)> = world
            .iter()
            .filter(|(name, _)| name.as_str().starts_with(prefix))
            .flat_map(|(name, namespace)| namespace.items.values().map(move |item| (name, item)))
            .collect();
        items.sort_by_key(|(name, item)| format!("{name}//{}", item.key));
        items
            .into_iter()
            .filter_map(|(name, item)| {
                let key_matches = *in_keys && is_in(&item.key);
                let value_matches = *in_values && is_in(str::from_utf8(&item.content.value).unwrap());
                let (namespace, item) = (name.clone(), item.clone());
                (key_matches || value_matches).then_some(SearchMatch {
                    namespace,
                    item,
                    key_matches,
                    value_matches,
                })
            })
            .collect()
    }
}

fn all_changes(
    view: &dyn ReadMap,
    namespace: &NamespaceName,
    key: &ItemKey,
    page_max: usize,
) -> Told<Vec<ItemRevision>> {
    let query = ItemHistoryQuery { namespace, key, before: None, page_max, size_bytes_max: usize::MAX };
    let (mut all, mut more) = item_history(view, &query).unwrap()?;
    let narrow = ItemHistoryQuery { size_bytes_max: 0, ..query };
    assert_eq!(item_history(view, &narrow).unwrap()?.0, all[..1]);
    while more {
        let before = all.last().map(|change| change.version.revision);
        let (page, further) = item_history(view, &ItemHistoryQuery { before, ..query }).unwrap()?;
        assert!(!page.is_empty() && page.len() <= page_max);
        all.extend(page);
        more = further;
    }
    Ok(all)
}

fn all_tags(view: &dyn ReadMap, name: &NamespaceName, page_max: usize) -> Told<Vec<TagInfo>> {
    let (mut all, mut more) = list_tags(view, name, None, page_max).unwrap()?;
    while more {
        let after = all.last().map(|tag| tag.name.clone());
        let after = after.as_ref().map(|name| name.as_str());
        let (page, further) = list_tags(view, name, after, page_max).unwrap()?;
        assert!(!page.is_empty() && page.len() <= page_max);
        all.extend(page);
        more = further;
    }
    Ok(all)
}

impl Model {
    /// The changes of an item, the newest first.
    fn changes(&self, name: &NamespaceName, key: &ItemKey) -> Told<Vec<ItemRevision>> {
        if !self.now().contains_key(name) {
            return Err(unknown(name));
        }
        let mut changes = Vec::new();
        for (version, before, after) in self.versions(name) {
            let (before, item) = (before.get(key.as_str()), after.get(key.as_str()));
            let kind = match (before, item) {
                (None, Some(_)) => ChangeKind::Added,
                (Some(_), None) => ChangeKind::Deleted,
                (before, after) if before != after => ChangeKind::Changed,
                _ => continue,
            };
            changes.push(ItemRevision { version: version.clone(), kind, item: item.cloned() });
        }
        changes.reverse();
        if changes.is_empty() {
            return Err(Rejection::KeyNotFound { namespace: name.to_string(), key: key.to_string() });
        }
        Ok(changes)
    }

    /// The newest version that was committed by then.
    pub(crate) fn version_by(&self, name: &NamespaceName, time_ms: i64) -> Told<Version> {
        let newest = &self.now().get(name).ok_or_else(|| unknown(name))?.newest;
        let versions = self.versions(name);
        let oldest_ms = versions.first().map_or(newest.time_ms, |(version, ..)| version.time_ms);
        let by_then = versions.iter().rev().find(|(version, ..)| version.time_ms <= time_ms);
        by_then.map(|(version, ..)| version.version).ok_or_else(|| Rejection::NoVersionThen {
            namespace: name.to_string(),
            time_ms,
            oldest_ms,
            dropped: false,
        })
    }
}
