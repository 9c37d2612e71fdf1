//! Keys of which only the present is ever read: settings, defaults, tags and snapshots. What they were before goes
//! when they change, so that they take no more however often they do.

use bytes::Bytes;
use conclave_mvcc::{KeyRange, MapError, Transaction};

/// Sets a key; `kind` is the range of all keys of its kind.
pub(crate) fn put(
    transaction: &mut Transaction<'_>,
    kind: &KeyRange,
    key: Bytes,
    value: Bytes,
) -> Result<(), MapError> {
    transaction.put(key.clone(), value, Bytes::new())?;
    transaction.forget_past(kind, key)
}

/// Deletes a key.
pub(crate) fn delete(transaction: &mut Transaction<'_>, kind: &KeyRange, key: Bytes) -> Result<(), MapError> {
    transaction.delete(key.clone())?;
    transaction.forget_past(kind, key)
}
