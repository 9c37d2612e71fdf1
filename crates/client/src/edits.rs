//! Makes the edits of a commit, without the nesting of the generated types.

use std::collections::BTreeMap;

use bytes::Bytes;
use conclave_proto::config::v1::{DeleteItem, Edit, PutItem, edit::Action};

/// Sets `key` to plain text.
pub fn put(key: impl Into<String>, value: impl Into<String>) -> Edit {
    put_bytes(key, Bytes::from(value.into()), "text/plain")
}

/// Sets `key` to any bytes of the media type `content_type`, without labels.
pub fn put_bytes(key: impl Into<String>, value: impl Into<Bytes>, content_type: impl Into<String>) -> Edit {
    let item = PutItem { value: value.into(), content_type: content_type.into(), labels: BTreeMap::new() };
    Edit { key: key.into(), action: Some(Action::Put(item)), expected_mod_revision: None }
}

/// Deletes `key`, which must exist.
pub fn delete(key: impl Into<String>) -> Edit {
    Edit { key: key.into(), action: Some(Action::Delete(DeleteItem {})), expected_mod_revision: None }
}
