//! What keys are that were looked up or written lately, so that the next transaction need not search the map for it.
//!
//! It holds what the map holds, never anything else: whatever is written to the rows of versions goes through
//! [`Recent::take_in`], in the order in which the map gets it. Whoever replaces the map clears it.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::{MapError, Record, Revision, WriteSet, record, rows};

/// What an entry takes beside its bytes, about.
const ENTRY_SIZE_BYTES: usize = 128;

/// The newest versions of some keys, up to a size; of those that were not used for the longest time the older half goes.
#[derive(Debug)]
pub struct Recent {
    /// Used since the others became old.
    young: Generation,
    old: Generation,
    /// So many bytes make the young ones old.
    size_bytes_max: usize,
}

#[derive(Debug, Default)]
struct Generation {
    /// By the prefix of the key's version rows.
    versions: BTreeMap<Box<[u8]>, Version>,
    size_bytes: usize,
}

/// The newest version row of a key; none: the key has none.
type Version = Option<(Revision, Bytes)>;

impl Recent {
    /// Nothing yet; up to about so many bytes.
    pub fn new(size_bytes_max: usize) -> Self {
        Self { young: Generation::default(), old: Generation::default(), size_bytes_max: size_bytes_max / 2 }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        (self.young, self.old) = (Generation::default(), Generation::default());
    }

    /// What the key with this prefix is now; none: it is not known here.
    pub(crate) fn get(&mut self, prefix: &[u8]) -> Result<Option<Option<Record>>, MapError> {
        if let Some(found) = self.young.versions.get(prefix) {
            return record::decode_version(found.as_ref()).map(Some);
        }
        let Some((prefix, found)) = self.old.remove(prefix) else { return Ok(None) };
        let record = record::decode_version(found.as_ref())?;
        self.insert(prefix, found);
        Ok(Some(record))
    }

    /// The newest version row of a key was looked up.
    pub(crate) fn found(&mut self, prefix: &[u8], version: Version) {
        self.insert(prefix.into(), version);
    }

    /// These are written to the map.
    pub(crate) fn take_in(&mut self, writes: &WriteSet) -> Result<(), MapError> {
        for (row, written) in writes.iter() {
            // Rows of versions come first.
            let Some((prefix, revision)) = rows::split_version_row(row)? else { break };
            match written {
                Some(row) if self.revision_of(prefix).is_none_or(|known| known <= revision) => {
                    self.insert(prefix.into(), Some((revision, row.clone())));
                }
                // An older version is not what the key is.
                Some(_) => {}
                None => self.forget(prefix),
            }
        }
        Ok(())
    }

    fn revision_of(&self, prefix: &[u8]) -> Option<Revision> {
        let known = self.young.versions.get(prefix).or_else(|| self.old.versions.get(prefix))?;
        known.as_ref().map(|(revision, _)| *revision)
    }

    fn forget(&mut self, prefix: &[u8]) {
        self.young.remove(prefix);
        self.old.remove(prefix);
    }

    fn insert(&mut self, prefix: Box<[u8]>, version: Version) {
        self.forget(&prefix);
        self.young.insert(prefix, version);
        if self.young.size_bytes > self.size_bytes_max {
            self.old = std::mem::take(&mut self.young);
        }
    }
}

impl Generation {
    fn insert(&mut self, prefix: Box<[u8]>, version: Version) {
        self.size_bytes += size_of(&prefix, &version);
        self.versions.insert(prefix, version);
    }

    fn remove(&mut self, prefix: &[u8]) -> Option<(Box<[u8]>, Version)> {
        let (prefix, version) = self.versions.remove_entry(prefix)?;
        self.size_bytes -= size_of(&prefix, &version);
        Some((prefix, version))
    }
}

fn size_of(prefix: &[u8], version: &Version) -> usize {
    ENTRY_SIZE_BYTES + prefix.len() + version.as_ref().map_or(0, |(_, row)| row.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(revision: u64, size_bytes: usize) -> (Revision, Bytes) {
        let record = Record {
            create_revision: Revision::new(revision),
            mod_revision: Revision::new(revision),
            version: 1,
            annotations: Bytes::new(),
            value: vec![b'v'; size_bytes].into(),
        };
        (record.mod_revision, record.encode())
    }

    fn writes(key: &str, rows_of: &[(u64, Option<usize>)]) -> WriteSet {
        let mut writes = WriteSet::default();
        for (revision, size_bytes) in rows_of {
            let row = rows::version_row(&rows::version_prefix(key.as_bytes()), Revision::new(*revision));
            match size_bytes {
                Some(size_bytes) => writes.put(row.into(), version(*revision, *size_bytes).1),
                None => writes.delete(row.into()),
            }
        }
        writes
    }

    fn known(recent: &mut Recent, key: &str) -> Option<Option<u64>> {
        let found = recent.get(&rows::version_prefix(key.as_bytes())).unwrap();
        found.map(|record| record.map(|record| record.mod_revision.get()))
    }

    #[test]
    fn the_newest_that_was_written_or_found_is_known() {
        let mut recent = Recent::new(1 << 20);
        assert_eq!(known(&mut recent, "a"), None);
        recent.found(&rows::version_prefix(b"a"), None);
        assert_eq!(known(&mut recent, "a"), Some(None));
        recent.take_in(&writes("a", &[(3, Some(1)), (2, Some(1))])).unwrap();
        assert_eq!(known(&mut recent, "a"), Some(Some(3)));
        recent.take_in(&writes("a", &[(1, Some(1))])).unwrap();
        assert_eq!(known(&mut recent, "a"), Some(Some(3)), "an older one is not what it is");
        recent.take_in(&writes("a", &[(2, None)])).unwrap();
        assert_eq!(known(&mut recent, "a"), None, "a row is gone: it must be looked up");
    }

    #[test]
    fn what_is_used_stays_and_the_size_is_bounded() {
        let mut recent = Recent::new(100_000);
        for number in 0..10_000_u64 {
            recent.take_in(&writes(&format!("key-{number}"), &[(number + 1, Some(100))])).unwrap();
            recent.take_in(&writes("used", &[(number + 1, Some(100))])).unwrap();
            assert!(recent.young.size_bytes + recent.old.size_bytes <= 101_000);
            let count = recent.young.versions.len() + recent.old.versions.len();
            assert!(count <= 1_000, "{count}");
        }
        assert_eq!(known(&mut recent, "used"), Some(Some(10_000)));
        assert_eq!(known(&mut recent, "key-9999"), Some(Some(10_000)));
        assert_eq!(known(&mut recent, "key-1"), None);
        recent.clear();
        assert_eq!(known(&mut recent, "used"), None);
        assert_eq!(recent.young.size_bytes + recent.old.size_bytes, 0);
    }
}
