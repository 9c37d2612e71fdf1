//! The ordered map in memory: the reference that every other implementation is held against.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Included, Unbounded};

use bytes::Bytes;

use crate::{Cursor, MapError, ReadMap, WriteSet};

/// An ordered map in memory.
///
/// ```
/// use conclave_mvcc::{MemoryMap, ReadMap, WriteSet};
/// let mut map = MemoryMap::default();
/// let mut writes = WriteSet::default();
/// writes.put("key".into(), "value".into());
/// map.write(&writes);
/// assert_eq!(map.get(b"key").unwrap().unwrap(), "value");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryMap {
    rows: BTreeMap<Bytes, Bytes>,
}

impl MemoryMap {
    /// Writes all of it.
    pub fn write(&mut self, writes: &WriteSet) {
        for (key, value) in writes.iter() {
            match value {
                Some(value) => self.rows.insert(Bytes::copy_from_slice(key), value.clone()),
                None => self.rows.remove(key),
            };
        }
    }

    /// All rows in order of key.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.rows.iter().map(|(key, value)| (key.as_ref(), value.as_ref()))
    }
}

impl ReadMap for MemoryMap {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, MapError> {
        Ok(self.rows.get(key).cloned())
    }

    fn cursor(&self) -> Box<dyn Cursor + '_> {
        Box::new(MemoryCursor { rows: &self.rows, row: None })
    }
}

struct MemoryCursor<'a> {
    rows: &'a BTreeMap<Bytes, Bytes>,
    row: Option<(&'a Bytes, &'a Bytes)>,
}

impl Cursor for MemoryCursor<'_> {
    fn seek(&mut self, key: &[u8]) -> Result<(), MapError> {
        self.row = self.rows.range::<[u8], _>((Included(key), Unbounded)).next();
        Ok(())
    }

    fn advance(&mut self) -> Result<(), MapError> {
        if let Some((key, _)) = self.row {
            self.row = self.rows.range::<[u8], _>((Excluded(key.as_ref()), Unbounded)).next();
        }
        Ok(())
    }

    fn key(&self) -> Option<&[u8]> {
        self.row.map(|(key, _)| key.as_ref())
    }

    fn value(&self) -> Option<&[u8]> {
        self.row.map(|(_, value)| value.as_ref())
    }
}
