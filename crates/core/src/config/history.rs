//! A namespace's versions: the history of its head.

use conclave_mvcc::{ChangeKind, ReadMap, Revision, changed_keys};

use super::head::Head;
use super::keys::{head_key, items, local_key};
use super::read::Read;
use super::{retained, versions};
use crate::names::NamespaceName;
use crate::stop::{Stop, part};
use crate::version::Version;

/// What is known of one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionInfo {
    /// Name of the namespace.
    pub namespace: NamespaceName,
    /// Number of the version, from 1.
    pub version: Version,
    /// The revision that it took.
    pub revision: Revision,
    /// Who made it.
    pub author: String,
    /// Why.
    pub message: String,
    /// When: milliseconds since 1970-01-01 UTC.
    pub time_ms: i64,
    /// The version whose content this one restored; 0: it is no rollback.
    pub rollback_of: Version,
    /// Whether it deleted the namespace.
    pub deleted_namespace: bool,
    /// Items added.
    pub added: u32,
    /// Items changed.
    pub changed: u32,
    /// Items deleted.
    pub deleted: u32,
}

/// That a version changed an item, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyChange {
    /// Key within the namespace.
    pub key: String,
    /// How it changed.
    pub kind: ChangeKind,
}

/// Which versions to tell.
#[derive(Clone, Copy, Debug)]
pub struct HistoryQuery<'a> {
    /// Of this namespace, which may be deleted.
    pub namespace: &'a NamespaceName,
    /// Only versions older than this one.
    pub before: Option<Version>,
    /// At most so many.
    pub page_max: usize,
    /// Also which keys each version changed, at most so many of each.
    pub changes_max: Option<usize>,
}

/// Versions with the keys that they changed, the newest first; and whether there are older ones.
pub type HistoryPage = (Vec<(VersionInfo, Vec<KeyChange>)>, bool);

/// A page of a namespace's versions.
///
/// # Errors
/// The map cannot be read. Within: the name was never used.
pub fn history(view: &dyn ReadMap, query: &HistoryQuery<'_>) -> Read<HistoryPage> {
    part(find_history(view, query))
}

impl VersionInfo {
    /// What the head tells that was written at this revision.
    pub(crate) fn of(namespace: NamespaceName, revision: Revision, head: Head) -> Self {
        Self {
            namespace,
            version: head.version,
            revision,
            author: head.author,
            message: head.message,
            time_ms: head.time_ms,
            rollback_of: head.rollback_of,
            deleted_namespace: head.deleted_namespace,
            added: head.counts.added,
            changed: head.counts.changed,
            deleted: head.counts.deleted,
        }
    }
}

fn find_history(view: &dyn ReadMap, query: &HistoryQuery<'_>) -> Result<HistoryPage, Stop> {
    let mut versions = find_versions(view, query)?;
    let more = versions.len() > query.page_max;
    versions.truncate(query.page_max);
    let mut page = Vec::with_capacity(versions.len());
    for version in versions {
        let changes = match query.changes_max {
            Some(changes_max) => find_changes(view, &version, changes_max)?,
            None => Vec::new(),
        };
        page.push((version, changes));
    }
    Ok((page, more))
}

/// The versions of the page and one more, if there is one.
fn find_versions(view: &dyn ReadMap, query: &HistoryQuery<'_>) -> Result<Vec<VersionInfo>, Stop> {
    let HistoryQuery { namespace, before, page_max, .. } = *query;
    let (head, _) = Head::at(view, namespace, Revision::MAX)?;
    let oldest = versions::oldest_kept(view, namespace, &head)?;
    let from = newest_before(view, query, head.version)?;
    let heads = conclave_mvcc::history(view, &head_key(namespace), from, page_max.saturating_add(1))?;
    let mut found = Vec::with_capacity(heads.len());
    for (revision, record) in heads {
        let head = Head::decode(&record.ok_or_else(|| Head::vanished(namespace))?)?;
        // The creation is no version; of older ones the heads may still lie there although they were dropped.
        if head.version < oldest || head.version == Version::ZERO {
            break;
        }
        found.push(VersionInfo::of(namespace.clone(), revision, head));
    }
    if found.len() <= page_max && oldest > Version::new(1) {
        let older = retained::kept_before(view, namespace, before.unwrap_or(oldest).min(oldest))?;
        for (_, revision) in older.into_iter().rev().take(page_max.saturating_add(1) - found.len()) {
            let (head, _) = Head::at(view, namespace, revision)?;
            found.push(VersionInfo::of(namespace.clone(), revision, head));
        }
    }
    Ok(found)
}

/// The revision from which back the versions asked for lie, of those that are not only kept for a name.
fn newest_before(view: &dyn ReadMap, query: &HistoryQuery<'_>, newest: Version) -> Result<Revision, Stop> {
    match query.before {
        Some(before) if before <= newest => {
            let made = versions::row_of(view, query.namespace, before)?;
            Ok(made.map_or(Revision::ZERO, Revision::previous))
        }
        _ => Ok(Revision::MAX),
    }
}

fn find_changes(
    view: &dyn ReadMap,
    version: &VersionInfo,
    changes_max: usize,
) -> Result<Vec<KeyChange>, Stop> {
    let range = items(&version.namespace, "");
    let changed = changed_keys(view, version.revision, &range, changes_max)?;
    let mut changes = Vec::with_capacity(changed.keys.len());
    for change in changed.keys {
        let key = local_key(&version.namespace, &change.key)?;
        changes.push(KeyChange { key, kind: change.kind });
    }
    Ok(changes)
}
