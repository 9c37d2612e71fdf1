//! Items and changes as programs get them, in JSON and YAML.
//!
//! A value that is UTF-8 comes as `value`, any other as `value_base64`; never both.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use conclave_client::config::{ChangeKind, Item, ItemChange, Version};
use serde::ser::{Serialize, SerializeMap as _, Serializer};

use crate::cli::text;

/// An item.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::cli) struct ItemView(pub(in crate::cli) Item);

impl Serialize for ItemView {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let item = &self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("key", &item.key)?;
        match std::str::from_utf8(&item.value) {
            Ok(text) => map.serialize_entry("value", text)?,
            Err(_) => map.serialize_entry("value_base64", &BASE64.encode(&item.value))?,
        }
        map.serialize_entry("content_type", &item.content_type)?;
        map.serialize_entry("labels", &item.labels)?;
        map.serialize_entry("create_revision", &item.create_revision)?;
        map.serialize_entry("mod_revision", &item.mod_revision)?;
        map.serialize_entry("change_count", &item.change_count)?;
        map.end()
    }
}

/// How an item differs from before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::cli) enum Kind {
    Added,
    Changed,
    Deleted,
}

impl From<ChangeKind> for Kind {
    fn from(kind: ChangeKind) -> Self {
        match kind {
            ChangeKind::Added => Self::Added,
            ChangeKind::Deleted => Self::Deleted,
            ChangeKind::Changed | ChangeKind::Unspecified => Self::Changed,
        }
    }
}

/// An item before and after.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub(in crate::cli) struct ChangeView {
    pub(in crate::cli) key: String,
    pub(in crate::cli) kind: Kind,
    /// None: it did not exist.
    pub(in crate::cli) before: Option<ItemView>,
    /// None: it exists no longer.
    pub(in crate::cli) after: Option<ItemView>,
}

impl From<ItemChange> for ChangeView {
    fn from(change: ItemChange) -> Self {
        let kind = change.kind().into();
        let (before, after) = (change.before.map(ItemView), change.after.map(ItemView));
        Self { key: change.key, kind, before, after }
    }
}

/// A version.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub(in crate::cli) struct VersionView {
    pub(in crate::cli) version: u64,
    pub(in crate::cli) revision: u64,
    pub(in crate::cli) time: String,
    pub(in crate::cli) author: String,
    pub(in crate::cli) message: String,
    /// The version whose content this one restored.
    pub(in crate::cli) rollback_of: Option<u64>,
    pub(in crate::cli) deleted_namespace: bool,
    pub(in crate::cli) added: u32,
    pub(in crate::cli) changed: u32,
    pub(in crate::cli) deleted: u32,
    /// What changed, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) keys: Option<Vec<KeyView>>,
}

/// That a key changed, and how.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub(in crate::cli) struct KeyView {
    pub(in crate::cli) key: String,
    pub(in crate::cli) kind: Kind,
}

impl VersionView {
    /// A version, with the keys that it changed or without.
    pub(in crate::cli) fn of(version: Version, with_keys: bool) -> Self {
        let keys = version.changes.iter().map(|it| KeyView { key: it.key.clone(), kind: it.kind().into() });
        Self {
            version: version.version,
            revision: version.revision,
            time: text::time(version.time_ms),
            rollback_of: Some(version.rollback_of).filter(|number| *number != 0),
            deleted_namespace: version.deleted_namespace,
            added: version.added,
            changed: version.changed,
            deleted: version.deleted,
            keys: with_keys.then(|| keys.collect()),
            author: version.author,
            message: version.message,
        }
    }
}

#[cfg(test)]
pub(in crate::cli) mod samples {
    //! Items and changes for tests.

    use super::{ChangeKind, ChangeView, Item, ItemChange};

    /// A plain item.
    pub(in crate::cli::config) fn item(key: &str, value: impl AsRef<[u8]>) -> Item {
        Item {
            key: key.into(),
            value: value.as_ref().to_vec().into(),
            content_type: "text/plain".into(),
            create_revision: 3,
            mod_revision: 5,
            change_count: 2,
            ..Item::default()
        }
    }

    /// A change from one value to another.
    pub(in crate::cli::config) fn change(key: &str, before: Option<&str>, after: Option<&str>) -> ItemChange {
        let kind = match (before, after) {
            (None, _) => ChangeKind::Added,
            (_, None) => ChangeKind::Deleted,
            _ => ChangeKind::Changed,
        };
        let item = |value: &str| item(key, value);
        ItemChange { key: key.into(), kind: kind.into(), before: before.map(item), after: after.map(item) }
    }

    /// The same, as programs get it.
    pub(in crate::cli) fn view(key: &str, before: Option<&str>, after: Option<&str>) -> ChangeView {
        change(key, before, after).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_comes_as_it_is_and_bytes_as_base64() {
        let json =
            |value: &[u8]| serde_json::to_string(&ItemView(samples::item("k", value))).expect("plain data");
        assert_eq!(
            json(b"v\"1"),
            r#"{"key":"k","value":"v\"1","content_type":"text/plain","labels":{},"create_revision":3,"mod_revision":5,"change_count":2}"#
        );
        assert!(json(&[0xff, 0]).contains(r#""value_base64":"/wA=""#));
    }

    #[test]
    fn a_side_that_does_not_exist_is_null() {
        let json = serde_json::to_value(samples::view("k", None, Some("v"))).expect("plain data");
        assert_eq!((json["kind"].as_str(), json["before"].is_null()), (Some("added"), true));
        assert_eq!(json["after"]["value"], "v");
    }

    #[test]
    fn a_version_that_is_no_rollback_says_so() {
        let version = Version { version: 7, author: "ada".into(), ..Version::default() };
        let json = serde_json::to_value(VersionView::of(version, false)).expect("plain data");
        assert_eq!((json["version"].as_u64(), json["rollback_of"].is_null()), (Some(7), true));
        assert_eq!(json["time"], "1970-01-01T00:00:00.000Z");
        assert!(json.get("keys").is_none());
    }
}
