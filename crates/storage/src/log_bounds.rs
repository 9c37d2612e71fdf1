//! Which entries the log holds, and what was purged before them.

use std::ops::Range;

use bytes::Bytes;

/// The entries by index, without a gap, and up to where the log was purged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LogBounds {
    /// Empty if there are none; it begins after what was purged all the same.
    entries: Range<u64>,
    purged: Option<(u64, Bytes)>,
}

impl LogBounds {
    /// The bounds of a log that holds these entries.
    pub(crate) fn new(entries: Range<u64>, purged: Option<(u64, Bytes)>) -> Self {
        Self { entries, purged }
    }

    pub(crate) fn entries(&self) -> &Range<u64> {
        &self.entries
    }

    pub(crate) fn purged(&self) -> Option<&(u64, Bytes)> {
        self.purged.as_ref()
    }

    /// Takes in entries with these indexes, if they follow.
    pub(crate) fn extend(&mut self, indexes: impl Iterator<Item = u64>) -> Result<(), String> {
        let mut extended = self.entries.clone();
        for index in indexes {
            if extended.is_empty() && self.purged.is_none() {
                extended = index..index;
            }
            if index != extended.end || index == u64::MAX {
                return Err(format!("entry {index} does not follow: the next one is {}", extended.end));
            }
            extended.end += 1;
        }
        self.entries = extended;
        Ok(())
    }

    /// Removes what comes after `last_kept`, and tells which entries those are.
    pub(crate) fn truncate_after(&mut self, last_kept: Option<u64>) -> Range<u64> {
        let end = last_kept.map_or(0, |index| index.saturating_add(1));
        let end = end.clamp(self.entries.start, self.entries.end);
        let removed = end..self.entries.end;
        self.entries.end = end;
        removed
    }

    /// Removes what comes up to and with `index`. Purging less than was purged changes nothing: then false.
    pub(crate) fn purge_up_to(&mut self, index: u64, mark: Bytes) -> bool {
        if self.purged.as_ref().is_some_and(|(purged, _)| index < *purged) {
            return false;
        }
        let start = index.saturating_add(1);
        self.entries = start..self.entries.end.max(start);
        self.purged = Some((index, mark));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(entries: Range<u64>, purged: Option<u64>) -> LogBounds {
        LogBounds::new(entries, purged.map(|index| (index, Bytes::new())))
    }

    #[test]
    fn entries_must_follow() {
        let mut log = LogBounds::default();
        log.extend(0..3).unwrap();
        log.extend(std::iter::empty()).unwrap();
        assert_eq!(log.extend(4..5).unwrap_err(), "entry 4 does not follow: the next one is 3");
        assert!(log.extend(2..3).is_err());
        assert!(log.extend([3, 5].into_iter()).is_err());
        assert_eq!(log.entries(), &(0..3), "what is refused changes nothing");
    }

    #[test]
    fn an_empty_log_begins_after_what_was_purged_or_anywhere() {
        let mut log = LogBounds::default();
        log.extend(7..9).unwrap();
        assert_eq!(log.entries(), &(7..9));
        log.purge_up_to(20, Bytes::new());
        assert_eq!(log.entries(), &(21..21));
        assert!(log.extend(9..10).is_err());
        log.extend(21..22).unwrap();
        assert!(bounds(0..0, None).extend([u64::MAX].into_iter()).is_err());
    }

    #[test]
    fn it_truncates_within_what_is_there() {
        let mut log = bounds(5..10, Some(4));
        assert_eq!(log.truncate_after(Some(20)), 10..10);
        assert_eq!(log.truncate_after(Some(7)), 8..10);
        assert_eq!(log.truncate_after(Some(1)), 5..8);
        assert_eq!(log, bounds(5..5, Some(4)));
        let mut log = bounds(0..3, None);
        assert_eq!(log.truncate_after(Some(0)), 1..3);
        assert_eq!(log.truncate_after(None), 0..1);
    }

    #[test]
    fn it_never_purges_less_than_before() {
        let mut log = bounds(0..10, None);
        assert!(log.purge_up_to(0, Bytes::new()));
        assert_eq!(log, bounds(1..10, Some(0)));
        assert!(log.purge_up_to(5, Bytes::new()));
        assert!(!log.purge_up_to(4, Bytes::new()));
        assert_eq!(log, bounds(6..10, Some(5)));
    }
}
