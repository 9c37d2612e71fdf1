//! Numbers of the whole store, one row each.

use bytes::Bytes;
use conclave_mvcc::{MapError, ReadMap, Transaction};

use crate::encoding::is_count;
use crate::tables::TOTALS;

/// How many namespaces exist.
pub(crate) const NAMESPACES: Total = Total("namespaces");
/// How many leases there are.
pub(crate) const LEASES: Total = Total("leases");
/// The greatest fencing token that was given out.
pub(crate) const LAST_TOKEN: Total = Total("last-token");

/// How many releases by force there were.
pub(crate) const FORCED_RELEASES: Total = Total("forced-releases");
/// How many users there are.
pub(crate) const USERS: Total = Total("users");
/// How many roles there are.
pub(crate) const ROLES: Total = Total("roles");

/// One of the numbers, by its name. Zero until it is set.
pub(crate) struct Total(&'static str);

impl Total {
    /// As the transaction sees it.
    pub(crate) fn of(&self, transaction: &Transaction<'_>) -> Result<u64, MapError> {
        self.parse(transaction.side_get(TOTALS, self.0.as_bytes())?)
    }

    /// As the view has it.
    pub(crate) fn in_view(&self, view: &dyn ReadMap) -> Result<u64, MapError> {
        self.parse(TOTALS.get(view, self.0.as_bytes())?)
    }

    pub(crate) fn set(&self, transaction: &mut Transaction<'_>, number: u64) {
        transaction.side_put(TOTALS, self.0.as_bytes(), Bytes::copy_from_slice(&number.to_be_bytes()));
    }

    /// Counts one more.
    pub(crate) fn raise(&self, transaction: &mut Transaction<'_>) -> Result<(), MapError> {
        let number = self.of(transaction)?;
        self.set(transaction, number + 1);
        Ok(())
    }

    /// Counts one less.
    pub(crate) fn lower(&self, transaction: &mut Transaction<'_>) -> Result<(), MapError> {
        let number = self.of(transaction)?;
        self.set(transaction, number.saturating_sub(1));
        Ok(())
    }

    fn parse(&self, row: Option<Bytes>) -> Result<u64, MapError> {
        let Some(row) = row else { return Ok(0) };
        let number = row.as_ref().try_into().map(u64::from_be_bytes).ok().filter(|number| is_count(*number));
        number.ok_or_else(|| MapError::damaged("no count", self.0.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use conclave_mvcc::{MemoryMap, WriteSet};

    use super::*;

    #[test]
    fn what_cannot_have_been_counted_is_damage() {
        for (number, is_read) in [(0, true), (7, true), (u64::MAX / 2, true), (u64::MAX, false)] {
            let mut writes = WriteSet::default();
            writes.put(TOTALS.row_key(b"leases"), Bytes::copy_from_slice(&u64::to_be_bytes(number)));
            let mut map = MemoryMap::default();
            map.write(&writes);
            assert_eq!(LEASES.in_view(&map).ok(), is_read.then_some(number));
        }
    }
}
