//! The running digest: a hash chain over everything that was applied.
//!
//! Two nodes that applied the same entries have the same digest; one that differs holds wrong data.

use std::fmt;

use conclave_mvcc::{MapError, ReadMap};

use crate::ledger::Ledger;

/// The digest of all entries applied so far. Shown as 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 16]);

impl Digest {
    /// The digest with these bytes.
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:032x}", u128::from_be_bytes(self.0))
    }
}

/// Index of the last entry that was applied to this view: the one that its [`digest`] belongs to. Of an empty
/// one, zero.
///
/// # Errors
/// If the map cannot be read.
pub fn applied_index(view: &dyn ReadMap) -> Result<u64, MapError> {
    Ledger::read(view).map(|ledger| ledger.index)
}

/// When the newest entry that was applied to this view was stamped: milliseconds since 1970-01-01 UTC. Of an
/// empty one, zero.
///
/// # Errors
/// If the map cannot be read.
pub fn applied_time_ms(view: &dyn ReadMap) -> Result<i64, MapError> {
    Ledger::read(view).map(|ledger| ledger.time_ms)
}

/// The digest of everything that was applied to this view; of an empty one, zero.
///
/// # Errors
/// If the map cannot be read.
pub fn digest(view: &dyn ReadMap) -> Result<Digest, MapError> {
    Ledger::read(view).map(|ledger| ledger.digest)
}
