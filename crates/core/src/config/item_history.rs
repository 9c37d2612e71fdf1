//! The changes of one item.

use std::collections::VecDeque;

use bytes::Bytes;
use conclave_mvcc::{ChangeKind, MapError, ReadMap, Record, Revision, get_at};

use super::head::Head;
use super::history::VersionInfo;
use super::item::Item;
use super::keys::{head_key, item_key};
use super::read::Read;
use crate::names::{ItemKey, NamespaceName};
use crate::rejection::Rejection;
use crate::stop::{Stop, part};

/// Which changes to tell.
#[derive(Clone, Copy, Debug)]
pub struct ItemHistoryQuery<'a> {
    /// Of an item of this namespace, which may be deleted.
    pub namespace: &'a NamespaceName,
    /// Key of the item, which may be deleted.
    pub key: &'a ItemKey,
    /// Only changes older than this revision.
    pub before: Option<Revision>,
    /// At most so many, and at least one if there is one.
    pub page_max: usize,
    /// No further change once those found take so much.
    pub size_bytes_max: usize,
}

/// One change of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemRevision {
    /// The version that made it. Of one that was dropped only the revision is known, and its number is 0.
    pub version: VersionInfo,
    /// How it changed the item.
    pub kind: ChangeKind,
    /// The item afterwards; none: it was deleted.
    pub item: Option<Item>,
}

/// Changes of an item, the newest first; and whether there are older ones.
///
/// # Errors
/// The map cannot be read. Within: the namespace or the item was never there, or all of it was dropped.
pub fn item_history(view: &dyn ReadMap, query: &ItemHistoryQuery<'_>) -> Read<(Vec<ItemRevision>, bool)> {
    part(find(view, query))
}

fn find(view: &dyn ReadMap, query: &ItemHistoryQuery<'_>) -> Result<(Vec<ItemRevision>, bool), Stop> {
    let ItemHistoryQuery { namespace, key, before, page_max, size_bytes_max } = *query;
    Head::at(view, namespace, Revision::MAX)?;
    let from = before.map_or(Revision::MAX, Revision::previous);
    let mut records = Records { view, key: item_key(namespace, key), from, read: VecDeque::new() };
    let (mut page, mut size_bytes) = (Vec::new(), 0);
    while let Some((revision, record)) = records.next()? {
        if page.len() >= page_max || (size_bytes >= size_bytes_max && !page.is_empty()) {
            return Ok((page, true));
        }
        size_bytes += record.as_ref().map_or(0, Record::size_bytes);
        page.push(ItemRevision {
            version: version_at(view, namespace, revision)?,
            kind: kind(record.as_ref()),
            item: record.map(|record| Item::decode(key.to_string(), record)).transpose()?,
        });
    }
    if page.is_empty() && before.is_none() {
        let (namespace, key) = (namespace.to_string(), key.to_string());
        return Err(Rejection::KeyNotFound { namespace, key }.into());
    }
    Ok((page, false))
}

/// So many records are read at once: values may be large, and a page may be full before its last one.
const RECORDS_A_READ: usize = 16;

/// The records of a key, the newest first.
struct Records<'a> {
    view: &'a dyn ReadMap,
    key: Bytes,
    /// Those that were not read yet come from here on, back in time.
    from: Revision,
    read: VecDeque<(Revision, Option<Record>)>,
}

impl Records<'_> {
    /// The next one.
    fn next(&mut self) -> Result<Option<(Revision, Option<Record>)>, MapError> {
        if self.read.is_empty() {
            self.read_on()?;
        }
        Ok(self.read.pop_front())
    }

    fn read_on(&mut self) -> Result<(), MapError> {
        let read = conclave_mvcc::history(self.view, &self.key, self.from, RECORDS_A_READ)?;
        if let Some((oldest, _)) = read.last() {
            self.from = oldest.previous();
        }
        self.read.extend(read);
        Ok(())
    }
}

/// A record counts the changes since its item came to be.
fn kind(record: Option<&Record>) -> ChangeKind {
    match record {
        None => ChangeKind::Deleted,
        Some(record) if record.version > 1 => ChangeKind::Changed,
        Some(_) => ChangeKind::Added,
    }
}

fn version_at(view: &dyn ReadMap, namespace: &NamespaceName, at: Revision) -> Result<VersionInfo, MapError> {
    let head = match get_at(view, &head_key(namespace), at)? {
        Some(record) if record.mod_revision == at => Head::decode(&record)?,
        _ => Head::default(),
    };
    Ok(VersionInfo::of(namespace.clone(), at, head))
}
