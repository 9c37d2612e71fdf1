//! How a lease is kept: under `conclave/lease/<id, 16 hexadecimal digits>`; only what it is now.

use std::collections::BTreeMap;

use bytes::Bytes;
use conclave_mvcc::{KeyRange, MapError, Record, Transaction};
use serde::{Deserialize, Serialize};

use super::outcome::LeaseInfo;
use crate::encoding;
use crate::ids::LeaseId;

const FORMAT: u8 = 1;
const LEASES: &str = "conclave/lease/";

#[derive(Serialize, Deserialize)]
struct LeaseRecord {
    ttl_ms: u64,
    remaining_ms: Option<u64>,
    owner: String,
    metadata: BTreeMap<String, String>,
    granted_ms: i64,
}

/// All leases.
pub(super) fn all() -> KeyRange {
    KeyRange::prefix(LEASES)
}

/// The key of a lease.
pub(super) fn key(id: LeaseId) -> Bytes {
    format!("{LEASES}{:016x}", id.get()).into()
}

/// The lease under `key`.
pub(super) fn id_of_key(key: &[u8]) -> Result<LeaseId, MapError> {
    key.strip_prefix(LEASES.as_bytes())
        .and_then(|digits| str::from_utf8(digits).ok())
        .and_then(|digits| u64::from_str_radix(digits, 16).ok())
        .and_then(LeaseId::new)
        .ok_or_else(|| MapError::damaged("a lease without an id", key))
}

pub(super) fn put(transaction: &mut Transaction<'_>, lease: &LeaseInfo) -> Result<(), MapError> {
    transaction.put_present(key(lease.id), encode(lease))
}

pub(super) fn remove(transaction: &mut Transaction<'_>, id: LeaseId) -> Result<bool, MapError> {
    transaction.delete_present(key(id))
}

pub(super) fn encode(lease: &LeaseInfo) -> Bytes {
    let LeaseInfo { ttl_ms, remaining_ms, owner, metadata, granted_ms, .. } = lease.clone();
    encoding::encode(FORMAT, &LeaseRecord { ttl_ms, remaining_ms, owner, metadata, granted_ms })
}

pub(super) fn decode(id: LeaseId, record: &Record) -> Result<LeaseInfo, MapError> {
    let LeaseRecord { ttl_ms, remaining_ms, owner, metadata, granted_ms } =
        encoding::decode(FORMAT, &record.value)
            .map_err(|error| MapError::new(format_args!("lease {id}: {error}")))?;
    Ok(LeaseInfo { id, ttl_ms, remaining_ms, owner, metadata, granted_ms })
}
