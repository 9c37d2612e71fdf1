//! A state's database: an ordered map, of which a crash leaves what was flushed, or some of what was written since.

use std::collections::BTreeSet;
use std::sync::{Arc, Weak};

use bytes::Bytes;
use conclave_mvcc::{MemoryMap, WriteSet};

use crate::dice::Dice;

/// All rows and the mark at one moment. Clones are cheap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Version {
    pub(super) rows: Arc<MemoryMap>,
    pub(super) mark: Option<Bytes>,
}

impl Version {
    fn write(&mut self, write: &Write) {
        Arc::make_mut(&mut self.rows).write(&write.rows);
        if write.mark.is_some() {
            self.mark.clone_from(&write.mark);
        }
    }

    pub(super) fn size_bytes(&self) -> u64 {
        self.rows.iter().map(|(key, value)| (key.len() + value.len()) as u64).sum()
    }
}

struct Write {
    rows: WriteSet,
    mark: Option<Bytes>,
}

/// A state as it lies on the medium and in memory.
pub(super) struct StateTable {
    now: Version,
    /// None: it was opened from files, and these are what there is after a crash.
    flushed: Option<Version>,
    /// What makes `now` of what was flushed, in order.
    unflushed: Vec<Write>,
    unflushed_size_bytes: u64,
    live_size_bytes: u64,
    /// Keys of rows that cannot be read.
    damaged: Arc<BTreeSet<Bytes>>,
    /// Not even the rows can be found any more, once it is closed.
    is_broken: bool,
    /// Alive as long as it is open.
    opened: Weak<()>,
    /// A flush has failed.
    has_failed: bool,
}

impl StateTable {
    /// An empty one, on the medium.
    pub(super) fn new() -> Self {
        Self::with(Version::default(), Some(Version::default()))
    }

    /// What was read from files.
    pub(super) fn of_files(version: Version) -> Self {
        Self::with(version, None)
    }

    fn with(now: Version, flushed: Option<Version>) -> Self {
        Self {
            live_size_bytes: now.size_bytes(),
            now,
            flushed,
            unflushed: Vec::new(),
            unflushed_size_bytes: 0,
            damaged: Arc::default(),
            is_broken: false,
            opened: Weak::new(),
            has_failed: false,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.opened.strong_count() > 0
    }

    pub(super) fn is_broken(&self) -> bool {
        self.is_broken
    }

    pub(super) fn has_failed(&self) -> bool {
        self.has_failed
    }

    /// Opens it: what is given is held until it is closed.
    pub(super) fn open(&mut self) -> Arc<()> {
        let opened = Arc::new(());
        self.opened = Arc::downgrade(&opened);
        self.has_failed = false;
        opened
    }

    pub(super) fn now(&self) -> &Version {
        &self.now
    }

    pub(super) fn damaged(&self) -> &Arc<BTreeSet<Bytes>> {
        &self.damaged
    }

    pub(super) fn live_size_bytes(&self) -> u64 {
        self.live_size_bytes
    }

    pub(super) fn unflushed_size_bytes(&self) -> u64 {
        self.unflushed_size_bytes
    }

    pub(super) fn write(&mut self, writes: &WriteSet, mark: Option<&[u8]>) {
        let write = Write { rows: writes.clone(), mark: mark.map(Bytes::copy_from_slice) };
        for (key, value) in writes.iter() {
            self.unflushed_size_bytes += (key.len() + value.map_or(0, Bytes::len)) as u64;
            if self.damaged.contains(key) {
                Arc::make_mut(&mut self.damaged).remove(key);
            }
        }
        self.unflushed_size_bytes += write.mark.as_ref().map_or(0, Bytes::len) as u64;
        self.now.write(&write);
        self.unflushed.push(write);
    }

    pub(super) fn flush(&mut self) {
        self.unflushed.clear();
        self.unflushed_size_bytes = 0;
        self.live_size_bytes = self.now.size_bytes();
        self.flushed = Some(self.now.clone());
    }

    /// A flush fails: nothing is written any more.
    pub(super) fn fail(&mut self) {
        self.has_failed = true;
    }

    /// Leaves what a crash leaves: what was flushed, or what was written until some later write; false if that is only
    /// what the files hold.
    pub(super) fn crash(&mut self, dice: &mut Dice) -> bool {
        let Some(mut left) = self.flushed.take() else { return false };
        let unflushed = std::mem::take(&mut self.unflushed);
        let all = unflushed.len() as u64;
        // By itself it flushes now and then, mostly long ago.
        let kept = if dice.happens(50) { 0 } else { dice.within(0..=all) };
        for (write, _) in unflushed.iter().zip(0..kept) {
            left.write(write);
        }
        let (damaged, is_broken) = (Arc::clone(&self.damaged), self.is_broken);
        *self = Self { damaged, is_broken, ..Self::with(left.clone(), Some(left)) };
        true
    }

    /// Has a row be unreadable from now on; false if there is none.
    pub(super) fn damage_row(&mut self, dice: &mut Dice) -> bool {
        let keys: Vec<&[u8]> = self.now.rows.iter().map(|(key, _)| key).collect();
        if keys.is_empty() {
            return false;
        }
        let key = Bytes::copy_from_slice(dice.pick::<&[u8]>(&keys));
        Arc::make_mut(&mut self.damaged).insert(key);
        true
    }

    /// Has all of it be unreadable when it is opened next.
    pub(super) fn damage_all(&mut self) {
        self.is_broken = true;
    }
}
