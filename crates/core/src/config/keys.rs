//! Where the configuration lies in the keyspace.

use bytes::Bytes;
use conclave_mvcc::{KeyRange, MapError};

use crate::names::{ItemKey, NamespaceName, PinName};

const ITEMS: &str = "conclave/config/";
const HEADS: &str = "conclave/namespace/";
const SETTINGS: &str = "conclave/settings/";
const TAGS: &str = "conclave/tag/";
const SNAPSHOTS: &str = "conclave/snapshot/";
/// What holds for namespaces that do not say otherwise.
pub(crate) const DEFAULTS: &[u8] = b"conclave/defaults";
/// Ends a namespace's name: its segments are never empty, so it holds no such thing itself.
const END_OF_NAME: &str = "//";

/// The key of a namespace's head.
pub(crate) fn head_key(namespace: &NamespaceName) -> Bytes {
    [HEADS, namespace.as_str()].concat().into()
}

/// The heads of all namespaces whose names begin with `prefix`.
pub(crate) fn heads(prefix: &str) -> KeyRange {
    KeyRange::prefix([HEADS, prefix].concat())
}

/// `range` without the heads of names up to and including `name`.
pub(crate) fn heads_after(range: &KeyRange, name: &str) -> KeyRange {
    range.after([HEADS, name].concat().as_bytes())
}

/// The namespace whose head lies under `key`.
pub(crate) fn namespace_of_head(key: &[u8]) -> Result<NamespaceName, MapError> {
    key.strip_prefix(HEADS.as_bytes())
        .and_then(|name| str::from_utf8(name).ok())
        .and_then(|name| NamespaceName::parse(name).ok())
        .ok_or_else(|| MapError::damaged("a head without a name", key))
}

/// The key of a namespace's settings.
pub(crate) fn settings_key(namespace: &NamespaceName) -> Bytes {
    [SETTINGS, namespace.as_str()].concat().into()
}

/// The settings of all namespaces.
pub(crate) fn all_settings() -> KeyRange {
    KeyRange::prefix(SETTINGS)
}

/// The key of a tag.
pub(crate) fn tag_key(namespace: &NamespaceName, tag: &PinName) -> Bytes {
    [TAGS, namespace.as_str(), END_OF_NAME, tag.as_str()].concat().into()
}

/// The tags of a namespace.
pub(crate) fn tags(namespace: &NamespaceName) -> KeyRange {
    KeyRange::prefix([TAGS, namespace.as_str(), END_OF_NAME].concat())
}

/// The tags of all namespaces.
pub(crate) fn all_tags() -> KeyRange {
    KeyRange::prefix(TAGS)
}

/// The name of the tag under `key`.
pub(crate) fn tag_of_key(namespace: &NamespaceName, key: &[u8]) -> Result<PinName, MapError> {
    pin_name(key, [TAGS, namespace.as_str(), END_OF_NAME].concat().as_bytes())
}

/// The key of a snapshot.
pub(crate) fn snapshot_key(snapshot: &PinName) -> Bytes {
    [SNAPSHOTS, snapshot.as_str()].concat().into()
}

/// All snapshots.
pub(crate) fn snapshots() -> KeyRange {
    KeyRange::prefix(SNAPSHOTS)
}

/// The name of the snapshot under `key`.
pub(crate) fn snapshot_of_key(key: &[u8]) -> Result<PinName, MapError> {
    pin_name(key, SNAPSHOTS.as_bytes())
}

fn pin_name(key: &[u8], prefix: &[u8]) -> Result<PinName, MapError> {
    key.strip_prefix(prefix)
        .and_then(|name| str::from_utf8(name).ok())
        .and_then(|name| PinName::parse(name).ok())
        .ok_or_else(|| MapError::damaged("a tag or snapshot without a name", key))
}

/// All items of namespaces whose names begin with `prefix`.
pub(crate) fn all_items(prefix: &str) -> KeyRange {
    KeyRange::prefix([ITEMS, prefix].concat())
}

/// The namespace and the local key of the item under `key`.
pub(crate) fn split_item_key(key: &[u8]) -> Result<(NamespaceName, String), MapError> {
    let damaged = || MapError::damaged("an item without a namespace", key);
    let text =
        key.strip_prefix(ITEMS.as_bytes()).and_then(|rest| str::from_utf8(rest).ok()).ok_or_else(damaged)?;
    let (namespace, local) = text.split_once(END_OF_NAME).ok_or_else(damaged)?;
    Ok((NamespaceName::parse(namespace).map_err(|_| damaged())?, local.to_owned()))
}

/// The key of an item.
pub(crate) fn item_key(namespace: &NamespaceName, key: &ItemKey) -> Bytes {
    item_prefix(namespace, key.as_str()).into()
}

/// The items of a namespace whose keys begin with `prefix`.
pub(crate) fn items(namespace: &NamespaceName, prefix: &str) -> KeyRange {
    KeyRange::prefix(item_prefix(namespace, prefix))
}

/// The same without those whose keys come up to and including `after`.
pub(crate) fn items_after(namespace: &NamespaceName, prefix: &str, after: Option<&str>) -> KeyRange {
    let range = items(namespace, prefix);
    match after {
        Some(key) => range.after(item_prefix(namespace, key).as_bytes()),
        None => range,
    }
}

/// The item's own key, as its namespace knows it.
pub(crate) fn local_key(namespace: &NamespaceName, key: &[u8]) -> Result<String, MapError> {
    key.strip_prefix(item_prefix(namespace, "").as_bytes())
        .and_then(|key| str::from_utf8(key).ok())
        .map(str::to_owned)
        .ok_or_else(|| MapError::damaged("an item without a key", key))
}

fn item_prefix(namespace: &NamespaceName, key: &str) -> String {
    [ITEMS, namespace.as_str(), END_OF_NAME, key].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> NamespaceName {
        NamespaceName::parse(text).unwrap()
    }

    #[test]
    fn golden_keys() {
        let key = ItemKey::parse("db.url", 512).unwrap();
        assert_eq!(item_key(&name("payments/prod"), &key), "conclave/config/payments/prod//db.url");
        assert_eq!(head_key(&name("payments/prod")), "conclave/namespace/payments/prod");
    }

    #[test]
    fn no_namespace_holds_items_of_another() {
        let range = items(&name("a"), "");
        for other in ["a/b", "a-b", "ab", "A"] {
            let key = item_key(&name(other), &ItemKey::parse("/k", 512).unwrap());
            assert!(!range.contains(&key), "{other}");
        }
    }

    #[test]
    fn names_are_read_back() {
        let namespace = name("a/b");
        let key = item_key(&namespace, &ItemKey::parse("/odd//key", 512).unwrap());
        assert_eq!(local_key(&namespace, &key), Ok("/odd//key".to_owned()));
        assert!(local_key(&name("a"), &key).is_err());
        assert_eq!(namespace_of_head(&head_key(&namespace)), Ok(namespace));
        assert!(namespace_of_head(b"conclave/namespace/a//b").is_err());
    }
}
