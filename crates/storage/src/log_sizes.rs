//! How many bytes the entries take, so that the log can be bounded by them too.

use std::collections::VecDeque;
use std::ops::Range;

/// The sizes of a gapless run of entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LogSizes {
    /// Index of the first entry in it. Without entries: of no meaning.
    first: u64,
    /// What came before the first entry, in bytes; counted from anywhere.
    before: u64,
    /// What there is up to and with each entry, counted from the same.
    ends: VecDeque<u64>,
}

impl LogSizes {
    /// Adds the entry with the index after the last, or with any if there is none.
    pub(crate) fn push(&mut self, index: u64, size_bytes: usize) {
        if self.ends.is_empty() {
            self.first = index;
        }
        let before = self.ends.back().copied().unwrap_or(self.before);
        self.ends.push_back(before + size_bytes as u64);
    }

    /// Leaves only what lies in `entries`, which begins and ends no later than before.
    pub(crate) fn keep(&mut self, entries: &Range<u64>) {
        let kept = usize::try_from(entries.end.saturating_sub(self.first)).unwrap_or(usize::MAX);
        self.ends.truncate(kept);
        let purged = usize::try_from(entries.start.saturating_sub(self.first)).unwrap_or(usize::MAX);
        let purged = purged.min(self.ends.len());
        if let Some(before) = self.ends.drain(..purged).next_back() {
            self.before = before;
        }
        self.first = self.first.max(entries.start);
    }

    /// What the entries from `index` on take, in bytes.
    pub(crate) fn from(&self, index: u64) -> u64 {
        let end = self.ends.back().copied().unwrap_or(self.before);
        end - self.before_entry(index)
    }

    /// The first index from which on the entries take no more than `size_bytes_max`.
    pub(crate) fn start_of_last(&self, size_bytes_max: u64) -> u64 {
        let end = self.ends.back().copied().unwrap_or(self.before);
        let dropped_min = end.saturating_sub(size_bytes_max);
        if dropped_min <= self.before {
            return self.first;
        }
        self.first + self.ends.partition_point(|&dropped| dropped < dropped_min) as u64 + 1
    }

    /// What comes before `index`.
    fn before_entry(&self, index: u64) -> u64 {
        let Some(position) = index.checked_sub(self.first + 1) else { return self.before };
        let position = usize::try_from(position).unwrap_or(usize::MAX).min(self.ends.len().wrapping_sub(1));
        self.ends.get(position).copied().unwrap_or(self.before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Entries 5 to 9, entry N of N bytes.
    fn sizes() -> LogSizes {
        let mut sizes = LogSizes::default();
        for index in 5..10 {
            sizes.push(index, usize::try_from(index).unwrap());
        }
        sizes
    }

    #[test]
    fn it_tells_what_the_newer_entries_take() {
        let sizes = sizes();
        assert_eq!([0, 5, 6, 9, 10, 99].map(|index| sizes.from(index)), [35, 35, 30, 9, 0, 0]);
        assert_eq!(LogSizes::default().from(7), 0);
    }

    #[test]
    fn it_finds_where_the_last_bytes_begin() {
        let sizes = sizes();
        let starts = [99, 35, 34, 30, 29, 9, 8, 0].map(|size_bytes| sizes.start_of_last(size_bytes));
        assert_eq!(starts, [5, 5, 6, 6, 7, 9, 10, 10]);
        for size_bytes_max in 0..40 {
            assert!(sizes.from(sizes.start_of_last(size_bytes_max)) <= size_bytes_max);
        }
        assert_eq!(LogSizes::default().start_of_last(7), 0);
    }

    #[test]
    fn it_forgets_what_is_truncated_and_purged() {
        let mut sizes = sizes();
        sizes.keep(&(5..8));
        assert_eq!((sizes.from(0), sizes.from(7)), (18, 7));
        sizes.keep(&(7..8));
        assert_eq!((sizes.from(0), sizes.start_of_last(6), sizes.start_of_last(7)), (7, 8, 7));
        sizes.push(8, 100);
        assert_eq!((sizes.from(0), sizes.from(8)), (107, 100));
        sizes.keep(&(20..20));
        assert_eq!((sizes.from(0), sizes.start_of_last(1)), (0, 20));
        sizes.push(21, 3);
        assert_eq!((sizes.from(0), sizes.from(21), sizes.from(22)), (3, 3, 0));
    }
}
