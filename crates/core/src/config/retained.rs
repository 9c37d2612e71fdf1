//! How far the collection of a namespace has come, and which old versions it left.

use bytes::Bytes;
use conclave_mvcc::{MapError, Place, ReadMap, Revision, Transaction};
use serde::{Deserialize, Serialize};

use super::versions;
use crate::encoding::{decode, encode};
use crate::names::NamespaceName;
use crate::tables::{COLLECTION, KEPT};
use crate::version::Version;

const FORMAT: u8 = 1;

/// What was dropped of a namespace, and what is still to be removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// The oldest version of which all newer ones are kept; 0: nothing was ever dropped.
    pub(crate) floor: Version,
    pub(crate) stage: Stage,
}

/// What comes next.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Stage {
    /// Nothing, until there is something to drop.
    #[default]
    Idle,
    /// Versions below the floor are dropped: they can no longer be read.
    Dropping,
    /// What only they needed is removed, from this key on; empty: from the first.
    Sweeping(Bytes),
    /// Nothing, until there is something to drop. Which versions below the floor are kept is noted.
    Rested,
    /// Versions below the floor are dropped, from this one on. Which of those before it are kept is noted.
    DroppingFrom(Version),
    /// What only they needed is removed, from this place on; without a key: from the first. Which versions below the
    /// floor are kept is noted.
    SweepingFrom(Place),
}

impl Progress {
    /// How far the collection of a namespace has come.
    pub(crate) fn of(view: &dyn ReadMap, namespace: &NamespaceName) -> Result<Self, MapError> {
        let key = namespace.as_str().as_bytes();
        match COLLECTION.get(view, key)? {
            None => Ok(Self::default()),
            Some(row) => {
                decode(FORMAT, &row).map_err(|error| MapError::new(format_args!("collection: {error}")))
            }
        }
    }

    pub(crate) fn write(&self, transaction: &mut Transaction<'_>, namespace: &NamespaceName) {
        transaction.side_put(COLLECTION, namespace.as_str().as_bytes(), encode(FORMAT, self));
    }
}

/// The oldest version of which all newer ones are kept; 0: nothing was ever dropped.
pub(crate) fn floor(view: &dyn ReadMap, namespace: &NamespaceName) -> Result<Version, MapError> {
    Ok(Progress::of(view, namespace)?.floor)
}

/// Versions older than the oldest that are kept for what names them, or named them, with their revisions: the oldest
/// first. Those that a step noted: see [`Stage`].
pub(crate) fn noted(
    view: &dyn ReadMap,
    namespace: &NamespaceName,
) -> Result<Vec<(Version, Revision)>, MapError> {
    match KEPT.get(view, namespace.as_str().as_bytes())? {
        None => Ok(Vec::new()),
        Some(row) => {
            decode(FORMAT, &row).map_err(|error| MapError::new(format_args!("kept versions: {error}")))
        }
    }
}

/// Notes which versions are kept.
pub(crate) fn note(
    transaction: &mut Transaction<'_>,
    namespace: &NamespaceName,
    kept: &[(Version, Revision)],
) {
    transaction.side_put(KEPT, namespace.as_str().as_bytes(), encode(FORMAT, &kept));
}

/// All versions older than `before`, which is not above the floor, that are kept, with their revisions: the oldest
/// first. Where it was noted which they are, rows that were removed are not passed over.
pub(crate) fn kept_before(
    view: &dyn ReadMap,
    namespace: &NamespaceName,
    before: Version,
) -> Result<Vec<(Version, Revision)>, MapError> {
    let Progress { floor, stage } = Progress::of(view, namespace)?;
    let unknown_from = match stage {
        Stage::Idle | Stage::Dropping | Stage::Sweeping(_) => Version::ZERO,
        Stage::DroppingFrom(from) => from,
        Stage::Rested | Stage::SweepingFrom(_) => floor,
    };
    let mut kept = noted(view, namespace)?;
    kept.retain(|(version, _)| *version < before);
    kept.extend(versions::kept_between(view, namespace, (unknown_from, before), usize::MAX)?);
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use conclave_mvcc::{MemoryMap, Within};

    use super::*;

    #[test]
    fn golden_bytes() {
        let place = |within| Stage::SweepingFrom(Place { key: "k".into(), within });
        let within = Within { above: Revision::new(301), tombstones: vec![Revision::new(302)] };
        let golden: [(Stage, &[u8]); 7] = [
            (Stage::Idle, b"\x01\xac\x02\x00"),
            (Stage::Dropping, b"\x01\xac\x02\x01"),
            (Stage::Sweeping("k".into()), b"\x01\xac\x02\x02\x01k"),
            (Stage::Rested, b"\x01\xac\x02\x03"),
            (Stage::DroppingFrom(Version::new(5)), b"\x01\xac\x02\x04\x05"),
            (place(None), b"\x01\xac\x02\x05\x01k\x00"),
            (place(Some(within)), b"\x01\xac\x02\x05\x01k\x01\xad\x02\x01\xae\x02"),
        ];
        for (stage, bytes) in golden {
            let progress = Progress { floor: Version::new(300), stage };
            assert_eq!(encode(FORMAT, &progress).as_ref(), bytes);
        }
    }

    #[test]
    fn golden_bytes_of_what_is_kept() {
        let (namespace, map) = (NamespaceName::parse("a").unwrap(), MemoryMap::default());
        let kept = [(Version::new(3), Revision::new(300))];
        let mut transaction = Transaction::begin(&map).unwrap();
        note(&mut transaction, &namespace, &kept);
        let writes = transaction.seal().writes;
        let rows: Vec<_> = writes.iter().map(|(key, row)| (key.to_vec(), row.unwrap().to_vec())).collect();
        assert_eq!(rows, [(b"\x1aa".to_vec(), b"\x01\x01\x03\xac\x02".to_vec())]);
        let mut map = MemoryMap::default();
        map.write(&writes);
        assert_eq!(noted(&map, &namespace).unwrap(), kept);
    }
}
