//! The state's database at one moment, as an ordered map. Its own rows are not seen in it.

use bytes::Bytes;
use conclave_mvcc::{Cursor, MapError, ReadMap};
use rocksdb::{DB, DBRawIterator, Error, ReadOptions, Snapshot};

use crate::RESERVED_FROM;
use crate::database::is_reserved;

/// The format that is written, and the only one that is read so far.
pub(crate) const FORMAT: u8 = 1;
pub(crate) const FORMAT_ROW: &[u8] = &[RESERVED_FROM, 0x00];
pub(crate) const MARK_ROW: &[u8] = &[RESERVED_FROM, 0x01];

/// What a snapshot of RocksDB shows.
pub(crate) struct RocksView<'a> {
    snapshot: Snapshot<'a>,
}

impl<'a> RocksView<'a> {
    /// The state as it is now.
    pub(crate) fn new(db: &'a DB) -> Self {
        Self { snapshot: db.snapshot() }
    }
}

impl ReadMap for RocksView<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, MapError> {
        if is_reserved(key) {
            return Ok(None);
        }
        self.snapshot.get(key).map(|value| value.map(Bytes::from)).map_err(map_error)
    }

    fn cursor(&self) -> Box<dyn Cursor + '_> {
        self.cursor_before(&[RESERVED_FROM])
    }

    fn cursor_before(&self, end: &[u8]) -> Box<dyn Cursor + '_> {
        let mut options = ReadOptions::default();
        options.set_iterate_upper_bound(end.min(&[RESERVED_FROM]));
        Box::new(RocksCursor { rows: self.snapshot.raw_iterator_opt(options) })
    }
}

struct RocksCursor<'a> {
    rows: DBRawIterator<'a>,
}

impl RocksCursor<'_> {
    /// A row that cannot be read looks like the end: only the status tells.
    fn check(&self) -> Result<(), MapError> {
        if self.rows.valid() { Ok(()) } else { self.rows.status().map_err(map_error) }
    }
}

impl Cursor for RocksCursor<'_> {
    fn seek(&mut self, key: &[u8]) -> Result<(), MapError> {
        self.rows.seek(key);
        self.check()
    }

    fn advance(&mut self) -> Result<(), MapError> {
        self.rows.next();
        self.check()
    }

    fn key(&self) -> Option<&[u8]> {
        self.rows.key()
    }

    fn value(&self) -> Option<&[u8]> {
        self.rows.value()
    }
}

fn map_error(error: Error) -> MapError {
    MapError::new(format_args!("the state cannot be read: {error}"))
}
