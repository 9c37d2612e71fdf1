//! A map that counts what is asked of it.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::ops::Bound::{Excluded, Included, Unbounded};

use bytes::Bytes;
use conclave_mvcc::{Cursor, MapError, MemoryMap, ReadMap, WriteSet};

/// What was asked of a map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cost {
    pub(crate) gets: u64,
    pub(crate) cursors: u64,
    pub(crate) seeks: u64,
    pub(crate) steps: u64,
    /// Rows that were deleted before, over which a cursor came: a store on disk has them for a while.
    pub(crate) graves: u64,
}

/// A map that counts.
pub(crate) struct Counted<'a> {
    map: &'a MemoryMap,
    graves: Option<&'a Graves>,
    cost: Cell<Cost>,
}

impl<'a> Counted<'a> {
    pub(crate) fn new(map: &'a MemoryMap) -> Self {
        Self { map, graves: None, cost: Cell::default() }
    }

    /// One that counts graves too.
    pub(crate) fn with_graves(map: &'a MemoryMap, graves: &'a Graves) -> Self {
        Self { graves: Some(graves), ..Self::new(map) }
    }

    /// What was asked so far.
    pub(crate) fn cost(&self) -> Cost {
        self.cost.get()
    }

    /// Counts the graves from a key up to where a cursor came to rest.
    fn pass(&self, from: &[u8], rest: Option<&[u8]>) {
        let Some(Graves(graves)) = self.graves else { return };
        let passed = graves.range::<[u8], _>((Included(from), rest.map_or(Unbounded, Excluded))).count();
        self.count(|cost| cost.graves += passed as u64);
    }

    fn count(&self, add: impl Fn(&mut Cost)) {
        let mut cost = self.cost.get();
        add(&mut cost);
        self.cost.set(cost);
    }
}

impl ReadMap for Counted<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, MapError> {
        self.count(|cost| cost.gets += 1);
        self.map.get(key)
    }

    fn cursor(&self) -> Box<dyn Cursor + '_> {
        self.count(|cost| cost.cursors += 1);
        Box::new(CountedCursor { counted: self, cursor: self.map.cursor(), end: None })
    }

    fn cursor_before(&self, end: &[u8]) -> Box<dyn Cursor + '_> {
        self.count(|cost| cost.cursors += 1);
        Box::new(CountedCursor { counted: self, cursor: self.map.cursor(), end: Some(end.to_vec()) })
    }
}

struct CountedCursor<'a> {
    counted: &'a Counted<'a>,
    cursor: Box<dyn Cursor + 'a>,
    /// Nothing is seen from there on.
    end: Option<Vec<u8>>,
}

impl CountedCursor<'_> {
    fn is_before_end(&self, key: &[u8]) -> bool {
        self.end.as_deref().is_none_or(|end| key < end)
    }

    /// Counts the graves from a key up to where the cursor came to rest.
    fn pass(&self, from: &[u8]) {
        let rest = self.key().or(self.end.as_deref());
        if rest.is_none_or(|rest| from < rest) {
            self.counted.pass(from, rest);
        }
    }
}

impl Cursor for CountedCursor<'_> {
    fn seek(&mut self, key: &[u8]) -> Result<(), MapError> {
        self.counted.count(|cost| cost.seeks += 1);
        self.cursor.seek(key)?;
        self.pass(key);
        Ok(())
    }

    fn advance(&mut self) -> Result<(), MapError> {
        self.counted.count(|cost| cost.steps += 1);
        let left = self.key().map(<[u8]>::to_vec);
        self.cursor.advance()?;
        if let Some(left) = left {
            self.pass(&left);
        }
        Ok(())
    }

    fn key(&self) -> Option<&[u8]> {
        self.cursor.key().filter(|key| self.is_before_end(key))
    }

    fn value(&self) -> Option<&[u8]> {
        self.key().and_then(|_| self.cursor.value())
    }
}

/// The keys of rows that were deleted, as a store on disk keeps them until it is compacted.
#[derive(Default)]
pub(crate) struct Graves(BTreeSet<Vec<u8>>);

impl Graves {
    /// Takes in what was written.
    pub(crate) fn note(&mut self, writes: &WriteSet) {
        for (key, value) in writes.iter() {
            match value {
                Some(_) => drop(self.0.remove(key)),
                None => drop(self.0.insert(key.to_vec())),
            }
        }
    }
}
