//! The items of a namespace at one version, and how the next version is made of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use conclave_proto::config::v1::Item;
use serde::de::DeserializeOwned;

use super::error::ViewError;
use super::value::ValueDeserializer;
use super::view;
use crate::watch::{NamespaceState, VersionChange};

/// All items of a namespace at one version.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Content {
    namespace: String,
    version: u64,
    revision: u64,
    deleted: bool,
    items: BTreeMap<String, Arc<Item>>,
}

impl Content {
    /// The content that a watch told as the state at `revision`.
    pub fn from_state(state: NamespaceState, revision: u64) -> Self {
        let items = state.items.into_iter().map(|item| (item.key.clone(), Arc::new(item))).collect();
        let NamespaceState { namespace, version, deleted, .. } = state;
        Self { namespace, version, revision, deleted, items }
    }

    /// The content after one more version.
    pub(super) fn after(&self, change: VersionChange) -> Self {
        let mut items = self.items.clone();
        for changed in change.changes {
            match changed.after {
                Some(item) => drop(items.insert(changed.key, Arc::new(item))),
                None => drop(items.remove(&changed.key)),
            }
        }
        Self {
            namespace: self.namespace.clone(),
            version: change.version.version,
            revision: change.version.revision,
            deleted: change.version.deleted_namespace,
            items,
        }
    }

    /// Name of the namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Its version.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// A revision of the store at which this was the content.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Whether the namespace was deleted. There are no items then.
    pub fn is_deleted(&self) -> bool {
        self.deleted
    }

    /// One item.
    pub fn get(&self, key: &str) -> Option<&Item> {
        self.items.get(key).map(AsRef::as_ref)
    }

    /// All items in order of key.
    pub fn items(&self) -> impl ExactSizeIterator<Item = &Item> {
        self.items.values().map(AsRef::as_ref)
    }

    /// An item's value as a type of the program's: text, a number, a boolean, or whatever the JSON in it
    /// says. None if there is no such item.
    pub fn get_as<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, ViewError> {
        self.get(key).map(|item| T::deserialize(ValueDeserializer(item))).transpose()
    }

    /// The whole namespace as one type. Keys are places in it, as everywhere in Conclave: a dot leads
    /// into a struct or map, a number in brackets into a list, as in `servers[0].name`. Values are read
    /// as the fields' types ask: text as it is, numbers and booleans from their text, all else from JSON.
    ///
    /// # Errors
    /// If a value does not fit its field, a field without default has no item, or two items claim one
    /// place. The error names the key, and never a value.
    pub fn view<T: DeserializeOwned>(&self) -> Result<T, ViewError> {
        view::of(self.items())
    }

    /// The keys whose items differ from those of `other`, in order.
    pub(super) fn differences(&self, other: &Self) -> Vec<String> {
        let differs = |key: &&String| {
            let (ours, theirs) = (self.items.get(*key), other.items.get(*key));
            match (ours, theirs) {
                (Some(ours), Some(theirs)) => !Arc::ptr_eq(ours, theirs) && ours != theirs,
                _ => true,
            }
        };
        let only_theirs = other.items.keys().filter(|key| !self.items.contains_key(*key));
        let mut keys: Vec<String> = self.items.keys().filter(differs).chain(only_theirs).cloned().collect();
        keys.sort_unstable();
        keys
    }

    /// The content without the promise that the namespace is still there, for the file.
    pub(super) fn state(&self) -> NamespaceState {
        NamespaceState {
            namespace: self.namespace.clone(),
            version: self.version,
            deleted: self.deleted,
            items: self.items().cloned().collect(),
        }
    }
}

#[cfg(test)]
pub(super) mod samples {
    use conclave_proto::config::v1::{ItemChange, Version};

    use super::*;

    pub(in crate::cache) fn item(key: &str, value: &str) -> Item {
        Item { key: key.into(), value: value.to_owned().into(), ..Default::default() }
    }

    pub(in crate::cache) fn content(version: u64, items: &[(&str, &str)]) -> Content {
        let items = items.iter().map(|(key, value)| item(key, value)).collect();
        let state = NamespaceState { namespace: "shop".into(), version, deleted: false, items };
        Content::from_state(state, version + 100)
    }

    /// Changes of one version; a key without a value is deleted.
    pub(in crate::cache) fn change(version: u64, items: &[(&str, Option<&str>)]) -> VersionChange {
        let changed = |(key, value): &(&str, Option<&str>)| ItemChange {
            key: (*key).into(),
            after: value.map(|value| item(key, value)),
            ..Default::default()
        };
        VersionChange {
            namespace: "shop".into(),
            version: Version { version, revision: version + 100, ..Default::default() },
            changes: items.iter().map(changed).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::samples::{change, content};

    #[test]
    fn a_version_changes_what_it_names_and_leaves_the_rest() {
        let before = content(7, &[("a", "1"), ("b", "2"), ("c", "3")]);
        let after = before.after(change(8, &[("b", Some("20")), ("c", None), ("d", Some("4"))]));
        assert_eq!(after, content(8, &[("a", "1"), ("b", "20"), ("d", "4")]));
        assert_eq!(after.differences(&before), ["b", "c", "d"]);
        assert_eq!(before.differences(&after), ["b", "c", "d"]);
        assert_eq!(
            before.differences(&content(9, &[("a", "1"), ("b", "2"), ("c", "3")])),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_deletion_empties_it_and_a_rollback_fills_it_again() {
        let before = content(7, &[("a", "1")]);
        let mut deletion = change(8, &[("a", None)]);
        deletion.version.deleted_namespace = true;
        let deleted = before.after(deletion);
        assert!(deleted.is_deleted() && deleted.items().len() == 0);
        let again = deleted.after(change(9, &[("a", Some("1"))]));
        assert!(!again.is_deleted() && again.get("a").is_some());
    }
}
