//! Tables beside the versioned keys: plain rows without history.

use bytes::Bytes;

use crate::{MapError, ReadMap};

/// Names a side table. What it holds is the business of the layer above; it makes no events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableId(u8);

impl TableId {
    /// The table with this number, from 0x10 to 0xef: others are this crate's or the storage layer's.
    pub const fn new(number: u8) -> Self {
        assert!(number >= 0x10 && number < 0xf0, "side tables are numbered from 0x10 to 0xef");
        Self(number)
    }

    /// The key that the row under `key` has in the map.
    pub fn row_key(self, key: &[u8]) -> Bytes {
        let mut row = Vec::with_capacity(1 + key.len());
        row.push(self.0);
        row.extend_from_slice(key);
        row.into()
    }

    /// The row under `key`.
    pub fn get(self, view: &dyn ReadMap, key: &[u8]) -> Result<Option<Bytes>, MapError> {
        view.get(&self.row_key(key))
    }
}
