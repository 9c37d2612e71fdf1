//! Snapshots: names for the state of namespaces at one revision. What they hold is not dropped.

use conclave_mvcc::{MapError, RangeCursor, ReadMap, Record, Revision, Transaction, get_at, newest_revision};
use serde::{Deserialize, Serialize};

use super::command::{CreateSnapshot, DeleteSnapshot};
use super::head::{Head, not_found};
use super::kept_at::KeptAt;
use super::keys::{
    head_key, heads, heads_after, namespace_of_head, snapshot_key, snapshot_of_key, snapshots,
};
use super::outcome::{ConfigOutcome, SnapshotInfo};
use super::present;
use super::quota;
use super::read::Read;
use crate::encoding::{DecodeError, after_format, decode, decode_first, encode};
use crate::names::{NamespaceName, PinName};
use crate::rejection::{QuotaKind, Rejection};
use crate::stop::{Stop, part};
use crate::version::Version;

const FORMAT: u8 = 1;
/// Most snapshots.
pub const SNAPSHOTS_MAX: u64 = 256;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Snapshot {
    pub(crate) revision: Revision,
    /// In order of name; none: all that existed at the revision.
    namespaces: Option<Vec<NamespaceName>>,
    count: u64,
    author: String,
    message: String,
    time_ms: i64,
}

/// A namespace in a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotNamespace {
    /// Its name.
    pub name: NamespaceName,
    /// Its version in the snapshot; 0: nothing had been committed.
    pub version: Version,
    /// Its newest version now.
    pub newest_version: Version,
    /// Whether it was deleted since.
    pub deleted: bool,
}

/// Names the state at a revision.
pub(crate) fn create(
    transaction: &mut Transaction<'_>,
    create: &CreateSnapshot,
    time_ms: i64,
) -> Result<ConfigOutcome, Stop> {
    let CreateSnapshot { snapshot: name, namespaces, revision, authorship } = create;
    let view = transaction.view();
    if get_at(view, &snapshot_key(name), Revision::MAX)?.is_some() {
        return Err(Rejection::SnapshotExists { snapshot: name.to_string() }.into());
    }
    check_count(view)?;
    let revision = known_revision(view, *revision)?;
    let namespaces = namespaces.clone().map(|mut names| {
        names.sort();
        names.dedup();
        names
    });
    let count = match &namespaces {
        Some(names) => count_named(view, names, revision)?,
        None => count_all(view, revision)?,
    };
    let (author, message) = (authorship.author.clone(), authorship.message.clone());
    let snapshot = Snapshot { revision, namespaces, count, author, message, time_ms };
    present::put(transaction, &snapshots(), snapshot_key(name), encode(FORMAT, &snapshot))?;
    Ok(ConfigOutcome::Snapshot(snapshot.into_info(name.clone())))
}

/// Forgets a name.
pub(crate) fn delete(
    transaction: &mut Transaction<'_>,
    delete: &DeleteSnapshot,
) -> Result<ConfigOutcome, Stop> {
    let found = find(transaction.view(), &delete.snapshot)?;
    present::delete(transaction, &snapshots(), snapshot_key(&delete.snapshot))?;
    Ok(ConfigOutcome::Snapshot(found.into_info(delete.snapshot.clone())))
}

/// One snapshot.
///
/// # Errors
/// The map cannot be read. Within: there is none of this name.
pub fn get_snapshot(view: &dyn ReadMap, name: &PinName) -> Read<SnapshotInfo> {
    part(find(view, name).map(|found| found.into_info(name.clone())))
}

/// A page of the snapshots in order of name, and whether there are more.
///
/// # Errors
/// The map cannot be read.
pub fn list_snapshots(
    view: &dyn ReadMap,
    after: Option<&str>,
    page_max: usize,
) -> Result<(Vec<SnapshotInfo>, bool), MapError> {
    let range = snapshots();
    let range = after.map_or(range.clone(), |name| range.after(&[&range.start, name.as_bytes()].concat()));
    let mut cursor = RangeCursor::new(view, &range, Revision::MAX)?;
    let mut page = Vec::new();
    while let Some(key) = cursor.key() {
        if page.len() >= page_max {
            return Ok((page, true));
        }
        let name = snapshot_of_key(key)?;
        page.push(Snapshot::decode(&cursor.record()?)?.into_info(name));
        cursor.advance()?;
    }
    Ok((page, false))
}

/// A page of the namespaces of a snapshot in order of name, and whether there are more.
///
/// # Errors
/// The map cannot be read. Within: there is no snapshot of this name.
pub fn snapshot_namespaces(
    view: &dyn ReadMap,
    name: &PinName,
    after: Option<&str>,
    page_max: usize,
) -> Read<(Vec<SnapshotNamespace>, bool)> {
    part(find_namespaces(view, name, after, page_max))
}

