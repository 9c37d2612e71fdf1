//! At which revision a namespace's version was made: a side table, so that it is one lookup.

use bytes::Bytes;
use conclave_mvcc::{MapError, ReadMap, Revision, Transaction};

use super::head::Head;
use super::stop::Stop;
use crate::names::NamespaceName;
use crate::rejection::Rejection;
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
        None => Err(Stop::Rejected(Rejection::VersionNotFound {
            namespace: namespace.to_string(),
            version: version.get(),
            newest: head.version.get(),
        })),
    }
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
    let number = row.strip_prefix(&[FORMAT])?.try_into().ok()?;
    Some(Revision::new(u64::from_be_bytes(number)))
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
