//! At which revision a namespace's version was made: a side table, so that it is one lookup.

use bytes::Bytes;
use conclave_mvcc::{MapError, ReadMap, Revision, Transaction};

use super::head::Head;
use super::retained;
use crate::encoding::is_count;
use crate::names::NamespaceName;
use crate::rejection::Rejection;
use crate::stop::Stop;
use crate::tables::VERSIONS;
use crate::version::Version;

const FORMAT: u8 = 1;

/// Notes that the transaction makes this version.
pub(crate) fn note(transaction: &mut Transaction<'_>, namespace: &NamespaceName, version: Version) {
    let row = row(transaction.revision());
    transaction.side_put(VERSIONS, &row_key(namespace, version), row);
}

/// The revision of a version that the namespace with this head must have.
pub(crate) fn revision_of(
    view: &dyn ReadMap,
    namespace: &NamespaceName,
    head: &Head,
    version: Version,
) -> Result<Revision, Stop> {
    let key = row_key(namespace, version);
    match VERSIONS.get(view, &key)? {
        Some(row) => Ok(parse(&row).ok_or_else(|| MapError::damaged("unknown version", &key))?),
        None => Err(missing(view, namespace, head, version)?.into()),
    }
}

/// Why there is no such version: it never was, or it was dropped.
fn missing(
    view: &dyn ReadMap,
    namespace: &NamespaceName,
    head: &Head,
    version: Version,
) -> Result<Rejection, MapError> {
    let (name, number) = (namespace.to_string(), version.get());
    if version == Version::ZERO || version > head.version {
        return Ok(Rejection::VersionNotFound {
            namespace: name,
            version: number,
            newest: head.version.get(),
        });
    }
    let oldest = oldest_kept(view, namespace, head)?.get();
    Ok(Rejection::VersionDropped { namespace: name, version: number, oldest })
}

/// The oldest version of which all newer ones are kept; 0: there is none yet.
pub(crate) fn oldest_kept(
    view: &dyn ReadMap,
    namespace: &NamespaceName,
    head: &Head,
) -> Result<Version, MapError> {
    Ok(retained::floor(view, namespace)?.max(Version::new(1)).min(head.version))
}

/// The newest version that was committed by then.
pub(crate) fn by_then(view: &dyn ReadMap, namespace: &NamespaceName, time_ms: i64) -> Result<Version, Stop> {
    let (head, _) = Head::at(view, namespace, Revision::MAX)?;
    let oldest = oldest_kept(view, namespace, &head)?;
    let oldest_ms = match oldest {
        Version::ZERO => head.time_ms,
        oldest => head_of(view, namespace, &head, oldest)?.time_ms,
    };
    if oldest == Version::ZERO || time_ms < oldest_ms {
        let (namespace, dropped) = (namespace.to_string(), oldest > Version::new(1));
        return Err(Rejection::NoVersionThen { namespace, time_ms, oldest_ms, dropped }.into());
    }
    newest_that(view, namespace, &head, (oldest, |then| then.time_ms <= time_ms))
}

/// The newest version for whose head something holds, as it does for `oldest` and up to some version. If it holds
/// for others too, it is the last one of such a stretch.
pub(crate) fn newest_that(
    view: &dyn ReadMap,
    namespace: &NamespaceName,
    head: &Head,
    (oldest, holds): (Version, impl Fn(&Head) -> bool),
) -> Result<Version, Stop> {
    let (mut found, mut after) = (oldest.get(), head.version.get() + 1);
    while after - found > 1 {
        let middle = found + (after - found) / 2;
        if holds(&head_of(view, namespace, head, Version::new(middle))?) {
            found = middle;
        } else {
            after = middle;
        }
    }
    Ok(Version::new(found))
}

/// The head as a version from 1 on made it.
pub(crate) fn head_of(
    view: &dyn ReadMap,
    namespace: &NamespaceName,
    head: &Head,
    version: Version,
) -> Result<Head, Stop> {
    let revision = revision_of(view, namespace, head, version)?;
    let (then, _) = Head::at(view, namespace, revision)?;
    Ok(then)
}