fn find_namespaces(
    view: &dyn ReadMap,
    name: &PinName,
    after: Option<&str>,
    page_max: usize,
) -> Result<(Vec<SnapshotNamespace>, bool), Stop> {
    let snapshot = find(view, name)?;
    let mut held = Held::new(view, &snapshot, after)?;
    let mut page = Vec::new();
    while let Some((name, version)) = held.next()? {
        if page.len() >= page_max {
            return Ok((page, true));
        }
        let (now, _) = Head::at(view, &name, Revision::MAX)?;
        let (newest_version, deleted) = (now.version, now.deleted_namespace);
        page.push(SnapshotNamespace { name, version, newest_version, deleted });
    }
    Ok((page, false))
}

/// The version and the revision of a namespace in a snapshot.
pub(crate) fn moment_in(
    view: &dyn ReadMap,
    name: &PinName,
    namespace: &NamespaceName,
) -> Result<(Version, Revision), Stop> {
    let snapshot = find(view, name)?;
    match snapshot.version_of(view, namespace)? {
        Some(version) => Ok((version, snapshot.revision)),
        None => {
            let (snapshot, namespace) = (name.to_string(), namespace.to_string());
            Err(Rejection::NotInSnapshot { snapshot, namespace }.into())
        }
    }
}

/// All snapshots.
pub(crate) fn all(view: &dyn ReadMap) -> Result<Vec<Snapshot>, MapError> {
    let mut cursor = RangeCursor::new(view, &snapshots(), Revision::MAX)?;
    let mut found = Vec::new();
    while cursor.key().is_some() {
        found.push(Snapshot::decode(&cursor.record()?)?);
        cursor.advance()?;
    }
    Ok(found)
}

/// The snapshots of one revision.
pub(crate) fn all_at(view: &dyn ReadMap, at: Revision) -> Result<Vec<Snapshot>, MapError> {
    let mut cursor = RangeCursor::new(view, &snapshots(), Revision::MAX)?;
    let mut found = Vec::new();
    while cursor.key().is_some() {
        let record = cursor.record()?;
        // The revision comes first: the names behind it may be many.
        if Snapshot::revision_in(&record)? == at {
            found.push(Snapshot::decode(&record)?);
        }
        cursor.advance()?;
    }
    Ok(found)
}

/// The revisions, ascending, of those of these snapshots that are of a namespace.
pub(crate) fn revisions_of(snapshots: &[Snapshot], namespace: &NamespaceName) -> Vec<Revision> {
    let found = snapshots.iter().filter(|snapshot| snapshot.is_of(namespace));
    let mut revisions: Vec<_> = found.map(|snapshot| snapshot.revision).collect();
    revisions.sort_unstable();
    revisions.dedup();
    revisions
}

pub(crate) fn find(view: &dyn ReadMap, name: &PinName) -> Result<Snapshot, Stop> {
    match get_at(view, &snapshot_key(name), Revision::MAX)? {
        Some(record) => Ok(Snapshot::decode(&record)?),
        None => Err(Rejection::SnapshotNotFound { snapshot: name.to_string() }.into()),
    }
}

fn check_count(view: &dyn ReadMap) -> Result<(), Stop> {
    let (mut cursor, mut count) = (RangeCursor::new(view, &snapshots(), Revision::MAX)?, 0);
    while cursor.key().is_some() {
        count += 1;
        cursor.advance()?;
    }
    if count < SNAPSHOTS_MAX {
        return Ok(());
    }
    Err(quota::exceeded("", QuotaKind::Snapshots, (count + 1, SNAPSHOTS_MAX)))
}

fn known_revision(view: &dyn ReadMap, asked: Option<Revision>) -> Result<Revision, Stop> {
    let newest = newest_revision(view)?;
    match asked {
        None => Ok(newest),
        Some(revision) if revision != Revision::ZERO && revision <= newest => Ok(revision),
        Some(revision) => {
            let (revision, newest) = (revision.get(), newest.get());
            Err(Rejection::RevisionNotFound { revision, newest }.into())
        }
    }
}

/// How many these are. Refuses if one did not exist at the revision, or if of one that was dropped.
fn count_named(view: &dyn ReadMap, names: &[NamespaceName], at: Revision) -> Result<u64, Stop> {
    let mut kept = KeptAt::new(view, at);
    for name in names {
        kept.check(name)?;
        Head::at(view, name, at)?.0.alive(name)?;
    }
    Ok(names.len() as u64)
}

