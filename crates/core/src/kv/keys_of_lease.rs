//! From a lease to the keys that hang on it: the rows of the side table [`LEASED_KEYS`], each the lease (8) and the
//! key, without a value.

use bytes::Bytes;
use conclave_mvcc::{MapError, ReadMap, Transaction};

use crate::ids::LeaseId;
use crate::tables::LEASED_KEYS;

/// Notes that a key hangs on another lease than before, or on none.
pub(super) fn moved(
    transaction: &mut Transaction<'_>,
    key: &[u8],
    before: Option<LeaseId>,
    now: Option<LeaseId>,
) {
    if before == now {
        return;
    }
    if let Some(before) = before {
        transaction.side_delete(LEASED_KEYS, &row_key(before, key));
    }
    if let Some(now) = now {
        transaction.side_put(LEASED_KEYS, &row_key(now, key), Bytes::new());
    }
}

/// Ends what hangs on a lease: deletes its keys, as they were before the transaction; tells how many.
pub(crate) fn end(transaction: &mut Transaction<'_>, lease: LeaseId) -> Result<u64, MapError> {
    let keys = keys_of(transaction.view(), lease, usize::MAX)?;
    for key in &keys {
        transaction.delete(key.clone())?;
        moved(transaction, key, Some(lease), None);
    }
    Ok(keys.len() as u64)
}

/// How many keys hang on a lease, up to a bound.
pub(crate) fn count(view: &dyn ReadMap, lease: LeaseId, keys_max: usize) -> Result<u64, MapError> {
    Ok(keys_of(view, lease, keys_max)?.len() as u64)
}

/// The keys that hang on a lease, in order, at most so many.
///
/// # Errors
/// The map cannot be read.
pub fn keys_of(view: &dyn ReadMap, lease: LeaseId, keys_max: usize) -> Result<Vec<Bytes>, MapError> {
    let prefix = LEASED_KEYS.row_key(&lease.get().to_be_bytes());
    let mut rows = view.cursor();
    rows.seek(&prefix)?;
    let mut keys = Vec::new();
    while keys.len() < keys_max
        && let Some(key) = rows.key().and_then(|row| row.strip_prefix(prefix.as_ref()))
    {
        keys.push(Bytes::copy_from_slice(key));
        rows.advance()?;
    }
    Ok(keys)
}

fn row_key(lease: LeaseId, key: &[u8]) -> Vec<u8> {
    [lease.get().to_be_bytes().as_slice(), key].concat()
}
