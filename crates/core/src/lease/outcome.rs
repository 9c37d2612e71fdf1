//! What commands about leases lead to, and what is known of a lease.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::LeaseId;

/// What a command about leases led to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LeaseOutcome {
    /// A lease was made.
    Granted(LeaseInfo),
    /// A lease was ended.
    Revoked {
        /// How many tickets ended with it.
        tickets: u64,
    },
    /// Leases that were not renewed in time were ended.
    Expired {
        /// How many.
        leases: u64,
        /// How many were left for another entry, for what hangs on them.
        left: u64,
    },
    /// It was noted how much is left.
    Checkpointed {
        /// Of how many.
        leases: u64,
    },
}

/// What is known of a lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseInfo {
    /// Its id.
    pub id: LeaseId,
    /// How long it lives without being renewed, in milliseconds.
    pub ttl_ms: u64,
    /// How much of that was left when it was last noted, in milliseconds; none: all of it.
    pub remaining_ms: Option<u64>,
    /// Whose it is, for people.
    pub owner: String,
    /// Whatever else is to be known of it.
    pub metadata: BTreeMap<String, String>,
    /// When it was made: milliseconds since 1970-01-01 UTC.
    pub granted_ms: i64,
}

impl LeaseInfo {
    /// How long a new leader must let it live, in milliseconds.
    pub fn left_ms(&self) -> u64 {
        self.remaining_ms.unwrap_or(self.ttl_ms).min(self.ttl_ms)
    }

    /// Roughly what it takes on the wire.
    pub fn size_bytes(&self) -> usize {
        let metadata = self.metadata.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
        64 + self.owner.len() + metadata
    }
}
