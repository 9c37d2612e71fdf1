//! What a file holds: what a loss of power leaves of it, and what was written since.

use crate::dice::Dice;

/// So much is written whole or not at all. The durable mark of a log, which is written over in place, counts on it.
pub(super) const SECTOR_SIZE_BYTES: usize = 512;

/// The content of a file.
#[derive(Debug, Default)]
pub(super) struct Content {
    now: Vec<u8>,
    synced: Vec<u8>,
    /// What makes `now` of `synced`, in order.
    unsynced: Vec<Change>,
    /// A sync has failed: the system has forgotten what it was to write, and says so only once.
    is_forgotten: bool,
}

#[derive(Debug)]
enum Change {
    Empty,
    Write { offset: usize, bytes: Vec<u8> },
}

impl Content {
    /// All of it.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.now
    }

    /// Whole and on the medium.
    pub(super) fn synced(bytes: Vec<u8>) -> Self {
        Self { now: bytes.clone(), synced: bytes, ..Self::default() }
    }

    pub(super) fn empty(&mut self) {
        if !self.now.is_empty() {
            self.change(Change::Empty);
        }
    }

    /// Writes from `offset` on, which is no further than the end.
    pub(super) fn write(&mut self, offset: usize, bytes: &[u8]) {
        assert!(offset <= self.now.len(), "nobody writes beyond the end");
        self.change(Change::Write { offset, bytes: bytes.to_vec() });
    }

    fn change(&mut self, change: Change) {
        change.make(&mut self.now);
        self.unsynced.push(change);
    }

    /// All that was written is on the medium from now on, unless a sync has failed before.
    pub(super) fn sync(&mut self) {
        if self.is_forgotten {
            return;
        }
        for change in self.unsynced.drain(..) {
            change.make(&mut self.synced);
        }
    }

    /// A sync fails.
    pub(super) fn forget(&mut self) {
        self.is_forgotten = true;
    }

    /// Leaves what a loss of power leaves: of what was not synced, any part.
    pub(super) fn lose_power(&mut self, dice: &mut Dice) {
        let unsynced = std::mem::take(&mut self.unsynced);
        let mut left = std::mem::take(&mut self.synced);
        match dice.within(0..=3) {
            0 => {}
            1 => unsynced.iter().for_each(|change| change.make(&mut left)),
            2 => make_first(&mut left, unsynced, dice),
            _ => left = torn(left, &unsynced, dice),
        }
        *self = Self::synced(left);
    }

    /// Turns a bit over, also on the medium; false if there is none.
    pub(super) fn damage(&mut self, dice: &mut Dice) -> bool {
        let Some(last) = self.now.len().checked_sub(1) else { return false };
        let at = index(dice.within(0..=last as u64));
        let bit = 1 << dice.within(0..=7);
        self.now[at] ^= bit;
        if let Some(byte) = self.synced.get_mut(at) {
            *byte ^= bit;
        }
        true
    }
}

impl Change {
    fn make(&self, content: &mut Vec<u8>) {
        match self {
            Self::Empty => content.clear(),
            Self::Write { offset, bytes } => {
                let end = offset + bytes.len();
                if content.len() < end {
                    content.resize(end, 0);
                }
                content[*offset..end].copy_from_slice(bytes);
            }
        }
    }
}

/// Makes the first of the changes, the last of these up to a sector's end.
fn make_first(left: &mut Vec<u8>, changes: Vec<Change>, dice: &mut Dice) {
    let whole = index(dice.within(0..=changes.len() as u64));
    for (nth, change) in changes.into_iter().enumerate().take(whole + 1) {
        match change {
            Change::Write { offset, mut bytes } if nth == whole => {
                let cut = offset + index(dice.within(0..=bytes.len() as u64));
                bytes.truncate((cut - cut % SECTOR_SIZE_BYTES).saturating_sub(offset));
                if !bytes.is_empty() {
                    Change::Write { offset, bytes }.make(left);
                }
            }
            Change::Empty if nth == whole => {}
            change => change.make(left),
        }
    }
}

/// Each sector, and the size, as after any of the changes. A sector that was not there then is of zeros.
fn torn(mut version: Vec<u8>, changes: &[Change], dice: &mut Dice) -> Vec<u8> {
    let mut sizes = vec![version.len()];
    let mut size = version.clone();
    for change in changes {
        change.make(&mut size);
        sizes.push(size.len());
    }
    let size_max = sizes.iter().copied().max().unwrap_or(0);
    let last = changes.len() as u64;
    let drawn: Vec<usize> =
        (0..size_max.div_ceil(SECTOR_SIZE_BYTES)).map(|_| index(dice.within(0..=last))).collect();
    let mut torn = vec![0; size_max];
    for nth in 0..=changes.len() {
        for (sector, _) in drawn.iter().enumerate().filter(|(_, of)| **of == nth) {
            let start = (sector * SECTOR_SIZE_BYTES).min(version.len());
            let end = (start + SECTOR_SIZE_BYTES).min(version.len());
            torn[start..end].copy_from_slice(&version[start..end]);
        }
        if let Some(change) = changes.get(nth) {
            change.make(&mut version);
        }
    }
    torn.truncate(sizes[index(dice.within(0..=last))]);
    torn
}

fn index(drawn: u64) -> usize {
    usize::try_from(drawn).expect("what is drawn lies within what is in memory")
}
