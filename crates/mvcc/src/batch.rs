//! Writes of several transactions over one view, seen as if they were written already.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::mem;

use bytes::Bytes;

use crate::recent::RecentRows;
use crate::write_set::Writes;
use crate::{Cursor, MapError, ReadMap, Recent, WriteSet};

/// Most cursors of the map beneath that are kept for the next who needs one.
const IDLE_CURSORS_MAX: usize = 4;

/// A view with writes laid over it. Reading it gives what the map will hold once they are written.
///
/// What transactions look up again and again is asked of the map once, and the cursor of one is used by the next: both cost
/// more than what they find.
///
/// ```
/// use conclave_mvcc::{Batch, KeyRange, MemoryMap, Transaction};
/// let mut map = MemoryMap::default();
/// let mut batch = Batch::new(&map);
/// for value in ["first", "second"] {
///     let mut transaction = Transaction::begin(&batch)?;
///     transaction.put("key".into(), value.into(), "".into())?;
///     let sealed = transaction.seal();
///     batch.absorb(sealed.writes)?;
/// }
/// let writes = batch.into_writes();
/// map.write(&writes);
/// # Ok::<(), conclave_mvcc::MapError>(())
/// ```
pub struct Batch<'a> {
    base: &'a dyn ReadMap,
    writes: WriteSet,
    /// Rows as they are with the writes.
    rows: RefCell<RecentRows>,
    idle: RefCell<Vec<Idle<'a>>>,
    recent: Option<RefCell<Recent>>,
}

/// A cursor of the map beneath that nobody uses.
struct Idle<'a> {
    shows: Shows<Bytes>,
    cursor: Box<dyn Cursor + 'a>,
}

/// What a cursor shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shows<E> {
    Everything,
    Before(E),
    KeysSought,
}

impl<'a> Batch<'a> {
    /// No writes yet, over `base`.
    pub fn new(base: &'a dyn ReadMap) -> Self {
        let writes = WriteSet::default();
        Self { base, writes, rows: RefCell::default(), idle: RefCell::default(), recent: None }
    }

    /// The same with what is known of keys: all that was ever written to `base`, up to this view of it, must have gone
    /// through batches that had it.
    pub fn with_recent(base: &'a dyn ReadMap, mut recent: Recent) -> Self {
        let rows = RefCell::new(mem::take(&mut recent.rows));
        Self { rows, recent: Some(RefCell::new(recent)), ..Self::new(base) }
    }

    /// Adds writes: of two to one key, the later wins.
    ///
    /// # Errors
    /// If a row is of a table and cannot be one of it.
    pub fn absorb(&mut self, writes: WriteSet) -> Result<(), MapError> {
        if let Some(recent) = &mut self.recent {
            recent.get_mut().take_in(&writes)?;
        }
        self.rows.get_mut().take_in(&writes);
        self.writes.merge(writes);
        Ok(())
    }

    fn cursor_that(&self, shows: Shows<&[u8]>) -> Box<dyn Cursor + '_> {
        let mut idle = self.idle.borrow_mut();
        let kept = idle.iter().position(|idle| idle.shows.as_ref() == shows).map(|at| idle.remove(at));
        let base = kept.unwrap_or_else(|| match shows {
            Shows::Everything => Idle { shows: Shows::Everything, cursor: self.base.cursor() },
            Shows::Before(end) => Idle {
                shows: Shows::Before(Bytes::copy_from_slice(end)),
                cursor: self.base.cursor_before(end),
            },
            Shows::KeysSought => Idle { shows: Shows::KeysSought, cursor: self.base.key_cursor() },
        });
        let (writes, ahead) = (&self.writes, Writes::default());
        let place = Place::End;
        Box::new(MergedCursor { base: Some(base), idle: &self.idle, writes, ahead, written: None, place })
    }

    /// The writes so far.
    pub fn writes(&self) -> &WriteSet {
        &self.writes
    }

    /// The writes, to be written to the map beneath.
    pub fn into_writes(self) -> WriteSet {
        self.writes
    }

    /// The same, and what is known of keys once they are written.
    pub fn into_parts(self) -> (WriteSet, Option<Recent>) {
        let mut recent = self.recent.map(RefCell::into_inner);
        if let Some(recent) = &mut recent {
            recent.rows = self.rows.into_inner();
        }
        (self.writes, recent)
    }
}

impl ReadMap for Batch<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, MapError> {
        let mut rows = self.rows.borrow_mut();
        if let Some(known) = rows.get(key) {
            return Ok(known.clone());
        }
        let found = match self.writes.get(key) {
            Some(written) => written.cloned(),
            None => self.base.get(key)?,
        };
        rows.found(key, &found);
        Ok(found)
    }

    fn cursor(&self) -> Box<dyn Cursor + '_> {
        self.cursor_that(Shows::Everything)
    }

    fn cursor_before(&self, end: &[u8]) -> Box<dyn Cursor + '_> {
        self.cursor_that(Shows::Before(end))
    }

    fn key_cursor(&self) -> Box<dyn Cursor + '_> {
        self.cursor_that(Shows::KeysSought)
    }

    fn recent(&self) -> Option<&RefCell<Recent>> {
        self.recent.as_ref()
    }
}

