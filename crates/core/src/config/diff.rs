//! What differs between two versions of a namespace.

use bytes::Bytes;
use conclave_mvcc::{ChangeKind, MapError, ReadMap, Record, Revision};

use super::difference::{Difference, Differences};
use super::head::Head;
use super::item::Item;
use super::keys::{items_after, local_key};
use super::read::Read;
use super::versions;
use crate::names::NamespaceName;
use crate::stop::{Stop, part};
use crate::version::Version;

/// One item before and after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemChange {
    /// Key within the namespace.
    pub key: String,
    /// How it differs.
    pub kind: ChangeKind,
    /// Before; none: it did not exist.
    pub before: Option<Item>,
    /// After; none: it exists no longer.
    pub after: Option<Item>,
}

/// Which differences to tell.
#[derive(Clone, Copy, Debug)]
pub struct DiffQuery<'a> {
    /// Of this namespace, which may be deleted.
    pub namespace: &'a NamespaceName,
    /// From this version; 0: the empty namespace.
    pub from: Version,
    /// To this version, which may be the older one; 0: the empty namespace.
    pub to: Version,
    /// Only keys that begin with this; empty: all.
    pub key_prefix: &'a str,
    /// Only keys after this one.
    pub after: Option<&'a str>,
    /// At most so many, and at least one if there is one.
    pub changes_max: usize,
    /// No further change once those found take so much.
    pub size_bytes_max: usize,
}

/// The items that differ, in order of key; and whether there are more. An item that was changed and
/// changed back does not differ.
///
/// # Errors
/// The map cannot be read. Within: no such namespace or version.
pub fn diff(view: &dyn ReadMap, query: &DiffQuery<'_>) -> Read<(Vec<ItemChange>, bool)> {
    part(find_changes(view, query))
}

impl ItemChange {
    /// The change of the item under `key` of the keyspace.
    pub(crate) fn between(
        namespace: &NamespaceName,
        key: &Bytes,
        kind: ChangeKind,
        before: Option<Record>,
        after: Option<Record>,
    ) -> Result<Self, MapError> {
        let key = local_key(namespace, key)?;
        let item =
            |record: Option<Record>| record.map(|record| Item::decode(key.clone(), record)).transpose();
        let (before, after) = (item(before)?, item(after)?);
        Ok(Self { key, kind, before, after })
    }
}

fn find_changes(view: &dyn ReadMap, query: &DiffQuery<'_>) -> Result<(Vec<ItemChange>, bool), Stop> {
    let (head, _) = Head::at(view, query.namespace, Revision::MAX)?;
    let moment = |version| match version {
        Version::ZERO => Ok(None),
        version => versions::revision_of(view, query.namespace, &head, version).map(Some),
    };
    let (from, to) = (moment(query.from)?, moment(query.to)?);
    if from == to {
        return Ok((Vec::new(), false));
    }
    let range = items_after(query.namespace, query.key_prefix, query.after);
    let differences = Differences::new(view, &range, from, to)?;
    Ok(take_page(query, differences)?)
}

fn take_page(
    query: &DiffQuery<'_>,
    mut differences: Differences<'_>,
) -> Result<(Vec<ItemChange>, bool), MapError> {
    let mut page = Vec::new();
    let mut size_bytes = 0;
    while let Some(difference) = differences.next()? {
        if !page.is_empty() && (page.len() >= query.changes_max || size_bytes >= query.size_bytes_max) {
            return Ok((page, true));
        }
        size_bytes += difference.size_bytes();
        let kind = difference.kind();
        let Difference { key, before, after } = difference;
        page.push(ItemChange::between(query.namespace, &key, kind, before, after)?);
    }
    Ok((page, false))
}