/// The revision of a version, if it is kept.
pub(crate) fn row_of(
    view: &dyn ReadMap,
    namespace: &NamespaceName,
    version: Version,
) -> Result<Option<Revision>, MapError> {
    let key = row_key(namespace, version);
    let Some(row) = VERSIONS.get(view, &key)? else { return Ok(None) };
    parse(&row).map(Some).ok_or_else(|| MapError::damaged("unknown version", &key))
}

/// Versions from `from` on and older than `before` that are kept, with their revisions, the oldest first, at most so
/// many.
pub(crate) fn kept_between(
    view: &dyn ReadMap,
    namespace: &NamespaceName,
    (from, before): (Version, Version),
    versions_max: usize,
) -> Result<Vec<(Version, Revision)>, MapError> {
    let end = VERSIONS.row_key(&row_key(namespace, before));
    let prefix_size_bytes = end.len() - 8;
    let mut rows = view.cursor_before(&end);
    rows.seek(&VERSIONS.row_key(&row_key(namespace, from)))?;
    let mut found = Vec::new();
    while let (Some(key), Some(row)) = (rows.key().filter(|key| *key < end.as_ref()), rows.value()) {
        let damaged = || MapError::damaged("unknown version", key);
        let number =
            key.get(prefix_size_bytes..).and_then(|number| number.try_into().ok()).ok_or_else(damaged)?;
        found.push((Version::new(u64::from_be_bytes(number)), parse(row).ok_or_else(damaged)?));
        if found.len() >= versions_max {
            break;
        }
        rows.advance()?;
    }
    Ok(found)
}

/// The revision of the oldest version from this one on that is kept.
pub(crate) fn first_kept_from(
    view: &dyn ReadMap,
    namespace: &NamespaceName,
    from: Version,
) -> Result<Option<Revision>, MapError> {
    let start = VERSIONS.row_key(&row_key(namespace, from));
    let mut rows = view.cursor_before(&VERSIONS.row_key(&row_key(namespace, Version::new(u64::MAX))));
    rows.seek(&start)?;
    match (rows.key(), rows.value()) {
        (Some(key), Some(row)) if key.starts_with(&start[..start.len() - 8]) => {
            parse(row).map(Some).ok_or_else(|| MapError::damaged("unknown version", key))
        }
        _ => Ok(None),
    }
}

/// Notes that a version is no longer kept.
pub(crate) fn forget(transaction: &mut Transaction<'_>, namespace: &NamespaceName, version: Version) {
    transaction.side_delete(VERSIONS, &row_key(namespace, version));
}

fn row_key(namespace: &NamespaceName, version: Version) -> Vec<u8> {
    let mut key = namespace.as_str().as_bytes().to_vec();
    key.push(0x00);
    key.extend_from_slice(&version.get().to_be_bytes());
    key
}

fn row(revision: Revision) -> Bytes {
    let mut row = vec![FORMAT];
    row.extend_from_slice(&revision.get().to_be_bytes());
    row.into()
}

fn parse(row: &[u8]) -> Option<Revision> {
    let number = row.strip_prefix(&[FORMAT])?.try_into().map(u64::from_be_bytes).ok()?;
    is_count(number).then_some(Revision::new(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_bytes() {
        let namespace = NamespaceName::parse("a/b").unwrap();
        let key = VERSIONS.row_key(&row_key(&namespace, Version::new(258)));
        assert_eq!(key.as_ref(), b"\x10a/b\0\0\0\0\0\0\0\x01\x02");
        assert_eq!(row(Revision::new(7)).as_ref(), b"\x01\0\0\0\0\0\0\0\x07");
    }

    #[test]
    fn only_its_own_format_is_read() {
        assert_eq!(parse(&row(Revision::new(7))), Some(Revision::new(7)));
        assert_eq!(parse(b"\x02\0\0\0\0\0\0\0\x07"), None);
        assert_eq!(parse(b"\x01\0"), None);
    }
}