impl Shows<Bytes> {
    fn as_ref(&self) -> Shows<&[u8]> {
        match self {
            Self::Everything => Shows::Everything,
            Self::Before(end) => Shows::Before(end),
            Self::KeysSought => Shows::KeysSought,
        }
    }
}

/// Walks the map beneath and the writes side by side; a write hides the row of its key.
struct MergedCursor<'b, 'a> {
    /// There until this is dropped.
    base: Option<Idle<'a>>,
    /// Where it goes then.
    idle: &'b RefCell<Vec<Idle<'a>>>,
    writes: &'b WriteSet,
    /// The writes after `written`.
    ahead: Writes<'b>,
    written: Option<(&'b Bytes, &'b Option<Bytes>)>,
    place: Place,
}

/// Where the present row is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Base,
    Written,
    End,
}

const IS_THERE: &str = "the cursor beneath is given back when this one is dropped";

impl Drop for MergedCursor<'_, '_> {
    fn drop(&mut self) {
        let mut idle = self.idle.borrow_mut();
        // One that was not wanted for a while will not be.
        if idle.len() >= IDLE_CURSORS_MAX {
            idle.remove(0);
        }
        idle.extend(self.base.take());
    }
}

impl<'a> MergedCursor<'_, 'a> {
    fn base(&self) -> &(dyn Cursor + 'a) {
        self.base.as_ref().expect(IS_THERE).cursor.as_ref()
    }

    fn base_mut(&mut self) -> &mut (dyn Cursor + 'a) {
        self.base.as_mut().expect(IS_THERE).cursor.as_mut()
    }

    fn advance_written(&mut self) {
        self.written = self.ahead.next();
    }

    /// Finds the next row from where both sides stand, passing over what is deleted.
    fn settle(&mut self) -> Result<(), MapError> {
        loop {
            self.place = match (self.base().key(), self.written) {
                (None, None) => Place::End,
                (Some(_), None) => Place::Base,
                (None, Some(_)) => Place::Written,
                (Some(base), Some((written, _))) => match base.cmp(written) {
                    Ordering::Less => Place::Base,
                    Ordering::Greater => Place::Written,
                    Ordering::Equal => {
                        self.base_mut().advance()?;
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

impl Cursor for MergedCursor<'_, '_> {
    fn seek(&mut self, key: &[u8]) -> Result<(), MapError> {
        self.base_mut().seek(key)?;
        self.ahead = self.writes.iter_from(key);
        self.advance_written();
        self.settle()
    }

    fn advance(&mut self) -> Result<(), MapError> {
        match self.place {
            Place::Base => self.base_mut().advance()?,
            Place::Written => self.advance_written(),
            Place::End => return Ok(()),
        }
        self.settle()
    }

    fn key(&self) -> Option<&[u8]> {
        match self.place {
            Place::Base => self.base().key(),
            Place::Written => self.written.map(|(key, _)| key.as_ref()),
            Place::End => None,
        }
    }

    fn value(&self) -> Option<&[u8]> {
        match self.place {
            Place::Base => self.base().value(),
            Place::Written => self.written.and_then(|(_, value)| value.as_deref()),
            Place::End => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::MemoryMap;

    /// Counts what is asked of it.
    #[derive(Default)]
    struct Counted {
        map: MemoryMap,
        gets: Cell<u32>,
        cursors: Cell<u32>,
    }

    impl ReadMap for Counted {
        fn get(&self, key: &[u8]) -> Result<Option<Bytes>, MapError> {
            self.gets.set(self.gets.get() + 1);
            self.map.get(key)
        }

        fn cursor(&self) -> Box<dyn Cursor + '_> {
            self.cursors.set(self.cursors.get() + 1);
            self.map.cursor()
        }
    }

    fn counted() -> Counted {
        let (mut counted, mut writes) = (Counted::default(), WriteSet::default());
        ["a", "b", "c"].iter().for_each(|key| writes.put((*key).into(), (*key).into()));
        counted.map.write(&writes);
        counted
    }

    #[test]
    fn what_is_beneath_is_looked_up_once_and_what_was_written_is_seen() {
        let counted = counted();
        let mut batch = Batch::new(&counted);
        for _ in 0..3 {
            assert_eq!(batch.get(b"a").unwrap(), Some("a".into()));
            assert_eq!(batch.get(b"none").unwrap(), None);
        }
        assert_eq!(counted.gets.get(), 2);
        let mut writes = WriteSet::default();
        writes.put("a".into(), "new".into());
        batch.absorb(writes).unwrap();
        assert_eq!(batch.get(b"a").unwrap(), Some("new".into()));
    }

    #[test]
    fn the_next_who_needs_a_cursor_to_the_same_end_has_that_of_the_one_before() {
        let counted = counted();
        let batch = Batch::new(&counted);
        for end in ["b", "b", "c", "b", "c"] {
            let mut cursor = batch.cursor_before(end.as_bytes());
            assert_eq!(cursor.key(), None, "it is at no row before it was sent to one");
            cursor.seek(b"a").unwrap();
            assert_eq!(cursor.key(), Some(b"a".as_slice()));
        }
        assert_eq!(counted.cursors.get(), 2);
        let (mut first, mut second) = (batch.cursor_before(b"b"), batch.cursor_before(b"b"));
        first.seek(b"a").unwrap();
        second.seek(b"b").unwrap();
        assert_eq!((first.key(), counted.cursors.get()), (Some(b"a".as_slice()), 3));
    }
}
