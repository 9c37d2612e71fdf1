//! Reading items, now or at any earlier moment.

use conclave_mvcc::{MapError, RangeLimits, ReadMap, Revision, get_at, newest_revision, range_at};

use super::head::Head;
use super::item::Item;
use super::kept_at::KeptAt;
use super::keys::{item_key, items_after, local_key};
use super::{snapshots, tags, versions};
use crate::names::{ItemKey, NamespaceName, PinName};
use crate::rejection::Rejection;
use crate::stop::{Stop, part};
use crate::version::Version;

/// Most keys that a page looks at, of which some may not exist any more, or not yet.
pub const KEYS_A_PAGE_MAX: usize = 10_000;

/// What a read gives: the value or why there is none; outside, a map that cannot be read.
pub type Read<T> = Result<Result<T, Rejection>, MapError>;

/// A moment of a namespace's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum At {
    /// Now. The namespace must exist.
    Now,
    /// When this version was the newest, from 1. Also of a namespace that was deleted since; the version
    /// that deleted it holds nothing.
    Version(Version),
    /// When the store was at this revision, from 1. The namespace must have existed then.
    Revision(Revision),
    /// The version that a tag names.
    Tag(PinName),
    /// The newest version that was committed by then: milliseconds since 1970-01-01 UTC.
    Time(i64),
    /// As in a snapshot, which must hold the namespace.
    Snapshot(PinName),
}

/// Which items to list.
#[derive(Clone, Debug)]
pub struct ItemQuery<'a> {
    /// Of this namespace.
    pub namespace: &'a NamespaceName,
    /// Only keys that begin with this; empty: all.
    pub key_prefix: &'a str,
    /// Only keys after this one.
    pub after: Option<&'a str>,
    /// When.
    pub at: At,
    /// At most so many, and at least one if there is one among the next [`KEYS_A_PAGE_MAX`] keys.
    pub records_max: usize,
    /// No further item once those found take so much.
    pub size_bytes_max: usize,
    /// Leaves the values out.
    pub keys_only: bool,
}

/// A page of items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemPage {
    /// Items in order of key.
    pub items: Vec<Item>,
    /// The key to read on after, at the same moment, if there may be more. For one that moves, now, a tag or a time,
    /// name what was read: [`At::Revision`] or [`At::Version`] of this page.
    pub next: Option<String>,
    /// Version of the namespace that was read.
    pub version: Version,
    /// The revision that was read; the store's newest if it was read now.
    pub revision: Revision,
}

/// One item, the version of the namespace in which it was found, and the revision that was read.
///
/// # Errors
/// The map cannot be read. Within: no such namespace, version, revision or key.
pub fn get_item(
    view: &dyn ReadMap,
    namespace: &NamespaceName,
    key: &ItemKey,
    at: &At,
) -> Read<(Item, Version, Revision)> {
    part(find_item(view, namespace, key, at))
}

/// A page of items. It may hold none although there are some further on.
///
/// # Errors
/// The map cannot be read. Within: no such namespace, version or revision.
pub fn list_items(view: &dyn ReadMap, query: &ItemQuery<'_>) -> Read<ItemPage> {
    part(find_items(view, query))
}

/// What a moment means for one namespace.
struct Moment {
    version: Version,
    revision: Revision,
}

fn resolve(view: &dyn ReadMap, namespace: &NamespaceName, at: &At) -> Result<Moment, Stop> {
    match at {
        At::Now => {
            let revision = newest_revision(view)?;
            version_at(view, namespace, revision)
        }
        At::Version(version) => of_version(view, namespace, *version),
        At::Revision(revision) => of_revision(view, namespace, *revision),
        At::Tag(tag) => of_version(view, namespace, tags::version_of(view, namespace, tag)?),
        At::Time(time_ms) => of_version(view, namespace, versions::by_then(view, namespace, *time_ms)?),
        At::Snapshot(snapshot) => {
            let (version, revision) = snapshots::moment_in(view, snapshot, namespace)?;
            Ok(Moment { version, revision })
        }
    }
}

fn of_version(view: &dyn ReadMap, namespace: &NamespaceName, version: Version) -> Result<Moment, Stop> {
    let (newest, _) = Head::at(view, namespace, Revision::MAX)?;
    let revision = versions::revision_of(view, namespace, &newest, version)?;
    Ok(Moment { version, revision })
}

fn of_revision(view: &dyn ReadMap, namespace: &NamespaceName, revision: Revision) -> Result<Moment, Stop> {
    let newest = newest_revision(view)?;
    if revision == Revision::ZERO || revision > newest {
        let (revision, newest) = (revision.get(), newest.get());
        return Err(Rejection::RevisionNotFound { revision, newest }.into());
    }
    KeptAt::new(view, revision).check(namespace)?;
    version_at(view, namespace, revision)
}

fn version_at(view: &dyn ReadMap, namespace: &NamespaceName, revision: Revision) -> Result<Moment, Stop> {
    let (head, _) = Head::at(view, namespace, revision)?;
    let version = head.alive(namespace)?.version;
    Ok(Moment { version, revision })
}

fn find_item(
    view: &dyn ReadMap,
    namespace: &NamespaceName,
    key: &ItemKey,
    at: &At,
) -> Result<(Item, Version, Revision), Stop> {
    let Moment { version, revision } = resolve(view, namespace, at)?;
    match get_at(view, &item_key(namespace, key), revision)? {
        Some(record) => Ok((Item::decode(key.to_string(), record)?, version, revision)),
        None => {
            let (namespace, key) = (namespace.to_string(), key.to_string());
            Err(Rejection::KeyNotFound { namespace, key }.into())
        }
    }
}

fn find_items(view: &dyn ReadMap, query: &ItemQuery<'_>) -> Result<ItemPage, Stop> {
    let ItemQuery { namespace, records_max, size_bytes_max, keys_only, .. } = *query;
    let Moment { version, revision } = resolve(view, namespace, &query.at)?;
    let range = items_after(namespace, query.key_prefix, query.after);
    let limits = RangeLimits { records_max, size_bytes_max, keys_max: KEYS_A_PAGE_MAX, keys_only };
    let page = range_at(view, &range, revision, limits)?;
    let items = page
        .records
        .into_iter()
        .map(|(key, record)| Item::decode(local_key(namespace, &key)?, record))
        .collect::<Result<_, _>>()?;
    let next = page.next.map(|key| local_key(namespace, &key)).transpose()?;
    Ok(ItemPage { items, next, version, revision })
}