/// How many namespaces existed at a revision. Refuses if of one of them that was dropped.
fn count_all(view: &dyn ReadMap, at: Revision) -> Result<u64, Stop> {
    let is_past = at < newest_revision(view)?;
    let mut kept = KeptAt::new(view, at);
    let mut cursor = RangeCursor::new(view, &heads(""), Revision::MAX)?;
    let mut count = 0;
    while let Some(key) = cursor.key() {
        let head = if is_past {
            kept.check(&namespace_of_head(key)?)?;
            get_at(view, key, at)?
        } else {
            Some(cursor.record()?)
        };
        let head = head.map(|record| Head::decode(&record)).transpose()?;
        count += u64::from(head.is_some_and(|head| !head.deleted_namespace));
        cursor.advance()?;
    }
    Ok(count)
}

impl Snapshot {
    /// The version of a namespace in the snapshot, if it is in it.
    pub(crate) fn version_of(
        &self,
        view: &dyn ReadMap,
        namespace: &NamespaceName,
    ) -> Result<Option<Version>, MapError> {
        if !self.is_of(namespace) {
            return Ok(None);
        }
        let head = get_at(view, &head_key(namespace), self.revision)?;
        let head = head.map(|record| Head::decode(&record)).transpose()?;
        Ok(head.filter(|head| !head.deleted_namespace).map(|head| head.version))
    }

    /// Whether it holds the namespace, if that existed then.
    pub(crate) fn is_of(&self, namespace: &NamespaceName) -> bool {
        self.namespaces.as_ref().is_none_or(|names| names.binary_search(namespace).is_ok())
    }

    fn decode(record: &Record) -> Result<Self, MapError> {
        decode(FORMAT, &record.value).map_err(damaged)
    }

    /// The revision of the snapshot in a record.
    fn revision_in(record: &Record) -> Result<Revision, MapError> {
        let encoded = after_format(FORMAT, &record.value).map_err(damaged)?;
        Ok(decode_first(encoded).map_err(damaged)?.0)
    }

    fn into_info(self, name: PinName) -> SnapshotInfo {
        let Self { revision, namespaces, count, author, message, time_ms } = self;
        let all_namespaces = namespaces.is_none();
        SnapshotInfo { name, revision, all_namespaces, namespaces: count, author, message, time_ms }
    }
}

fn damaged(error: DecodeError) -> MapError {
    MapError::new(format_args!("snapshot: {error}"))
}

/// Walks the namespaces of a snapshot in order of name.
pub(crate) enum Held<'a> {
    Listed { view: &'a dyn ReadMap, snapshot: &'a Snapshot, ahead: std::slice::Iter<'a, NamespaceName> },
    All(RangeCursor<'a>),
}

impl<'a> Held<'a> {
    pub(crate) fn new(
        view: &'a dyn ReadMap,
        snapshot: &'a Snapshot,
        after: Option<&str>,
    ) -> Result<Self, MapError> {
        match &snapshot.namespaces {
            Some(names) => {
                let from = after.map_or(0, |after| names.partition_point(|name| name.as_str() <= after));
                Ok(Self::Listed { view, snapshot, ahead: names[from..].iter() })
            }
            None => {
                let range = heads("");
                let range = after.map_or(range.clone(), |name| heads_after(&range, name));
                Ok(Self::All(RangeCursor::new(view, &range, snapshot.revision)?))
            }
        }
    }

    /// The next one, with its version in the snapshot.
    pub(crate) fn next(&mut self) -> Result<Option<(NamespaceName, Version)>, Stop> {
        match self {
            Self::Listed { view, snapshot, ahead } => match ahead.next() {
                None => Ok(None),
                Some(name) => {
                    let version = snapshot.version_of(*view, name)?.ok_or_else(|| not_found(name))?;
                    Ok(Some((name.clone(), version)))
                }
            },
            Self::All(cursor) => {
                while let Some(key) = cursor.key() {
                    let (name, head) = (namespace_of_head(key)?, Head::decode(&cursor.record()?)?);
                    cursor.advance()?;
                    if !head.deleted_namespace {
                        return Ok(Some((name, head.version)));
                    }
                }
                Ok(None)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_bytes() {
        let snapshot = Snapshot {
            revision: Revision::new(300),
            namespaces: Some(vec![NamespaceName::parse("a/b").unwrap()]),
            count: 1,
            author: "ann".into(),
            message: "why".into(),
            time_ms: 1_000,
        };
        assert_eq!(
            encode(FORMAT, &snapshot).as_ref(),
            b"\x01\xac\x02\x01\x01\x03a/b\x01\x03ann\x03why\xd0\x0f"
        );
    }
}
