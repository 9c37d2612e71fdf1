//! A read that waits for no disk and is soon done: for whoever must not hold up a thread.
//!
//! It sees what is in memory, and a bounded number of rows of it. When it asks for more, its answer is worth nothing
//! and it is read again where it may take its time.

use std::cell::Cell;

use bytes::Bytes;
use conclave_mvcc::{Cursor, MapError, ReadMap};

/// Rows that such a read may look at: some tens of microseconds.
const ROWS_MAX: u32 = 64;

/// How far a brief read may still go.
pub struct Reach {
    rows_left: Cell<u32>,
    is_exceeded: Cell<bool>,
}

/// A map within a reach.
pub(crate) struct Within<'a> {
    map: Box<dyn ReadMap + 'a>,
    reach: &'a Reach,
}

struct CursorWithin<'a> {
    cursor: Box<dyn Cursor + 'a>,
    reach: &'a Reach,
}

impl Reach {
    pub(crate) fn new() -> Self {
        Self { rows_left: Cell::new(ROWS_MAX), is_exceeded: Cell::new(false) }
    }

    /// Whether more was asked for.
    pub(crate) fn is_exceeded(&self) -> bool {
        self.is_exceeded.get()
    }

    /// More was asked for.
    pub fn exceed(&self) -> MapError {
        self.is_exceeded.set(true);
        MapError::new("it is not read briefly")
    }

    fn look_at_row(&self) -> Result<(), MapError> {
        let left = self.rows_left.get().checked_sub(1).ok_or_else(|| self.exceed())?;
        self.rows_left.set(left);
        Ok(())
    }
}

impl<'a> Within<'a> {
    pub(crate) fn new(map: Box<dyn ReadMap + 'a>, reach: &'a Reach) -> Self {
        Self { map, reach }
    }
}

impl ReadMap for Within<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, MapError> {
        self.reach.look_at_row()?;
        self.map.get(key)
    }

    fn cursor(&self) -> Box<dyn Cursor + '_> {
        Box::new(CursorWithin { cursor: self.map.cursor(), reach: self.reach })
    }

    fn cursor_before(&self, end: &[u8]) -> Box<dyn Cursor + '_> {
        Box::new(CursorWithin { cursor: self.map.cursor_before(end), reach: self.reach })
    }
}

impl Cursor for CursorWithin<'_> {
    fn seek(&mut self, key: &[u8]) -> Result<(), MapError> {
        self.reach.look_at_row()?;
        self.cursor.seek(key)
    }

    fn advance(&mut self) -> Result<(), MapError> {
        self.reach.look_at_row()?;
        self.cursor.advance()
    }

    fn key(&self) -> Option<&[u8]> {
        self.cursor.key()
    }

    fn value(&self) -> Option<&[u8]> {
        self.cursor.value()
    }
}
