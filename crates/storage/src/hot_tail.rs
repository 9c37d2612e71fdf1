//! The newest entries, in memory, as they were appended.

use std::collections::VecDeque;
use std::ops::Range;

use bytes::Bytes;

/// What is kept in memory of entries that are on disk too. Those that are not yet on disk stay whatever
/// they take: they are bounded by what consensus lets be under way.
pub(crate) const SIZE_BYTES_MAX: usize = 8 * 1024 * 1024;
/// What an entry takes beside its bytes.
const ENTRY_OVERHEAD_BYTES: usize = 64;

/// A gapless run of entries up to the last one. Each knows the request that brings it to disk, and is not
/// dropped before that is done: an index alone would not do, since it may be truncated and used again.
#[derive(Default)]
pub(crate) struct HotTail {
    /// Index of the first entry in it. Without entries: of the next one that is appended.
    first: u64,
    entries: VecDeque<(u64, Bytes)>,
    size_bytes: usize,
}

impl HotTail {
    /// An empty tail, for a log whose next entry has this index.
    pub(crate) fn new(next: u64) -> Self {
        Self { first: next, ..Self::default() }
    }

    /// Index of the first entry that is in memory: whatever comes before is on disk.
    pub(crate) fn first(&self) -> u64 {
        self.first
    }

    /// Adds the entry with the index after the last, or with any if there is none.
    pub(crate) fn push(&mut self, index: u64, request: u64, entry: Bytes) {
        if self.entries.is_empty() {
            self.first = index;
        }
        self.size_bytes += size_bytes(&entry);
        self.entries.push_back((request, entry));
    }

    /// The entries of `range`, which begins in the tail, until they come to `size_bytes_max`; at least one.
    pub(crate) fn read(&self, range: Range<u64>, size_bytes_max: usize) -> Vec<Bytes> {
        let start = usize::try_from(range.start - self.first).unwrap_or(usize::MAX);
        let count = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
        let mut room = size_bytes_max;
        let mut taken = Vec::new();
        for (_, entry) in self.entries.iter().skip(start).take(count) {
            if !taken.is_empty() && entry.len() > room {
                break;
            }
            room = room.saturating_sub(entry.len());
            taken.push(entry.clone());
        }
        taken
    }

    /// Drops the entries from `end` on.
    pub(crate) fn truncate(&mut self, end: u64) {
        let kept = usize::try_from(end.saturating_sub(self.first)).unwrap_or(usize::MAX);
        while self.entries.len() > kept {
            let dropped = self.entries.pop_back();
            self.size_bytes -= dropped.map_or(0, |(_, entry)| size_bytes(&entry));
        }
        self.first = self.first.min(end);
    }

    /// Drops the entries before `start`.
    pub(crate) fn purge(&mut self, start: u64) {
        while self.first < start && self.pop_front() {}
        self.first = self.first.max(start);
    }

    /// Drops the oldest entries while there are too many bytes, but none that a request after `durable`
    /// brings to disk.
    pub(crate) fn shrink(&mut self, durable: u64, size_bytes_max: usize) {
        while self.size_bytes > size_bytes_max
            && self.entries.front().is_some_and(|(request, _)| *request <= durable)
        {
            self.pop_front();
        }
    }

    fn pop_front(&mut self) -> bool {
        let Some((_, entry)) = self.entries.pop_front() else { return false };
        self.size_bytes -= size_bytes(&entry);
        self.first += 1;
        true
    }
}

fn size_bytes(entry: &Bytes) -> usize {
    entry.len() + ENTRY_OVERHEAD_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Entries 5 to 9, entry N brought by request N.
    fn tail() -> HotTail {
        let mut tail = HotTail::new(5);
        for index in 5..10 {
            tail.push(index, index, Bytes::from(vec![b'0' + u8::try_from(index).unwrap(); 10]));
        }
        tail
    }

    fn read(tail: &HotTail, range: Range<u64>, size_bytes_max: usize) -> String {
        let entries = tail.read(range, size_bytes_max);
        entries.iter().map(|entry| char::from(entry[0])).collect()
    }

    #[test]
    fn it_reads_within_bounds() {
        let tail = tail();
        assert_eq!(read(&tail, 5..10, 1000), "56789");
        assert_eq!(read(&tail, 6..8, 1000), "67");
        assert_eq!(read(&tail, 6..10, 29), "67");
        assert_eq!(read(&tail, 6..10, 0), "6");
        assert_eq!(read(&tail, 9..u64::MAX, 1000), "9");
    }

    #[test]
    fn it_shrinks_but_never_drops_what_is_not_on_disk() {
        let mut tail = tail();
        tail.shrink(6, 0);
        assert_eq!((tail.first(), read(&tail, 7..10, 1000).as_str()), (7, "789"));
        tail.shrink(9, 2 * (10 + ENTRY_OVERHEAD_BYTES));
        assert_eq!((tail.first(), read(&tail, 8..10, 1000).as_str()), (8, "89"));
        tail.shrink(9, 0);
        assert_eq!((tail.first(), tail.size_bytes), (10, 0));
    }

    #[test]
    fn an_index_that_is_used_again_waits_for_its_own_request() {
        let mut tail = tail();
        tail.truncate(9);
        tail.push(9, 20, Bytes::from_static(b"n"));
        tail.shrink(19, 0);
        assert_eq!((tail.first(), read(&tail, 9..10, 1000).as_str()), (9, "n"));
    }

    #[test]
    fn it_truncates_and_purges_beyond_both_ends() {
        let mut tail = tail();
        tail.truncate(8);
        assert_eq!(read(&tail, 5..10, 1000), "567");
        tail.purge(6);
        assert_eq!((tail.first(), read(&tail, 6..10, 1000).as_str()), (6, "67"));
        tail.truncate(2);
        assert_eq!((tail.first(), tail.size_bytes), (2, 0));
        tail.purge(100);
        assert_eq!(tail.first(), 100);
        tail.push(101, 1, Bytes::new());
        assert_eq!(tail.first(), 101);
    }
}
