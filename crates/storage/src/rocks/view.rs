//! The state's database at one moment, as an ordered map. Its own rows are not seen in it.

use std::sync::OnceLock;

use bytes::Bytes;
use conclave_mvcc::{Cursor, MapError, ReadMap};
use rocksdb::{DB, DBRawIterator, Error, ReadOptions, Snapshot};

use super::engine::is_damage;
use crate::RESERVED_FROM;
use crate::database::is_reserved;

/// The format that is written, and the only one that is read so far.
pub(crate) const FORMAT: u8 = 1;
pub(crate) const FORMAT_ROW: &[u8] = &[RESERVED_FROM, 0x00];
pub(crate) const MARK_ROW: &[u8] = &[RESERVED_FROM, 0x01];

/// What a snapshot of RocksDB shows.
pub(crate) struct RocksView<'a> {
    snapshot: Snapshot<'a>,
    found: &'a Found,
}

/// The first damage that was met in a database.
#[derive(Default)]
pub(crate) struct Found(OnceLock<String>);

impl Found {
    /// Notes an error, if it tells of damage.
    pub(crate) fn note(&self, error: &Error) {
        if is_damage(error) {
            self.0.get_or_init(|| error.to_string());
        }
    }

    pub(crate) fn damage(&self) -> Option<String> {
        self.0.get().cloned()
    }

    fn map_error(&self, error: &Error) -> MapError {
        self.note(error);
        MapError::new(format_args!("the state cannot be read: {error}"))
    }
}

impl<'a> RocksView<'a> {
    /// The state as it is now.
    pub(crate) fn new(db: &'a DB, found: &'a Found) -> Self {
        Self { snapshot: db.snapshot(), found }
    }
}

impl ReadMap for RocksView<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, MapError> {
        if is_reserved(key) {
            return Ok(None);
        }
        let value = self.snapshot.get(key).map_err(|error| self.found.map_error(&error))?;
        Ok(value.map(Bytes::from))
    }

    fn cursor(&self) -> Box<dyn Cursor + '_> {
        self.cursor_before(&[RESERVED_FROM])
    }

    fn cursor_before(&self, end: &[u8]) -> Box<dyn Cursor + '_> {
        let mut options = ReadOptions::default();
        options.set_iterate_upper_bound(end.min(&[RESERVED_FROM]));
        Box::new(RocksCursor { rows: self.snapshot.raw_iterator_opt(options), found: self.found })
    }
}

struct RocksCursor<'a> {
    rows: DBRawIterator<'a>,
    found: &'a Found,
}

impl RocksCursor<'_> {
    /// A row that cannot be read looks like the end: only the status tells.
    fn check(&self) -> Result<(), MapError> {
        if self.rows.valid() {
            Ok(())
        } else {
            self.rows.status().map_err(|error| self.found.map_error(&error))
        }
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
