//! Writes of several transactions over one view, seen as if they were written already.

use std::cmp::Ordering;

use bytes::Bytes;

use crate::write_set::Writes;
use crate::{Cursor, MapError, ReadMap, WriteSet};

/// A view with writes laid over it. Reading it gives what the map will hold once they are written.
///
/// ```
/// use conclave_mvcc::{Batch, KeyRange, MemoryMap, Transaction};
/// let mut map = MemoryMap::default();
/// let mut batch = Batch::new(&map);
/// for value in ["first", "second"] {
///     let mut transaction = Transaction::begin(&batch)?;
///     transaction.put("key".into(), value.into(), "".into())?;
///     let sealed = transaction.seal();
///     batch.absorb(sealed.writes);
/// }
/// let writes = batch.into_writes();
/// map.write(&writes);
/// # Ok::<(), conclave_mvcc::MapError>(())
/// ```
pub struct Batch<'a> {
    base: &'a dyn ReadMap,
    writes: WriteSet,
}

impl<'a> Batch<'a> {
    /// No writes yet, over `base`.
    pub fn new(base: &'a dyn ReadMap) -> Self {
        Self { base, writes: WriteSet::default() }
    }

    /// Adds writes: of two to one key, the later wins.
    pub fn absorb(&mut self, writes: WriteSet) {
        self.writes.merge(writes);
    }

    /// Adds one write.
    pub fn put(&mut self, key: Bytes, value: Bytes) {
        self.writes.put(key, value);
    }

    fn over<'b>(&'b self, base: Box<dyn Cursor + 'b>) -> Box<dyn Cursor + 'b> {
        if self.writes.is_empty() {
            return base;
        }
        let (writes, ahead) = (&self.writes, Writes::default());
        Box::new(MergedCursor { base, writes, ahead, written: None, place: Place::End })
    }

    /// The writes so far.
    pub fn writes(&self) -> &WriteSet {
        &self.writes
    }

    /// The writes, to be written to the map beneath.
    pub fn into_writes(self) -> WriteSet {
        self.writes
    }
}

impl ReadMap for Batch<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, MapError> {
        match self.writes.get(key) {
            Some(written) => Ok(written.cloned()),
            None => self.base.get(key),
        }
    }

    fn cursor(&self) -> Box<dyn Cursor + '_> {
        self.over(self.base.cursor())
    }

    fn cursor_before(&self, end: &[u8]) -> Box<dyn Cursor + '_> {
        self.over(self.base.cursor_before(end))
    }
}

/// Walks the map beneath and the writes side by side; a write hides the row of its key.
struct MergedCursor<'a> {
    base: Box<dyn Cursor + 'a>,
    writes: &'a WriteSet,
    /// The writes after `written`.
    ahead: Writes<'a>,
    written: Option<(&'a Bytes, &'a Option<Bytes>)>,
    place: Place,
}

/// Where the present row is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Base,
    Written,
    End,
}

impl MergedCursor<'_> {
    fn advance_written(&mut self) {
        self.written = self.ahead.next();
    }

    /// Finds the next row from where both sides stand, passing over what is deleted.
    fn settle(&mut self) -> Result<(), MapError> {
        loop {
            self.place = match (self.base.key(), self.written) {
                (None, None) => Place::End,
                (Some(_), None) => Place::Base,
                (None, Some(_)) => Place::Written,
                (Some(base), Some((written, _))) => match base.cmp(written) {
                    Ordering::Less => Place::Base,
                    Ordering::Greater => Place::Written,
                    Ordering::Equal => {
                        self.base.advance()?;
                        Place::Written
                    }
                },
            };
            match (self.place, self.written) {
                (Place::Written, Some((_, None))) => self.advance_written(),
                _ => return Ok(()),
            }
        }
    }
}

impl Cursor for MergedCursor<'_> {
    fn seek(&mut self, key: &[u8]) -> Result<(), MapError> {
        self.base.seek(key)?;
        self.ahead = self.writes.iter_from(key);
        self.advance_written();
        self.settle()
    }

    fn advance(&mut self) -> Result<(), MapError> {
        match self.place {
            Place::Base => self.base.advance()?,
            Place::Written => self.advance_written(),
            Place::End => return Ok(()),
        }
        self.settle()
    }

    fn key(&self) -> Option<&[u8]> {
        match self.place {
            Place::Base => self.base.key(),
            Place::Written => self.written.map(|(key, _)| key.as_ref()),
            Place::End => None,
        }
    }

    fn value(&self) -> Option<&[u8]> {
        match self.place {
            Place::Base => self.base.value(),
            Place::Written => self.written.and_then(|(_, value)| value.as_deref()),
            Place::End => None,
        }
    }
}
