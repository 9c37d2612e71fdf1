//! How far the collection of a namespace has come.

use bytes::Bytes;
use conclave_mvcc::{MapError, ReadMap, Transaction};
use serde::{Deserialize, Serialize};

use crate::encoding::{decode, encode};
use crate::names::NamespaceName;
use crate::tables::COLLECTION;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_bytes() {
        let golden: [(Stage, &[u8]); 3] = [
            (Stage::Idle, b"\x01\xac\x02\x00"),
            (Stage::Dropping, b"\x01\xac\x02\x01"),
            (Stage::Sweeping("k".into()), b"\x01\xac\x02\x02\x01k"),
        ];
        for (stage, bytes) in golden {
            let progress = Progress { floor: Version::new(300), stage };
            assert_eq!(encode(FORMAT, &progress).as_ref(), bytes);
        }
    }
}
