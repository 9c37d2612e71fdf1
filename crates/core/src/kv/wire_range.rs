//! A range of keys in what is persisted: its start and its end.

use bytes::Bytes;
use conclave_mvcc::KeyRange;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub(super) fn serialize<S: Serializer>(range: &KeyRange, serializer: S) -> Result<S::Ok, S::Error> {
    (&range.start, &range.end).serialize(serializer)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<KeyRange, D::Error> {
    let (start, end) = <(Bytes, Bytes)>::deserialize(deserializer)?;
    Ok(KeyRange { start, end })
}
