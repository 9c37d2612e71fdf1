//! Writes that wait to be written.

use std::collections::BTreeMap;

use bytes::Bytes;

/// What is to be written to the map: for each key a value, or its deletion. In order of key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WriteSet {
    writes: BTreeMap<Bytes, Option<Bytes>>,
}

impl WriteSet {
    /// Sets `key` to `value`, whatever was to be done to it before.
    pub fn put(&mut self, key: Bytes, value: Bytes) {
        self.writes.insert(key, Some(value));
    }

    /// Deletes `key`, whatever was to be done to it before.
    pub fn delete(&mut self, key: Bytes) {
        self.writes.insert(key, None);
    }

    /// Adds `later`'s writes; of two to one key, the later wins.
    pub fn merge(&mut self, later: Self) {
        if self.writes.is_empty() {
            self.writes = later.writes;
        } else {
            self.writes.extend(later.writes);
        }
    }

    /// What is to be done to `key`: nothing (none), or a value, or a deletion (inner none).
    pub fn get(&self, key: &[u8]) -> Option<Option<&Bytes>> {
        self.writes.get(key).map(Option::as_ref)
    }

    /// Every write in order of key; no value means a deletion.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], Option<&Bytes>)> {
        self.writes.iter().map(|(key, value)| (key.as_ref(), value.as_ref()))
    }

    /// The writes from `key` on, for the merged cursor of a batch.
    pub(crate) fn iter_from<'a>(&'a self, key: &[u8]) -> Writes<'a> {
        use std::ops::Bound::{Included, Unbounded};
        self.writes.range::<[u8], _>((Included(key), Unbounded))
    }

    /// How many keys are written.
    pub fn len(&self) -> usize {
        self.writes.len()
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }
}

/// Writes in order of key.
pub(crate) type Writes<'a> = std::collections::btree_map::Range<'a, Bytes, Option<Bytes>>;
