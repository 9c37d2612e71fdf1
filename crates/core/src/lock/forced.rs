//! Releases by force, remembered: the last of each lock, of the newest [`REMEMBERED_MAX`] over all locks.

use bytes::Bytes;
use conclave_mvcc::{MapError, ReadMap, Transaction};

use super::outcome::ForcedRelease;
use crate::encoding::{decode, encode};
use crate::names::LockName;
use crate::tables::{FORCED, FORCED_ORDER};
use crate::totals::FORCED_RELEASES;

/// How many are remembered.
pub(super) const REMEMBERED_MAX: u64 = 1_000;

const FORMAT: u8 = 1;

/// Notes one, and forgets the one that is too old.
pub(super) fn note(
    transaction: &mut Transaction<'_>,
    name: &LockName,
    forced: &ForcedRelease,
) -> Result<(), MapError> {
    let sequence = FORCED_RELEASES.of(transaction)?;
    FORCED_RELEASES.set(transaction, sequence + 1);
    if let Some(oldest) = sequence.checked_sub(REMEMBERED_MAX) {
        forget(transaction, oldest)?;
    }
    let row = encode(FORMAT, &(sequence, forced));
    transaction.side_put(FORCED, name.as_str().as_bytes(), row);
    let name = Bytes::copy_from_slice(name.as_str().as_bytes());
    transaction.side_put(FORCED_ORDER, &sequence.to_be_bytes(), name);
    Ok(())
}

/// The last one of a lock; none if there was none, or it is forgotten.
pub(super) fn last(view: &dyn ReadMap, name: &LockName) -> Result<Option<ForcedRelease>, MapError> {
    let row = FORCED.get(view, name.as_str().as_bytes())?;
    row.map(|row| parse(&row).map(|(_, forced)| forced)).transpose()
}

fn forget(transaction: &mut Transaction<'_>, sequence: u64) -> Result<(), MapError> {
    let order = sequence.to_be_bytes();
    let Some(name) = transaction.side_get(FORCED_ORDER, &order)? else { return Ok(()) };
    transaction.side_delete(FORCED_ORDER, &order);
    let row = transaction.side_get(FORCED, &name)?;
    // A newer one of the same lock stays.
    if row.map(|row| parse(&row)).transpose()?.is_some_and(|(noted, _)| noted == sequence) {
        transaction.side_delete(FORCED, &name);
    }
    Ok(())
}

fn parse(row: &[u8]) -> Result<(u64, ForcedRelease), MapError> {
    decode(FORMAT, row).map_err(|error| MapError::new(format_args!("release by force: {error}")))
}
