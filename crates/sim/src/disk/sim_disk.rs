//! A disk as the world has it: it outlives its host, and the world says what is wrong with it.

use std::path::PathBuf;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::damage::Damage;
use super::faults::{Fault, FaultCounts, SIZE_BYTES};
use super::host_disk::{HostDisk, Inner};
use super::log_drive::LogDrive;
use super::tree::Tree;
use crate::dice::Dice;

/// How a host ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Crash {
    /// The process is killed: the system goes on, and has all that was written to files.
    Process,
    /// The machine loses power.
    Power,
}

/// The disk of one host. Clones are the same disk.
#[derive(Clone)]
pub(crate) struct SimDisk {
    inner: Arc<Mutex<Inner>>,
    drives: Arc<Mutex<Vec<Weak<LogDrive>>>>,
}

impl SimDisk {
    /// An empty one.
    pub(crate) fn new(dice: Dice) -> Self {
        let inner = Inner {
            tree: Tree::default(),
            dice,
            fault: Fault::default(),
            size_bytes: SIZE_BYTES,
            counts: FaultCounts::default(),
            ended: 0,
            has_ended: false,
            is_ending: false,
            locked: Vec::new(),
        };
        Self { inner: Arc::new(Mutex::new(inner)), drives: Arc::default() }
    }

    /// Where on it the host has its data.
    pub(crate) fn path(&self) -> PathBuf {
        PathBuf::from("/data")
    }

    /// It as the host has it from this start on.
    pub(crate) fn start(&self) -> HostDisk {
        HostDisk::new(Arc::clone(&self.inner))
    }

    /// The host ends, and all that it has opened with it. To be called before its tasks are dropped, so that what they
    /// do on their way out does nothing here.
    pub(crate) fn crash(&self, crash: Crash) {
        self.end_batches();
        let inner = &mut *self.inner.lock();
        inner.ended += 1;
        inner.fault.ends_after = None;
        inner.has_ended = false;
        inner.locked.clear();
        inner.tree.crash(crash == Crash::Power, &mut inner.dice);
    }

    /// Whether the host has ended where its fault told it to.
    pub(crate) fn has_ended(&self) -> bool {
        self.inner.lock().has_ended
    }

    /// From now on this is wrong with it.
    pub(crate) fn set_fault(&self, fault: Fault) {
        let inner = &mut *self.inner.lock();
        let used_bytes = inner.tree.size_bytes();
        inner.size_bytes = fault.room_bytes.map_or(SIZE_BYTES, |room_bytes| used_bytes + room_bytes);
        inner.fault = fault;
    }

    /// How often something was wrong.
    #[cfg(test)]
    pub(crate) fn counts(&self) -> FaultCounts {
        self.inner.lock().counts
    }

    /// Damages something; false if there is no such thing.
    pub(crate) fn damage(&self, damage: &Damage) -> bool {
        self.inner.lock().damage(damage)
    }

    /// From now on, a crash catches this log's writer too.
    pub(super) fn watch(&self, drive: &Arc<LogDrive>) {
        let mut drives = self.drives.lock();
        drives.retain(|drive| drive.strong_count() > 0);
        drives.push(Arc::downgrade(drive));
    }

    /// A batch that is being written is on the medium or not; and if it is, what is noted of it in a file may be missing.
    fn end_batches(&self) {
        let drives = std::mem::take(&mut *self.drives.lock());
        for drive in drives.iter().filter_map(Weak::upgrade).filter(|drive| drive.is_writing()) {
            let is_written = {
                let inner = &mut *self.inner.lock();
                inner.counts.caught_writing += 1;
                inner.is_ending = inner.dice.happens(50);
                inner.dice.happens(50)
            };
            if is_written {
                drive.write();
            }
            self.inner.lock().is_ending = false;
        }
    }
}
