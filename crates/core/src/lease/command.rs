//! Commands about leases.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::LeaseId;

/// A change of leases.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LeaseCommand {
    /// Makes a lease.
    Grant(GrantLease),
    /// Ends a lease, and all that hangs on it.
    Revoke(RevokeLease),
    /// The same for leases that were not renewed in time.
    Expire(ExpireLeases),
    /// Notes how much is left of leases, for the next leader.
    Checkpoint(CheckpointLeases),
}

/// Makes a lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantLease {
    /// Its id, which nobody has yet.
    pub id: LeaseId,
    /// How long it lives without being renewed, in milliseconds.
    pub ttl_ms: u64,
    /// Whose it is, for people.
    pub owner: String,
    /// Whatever else is to be known of it.
    pub metadata: BTreeMap<String, String>,
}

/// Ends a lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokeLease {
    /// Which.
    pub id: LeaseId,
}

/// Ends leases that were not renewed in time, as far as one entry goes. Only the leader of the term knows that: in
/// an entry of another one it is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpireLeases {
    /// The term of whoever found out.
    pub term: u64,
    /// Which. Those that are gone already are passed over.
    pub ids: Vec<LeaseId>,
}

/// Notes how much is left of leases. Refused in an entry of another term.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckpointLeases {
    /// The term of whoever measured.
    pub term: u64,
    /// Which, and how much is left in milliseconds; none: all of it. Those that are gone are passed over.
    pub remaining: Vec<(LeaseId, Option<u64>)>,
}
