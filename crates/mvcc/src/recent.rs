//! What keys are that were looked up or written lately, so that the next transaction need not search the map for it.
//!
//! It holds what the map holds, never anything else: whatever is written to the map goes through [`Recent::take_in`], in
//! the order in which the map gets it. Whoever replaces the map clears it.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::{MapError, Record, Revision, WriteSet, record, rows};

/// Most rows of other tables.
const ROWS_MAX: usize = 64;
/// Larger ones are looked up.
const ROW_SIZE_BYTES_MAX: usize = 64 << 10;
/// What an entry takes beside its bytes, about.
const ENTRY_SIZE_BYTES: usize = 128;

/// The newest versions of some keys, up to a size; of those that were not used for the longest time the older half goes.
/// And a few rows of other tables.
#[derive(Debug)]
pub struct Recent {
    pub(crate) rows: RecentRows,
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
        Self {
            rows: RecentRows::default(),
            young: Generation::default(),
            old: Generation::default(),
            size_bytes_max: size_bytes_max / 2,
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        (self.young, self.old) = (Generation::default(), Generation::default());
        self.rows = RecentRows::default();
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
                Some(row) => self.written(prefix, (revision, row.clone())),
                None => self.forget(prefix),
            }
        }
        Ok(())
    }

    /// A version was written. An older one than the newest is not what the key is.
    fn written(&mut self, prefix: &[u8], version: (Revision, Bytes)) {
        let is_older = |known: &Version| known.as_ref().is_some_and(|(newest, _)| *newest > version.0);
        if let Some(known) = self.young.versions.get_mut(prefix) {
            if !is_older(known) {
                let before = size_of(prefix, known);
                *known = Some(version);
                self.young.size_bytes = self.young.size_bytes - before + size_of(prefix, known);
                self.grow_old();
            }
        } else if !self.old.versions.get(prefix).is_some_and(is_older) {
            self.insert(prefix.into(), Some(version));
        }
    }

    fn forget(&mut self, prefix: &[u8]) {
        self.young.remove(prefix);
        self.old.remove(prefix);
    }

    fn insert(&mut self, prefix: Box<[u8]>, version: Version) {
        self.forget(&prefix);
        self.young.insert(prefix, version);
        self.grow_old();
    }

    fn grow_old(&mut self) {
        if self.young.size_bytes > self.size_bytes_max {
            self.old = std::mem::take(&mut self.young);
        }
    }
}

/// Rows of other tables than that of versions that were looked up lately; none: it is not there. As everything that a node
/// applies begins with the same few rows, they are few.
#[derive(Debug, Default)]
pub(crate) struct RecentRows {
    rows: BTreeMap<Bytes, Option<Bytes>>,
}

impl RecentRows {
    /// The row; none: it is not known here.
    pub(crate) fn get(&self, key: &[u8]) -> Option<&Option<Bytes>> {
        self.rows.get(key)
    }

    /// The row was looked up.
    pub(crate) fn found(&mut self, key: &[u8], value: &Option<Bytes>) {
        if is_large(key, value.as_ref()) {
            return;
        }
        // Those that are wanted again and again are soon there again.
        if self.rows.len() >= ROWS_MAX {
            self.rows.clear();
        }
        self.rows.insert(Bytes::copy_from_slice(key), value.clone());
    }

    /// These are written to the map.
    pub(crate) fn take_in(&mut self, writes: &WriteSet) {
        for (key, written) in writes.iter() {
            if is_large(key, written) {
                self.rows.remove(key);
            } else if let Some(known) = self.rows.get_mut(key) {
                *known = written.cloned();
            }
        }
    }
}

fn is_large(key: &[u8], value: Option<&Bytes>) -> bool {
    key.len() + value.map_or(0, Bytes::len) > ROW_SIZE_BYTES_MAX
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
