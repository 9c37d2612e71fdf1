//! What is wrong with a disk, and how often it was.

use std::io;

use crate::dice::Dice;

/// A disk that nobody has limited holds so much.
pub(super) const SIZE_BYTES: u64 = 1 << 40;

/// What is wrong with a disk. The world changes it at any time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fault {
    /// How much more there is room for from now on, in bytes. None: more than anybody writes.
    pub(crate) room_bytes: Option<u64>,
    /// Of a million reads, so many fail.
    pub(crate) read_error_ppm: u32,
    /// Of a million writes and changes of names, so many fail.
    pub(crate) write_error_ppm: u32,
    /// Of a million syncs and flushes, so many fail.
    pub(crate) sync_error_ppm: u32,
    /// After so many more operations the host ends, in the middle of whatever it does: every operation from then on
    /// fails, and the world sees [`super::SimDisk::has_ended`] and does the rest.
    pub(crate) ends_after: Option<u64>,
    /// How much longer work takes that uses it, at most, in milliseconds.
    pub(crate) slow_ms: u64,
}

/// How often something was wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FaultCounts {
    /// There was no room.
    pub(crate) full: u64,
    /// A read failed.
    pub(crate) read_errors: u64,
    /// A write failed.
    pub(crate) write_errors: u64,
    /// A sync failed.
    pub(crate) sync_errors: u64,
    /// Work was slowed down.
    pub(crate) slowed: u64,
    /// Something was damaged.
    pub(crate) damaged: u64,
    /// A batch of the log was under way when the host ended.
    pub(crate) caught_writing: u64,
}

/// What is done with a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Read,
    Write,
    Sync,
}

impl Fault {
    /// Whether an operation fails.
    pub(super) fn draw(
        &self,
        operation: Operation,
        counts: &mut FaultCounts,
        dice: &mut Dice,
    ) -> io::Result<()> {
        let (ppm, count) = match operation {
            Operation::Read => (self.read_error_ppm, &mut counts.read_errors),
            Operation::Write => (self.write_error_ppm, &mut counts.write_errors),
            Operation::Sync => (self.sync_error_ppm, &mut counts.sync_errors),
        };
        if !dice.happens_ppm(ppm) {
            return Ok(());
        }
        *count += 1;
        Err(io::Error::other(format!("input/output error ({operation:?})")))
    }

    /// By how much work that uses the disk is slowed down, in milliseconds.
    pub(super) fn draw_slow_ms(&self, counts: &mut FaultCounts, dice: &mut Dice) -> u64 {
        if self.slow_ms == 0 {
            return 0;
        }
        counts.slowed += 1;
        dice.within(0..=self.slow_ms)
    }
}
