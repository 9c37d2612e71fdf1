//! A read that waits for no disk and is soon done: for whoever must not hold up a thread.
//!
//! It sees what is in memory, and a bounded number of rows of it. When it asks for more, its answer is worth nothing
//! and it is read again where it may take its time.

use std::cell::Cell;

use bytes::Bytes;
use conclave_mvcc::{Cursor, MapError, ReadMap};

/// Rows that such a read may look at: some tens of microseconds.
const ROWS_MAX: u32 = 64;
/// Bytes of values that it may come to: as long to copy.
const SIZE_BYTES_MAX: usize = 256 << 10;

/// How far a brief read may still go.
pub struct Reach {
    rows_left: Cell<u32>,
    bytes_left: Cell<usize>,
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
        Self {
            rows_left: Cell::new(ROWS_MAX),
            bytes_left: Cell::new(SIZE_BYTES_MAX),
            is_exceeded: Cell::new(false),
        }
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

    fn come_to_value(&self, value: Option<&[u8]>) -> Result<(), MapError> {
        let size_bytes = value.map_or(0, <[u8]>::len);
        let left = self.bytes_left.get().checked_sub(size_bytes).ok_or_else(|| self.exceed())?;
        self.bytes_left.set(left);
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
        let value = self.map.get(key)?;
        self.reach.come_to_value(value.as_deref())?;
        Ok(value)
    }

    fn cursor(&self) -> Box<dyn Cursor + '_> {
        Box::new(CursorWithin { cursor: self.map.cursor(), reach: self.reach })
    }

    fn cursor_before(&self, end: &[u8]) -> Box<dyn Cursor + '_> {
        Box::new(CursorWithin { cursor: self.map.cursor_before(end), reach: self.reach })
    }

    fn key_cursor(&self) -> Box<dyn Cursor + '_> {
        Box::new(CursorWithin { cursor: self.map.key_cursor(), reach: self.reach })
    }
}

impl Cursor for CursorWithin<'_> {
    fn seek(&mut self, key: &[u8]) -> Result<(), MapError> {
        self.reach.look_at_row()?;
        self.cursor.seek(key)?;
        self.reach.come_to_value(self.cursor.value())
    }

    fn advance(&mut self) -> Result<(), MapError> {
        self.reach.look_at_row()?;
        self.cursor.advance()?;
        self.reach.come_to_value(self.cursor.value())
    }

    fn key(&self) -> Option<&[u8]> {
        self.cursor.key()
    }

    fn value(&self) -> Option<&[u8]> {
        self.cursor.value()
    }
}

#[cfg(test)]
mod tests {
    use conclave_mvcc::{MemoryMap, WriteSet};

    use super::*;

    fn map(rows: usize, size_bytes: usize) -> MemoryMap {
        let (mut map, mut writes) = (MemoryMap::default(), WriteSet::default());
        (0..rows).for_each(|row| writes.put(format!("{row:03}").into(), vec![0; size_bytes].into()));
        map.write(&writes);
        map
    }

    /// Whether all of it can be read briefly, whatever the reader makes of errors.
    fn is_brief(map: &MemoryMap) -> bool {
        let reach = Reach::new();
        let within = Within::new(Box::new(map.clone()), &reach);
        let mut cursor = within.cursor();
        let mut read = cursor.seek(b"");
        while read.is_ok() && cursor.key().is_some() {
            read = cursor.advance();
        }
        !reach.is_exceeded()
    }

    #[test]
    fn rows_and_bytes_are_bounded() {
        assert!(is_brief(&map(50, 100)) && is_brief(&map(1, SIZE_BYTES_MAX)));
        assert!(!is_brief(&map(100, 1)) && !is_brief(&map(2, SIZE_BYTES_MAX)));
        let (map, reach) = (map(1, SIZE_BYTES_MAX + 1), Reach::new());
        let told = Within::new(Box::new(map), &reach).get(b"000");
        assert!(told.is_err() && reach.is_exceeded());
    }
}
