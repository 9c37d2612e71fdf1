//! Items: what they hold, and how that is kept.

use std::collections::BTreeMap;

use bytes::Bytes;
use conclave_mvcc::{MapError, Record, Revision};
use serde::{Deserialize, Serialize};

use crate::encoding::{decode, encode};

const FORMAT: u8 = 1;

/// What an item holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemContent {
    /// Any bytes.
    pub value: Bytes,
    /// What they are, as a media type.
    pub content_type: String,
    /// For people and tools; they mean nothing to the store.
    pub labels: BTreeMap<String, String>,
}

/// An item at some moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Key within the namespace.
    pub key: String,
    /// What it holds.
    pub content: ItemContent,
    /// When it came to be, after it last did not exist.
    pub create_revision: Revision,
    /// When it last changed.
    pub mod_revision: Revision,
    /// How many changes it has had since `create_revision`, from 1.
    pub change_count: u64,
}

impl ItemContent {
    /// Content type and labels as they lie beside the value, which lies there as it is.
    pub(crate) fn annotations(&self) -> Bytes {
        encode(FORMAT, &(&self.content_type, &self.labels))
    }
}

impl Item {
    /// The item that a record keeps.
    pub(crate) fn decode(key: String, record: Record) -> Result<Self, MapError> {
        let (content_type, labels) = decode(FORMAT, &record.annotations)
            .map_err(|error| MapError::new(format_args!("annotations of an item: {error}")))?;
        Ok(Self {
            key,
            content: ItemContent { value: record.value, content_type, labels },
            create_revision: record.create_revision,
            mod_revision: record.mod_revision,
            change_count: record.version,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_bytes_of_annotations() {
        let content = ItemContent {
            value: "not among them".into(),
            content_type: "text/plain".into(),
            labels: [("b".into(), "2".into()), ("a".into(), "1".into())].into(),
        };
        assert_eq!(content.annotations().as_ref(), b"\x01\x0atext/plain\x02\x01a\x011\x01b\x012");
    }
}
