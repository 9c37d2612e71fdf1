//! What a watcher wants to see: ranges of keys, and the cut of a revision to them.

use bytes::Bytes;
use conclave_mvcc::{KeyRange, Revised};

/// The ranges of keys that a watcher is told about. No ranges: nothing.
#[derive(Debug, Clone, Default)]
pub struct WatchFilter {
    /// Any ranges, in any order; they may overlap.
    pub ranges: Vec<KeyRange>,
}

/// The same ranges, sorted and merged, so that one binary search decides.
#[derive(Debug)]
pub(crate) struct Ranges(Vec<KeyRange>);

impl From<WatchFilter> for Ranges {
    fn from(filter: WatchFilter) -> Self {
        let mut ranges = filter.ranges;
        ranges.retain(|range| range.end.is_empty() || range.start < range.end);
        ranges.sort_by(|a, b| a.start.cmp(&b.start));
        let mut merged: Vec<KeyRange> = Vec::with_capacity(ranges.len());
        for range in ranges {
            match merged.last_mut() {
                Some(last) if last.end.is_empty() || range.start <= last.end => {
                    last.end = later_end(&last.end, range.end);
                }
                _ => merged.push(range),
            }
        }
        Self(merged)
    }
}

impl Ranges {
    /// The part of a revision that lies in the ranges; `None` when nothing does.
    pub(crate) fn cut(&self, revised: &Revised) -> Option<Revised> {
        let wanted = revised.events.iter().filter(|event| self.contains(&event.key)).count();
        match wanted {
            0 => None,
            all if all == revised.events.len() => Some(revised.clone()),
            _ => {
                let events =
                    revised.events.iter().filter(|event| self.contains(&event.key)).cloned().collect();
                Some(Revised { revision: revised.revision, events })
            }
        }
    }

    pub(crate) fn as_slice(&self) -> &[KeyRange] {
        &self.0
    }

    fn contains(&self, key: &Bytes) -> bool {
        let after = self.0.partition_point(|range| range.start <= *key);
        after > 0 && self.0[after - 1].contains(key)
    }
}

/// The later of two ends, of which an empty one is no end.
fn later_end(one: &Bytes, other: Bytes) -> Bytes {
    if one.is_empty() || other.is_empty() { Bytes::new() } else { other.max(one.clone()) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(0_u8..3, 0..3)
    }

    proptest! {
        #[test]
        fn merged_ranges_hold_what_any_of_them_holds(
            bounds in prop::collection::vec((key(), key()), 0..6),
            key in key(),
        ) {
            let ranges: Vec<KeyRange> =
                bounds.into_iter().map(|(start, end)| KeyRange::new(start, end)).collect();
            let expected = ranges.iter().any(|range| range.contains(&key));
            prop_assert_eq!(Ranges::from(WatchFilter { ranges }).contains(&key.into()), expected);
        }
    }
}
