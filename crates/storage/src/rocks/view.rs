//! The state's database at one moment, as an ordered map. Its own rows are not seen in it.

use std::sync::OnceLock;

use bytes::Bytes;
use conclave_mvcc::{Cursor, MapError, ReadMap};
use rocksdb::{DB, DBRawIterator, Error, ErrorKind, ReadOptions, ReadTier, Snapshot};

use super::engine::is_damage;
use crate::database::is_reserved;
use crate::{RESERVED_FROM, Reach};

/// The format that is written, and the only one that is read so far.
pub(crate) const FORMAT: u8 = 1;
pub(crate) const FORMAT_ROW: &[u8] = &[RESERVED_FROM, 0x00];
pub(crate) const MARK_ROW: &[u8] = &[RESERVED_FROM, 0x01];

/// Rows that were removed or replaced, over which a read that is to be brief may pass from one to the next.
const PASSED_OVER_MAX: u64 = 256;

/// What a snapshot of RocksDB shows.
pub(crate) struct RocksView<'a> {
    snapshot: Snapshot<'a>,
    found: &'a Found,
    /// Only what is in memory is seen; whatever else is asked for is told here.
    reach: Option<&'a Reach>,
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

    fn map_error(&self, error: &Error, reach: Option<&Reach>) -> MapError {
        match reach {
            Some(reach) if error.kind() == ErrorKind::Incomplete => reach.exceed(),
            _ => {
                self.note(error);
                MapError::new(format_args!("the state cannot be read: {error}"))
            }
        }
    }
}

impl<'a> RocksView<'a> {
    /// The state as it is now.
    pub(crate) fn new(db: &'a DB, found: &'a Found) -> Self {
        Self { snapshot: db.snapshot(), found, reach: None }
    }

    /// Of the state as it is now, what is in memory.
    pub(crate) fn in_memory(db: &'a DB, found: &'a Found, reach: &'a Reach) -> Self {
        Self { snapshot: db.snapshot(), found, reach: Some(reach) }
    }

    fn rows(&self, options: ReadOptions) -> Box<dyn Cursor + '_> {
        let rows = self.snapshot.raw_iterator_opt(options);
        Box::new(RocksCursor { rows, found: self.found, reach: self.reach })
    }

    fn options(&self) -> ReadOptions {
        let mut options = ReadOptions::default();
        if self.reach.is_some() {
            options.set_read_tier(ReadTier::BlockCache);
            options.set_max_skippable_internal_keys(PASSED_OVER_MAX);
            // What was replaced meanwhile is not removed by whoever happens to be the last to read it.
            options.set_background_purge_on_iterator_cleanup(true);
        }
        options
    }
}

impl ReadMap for RocksView<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, MapError> {
        if is_reserved(key) {
            return Ok(None);
        }
        let value = self.snapshot.get_opt(key, self.options());
        let value = value.map_err(|error| self.found.map_error(&error, self.reach))?;
        Ok(value.map(Bytes::from))
    }

    fn cursor(&self) -> Box<dyn Cursor + '_> {
        self.cursor_before(&[RESERVED_FROM])
    }

    fn cursor_before(&self, end: &[u8]) -> Box<dyn Cursor + '_> {
        let mut options = self.options();
        options.set_iterate_upper_bound(end.min(&[RESERVED_FROM]));
        options.set_total_order_seek(true);
        self.rows(options)
    }

    fn key_cursor(&self) -> Box<dyn Cursor + '_> {
        let mut options = self.options();
        options.set_prefix_same_as_start(true);
        self.rows(options)
    }
}

struct RocksCursor<'a> {
    rows: DBRawIterator<'a>,
    found: &'a Found,
    reach: Option<&'a Reach>,
}

impl RocksCursor<'_> {
    /// A row that cannot be read looks like the end: only the status tells.
    fn check(&self) -> Result<(), MapError> {
        if self.rows.valid() {
            Ok(())
        } else {
            self.rows.status().map_err(|error| self.found.map_error(&error, self.reach))
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
