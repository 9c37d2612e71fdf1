//! Which watches a key concerns: any ranges, found by a key that they contain.
//!
//! The ranges lie in runs, each in order of where its ranges start, and each searched as a tree: the middle of a part
//! is its root, and knows how far the ranges of the part go at most. A new range is a run by itself; runs are joined
//! when they are of about the same size, so there are few. With n ranges, to add one takes log n steps in the mean, and
//! to find those of a key log² n and one for each that is found.

use std::collections::BTreeSet;

use bytes::Bytes;
use conclave_mvcc::KeyRange;

use super::watches::Serial;

/// The ranges of watches.
#[derive(Default)]
pub(super) struct RangeIndex {
    /// Each at least twice as large as the next.
    runs: Vec<Vec<Node>>,
}

struct Node {
    range: KeyRange,
    serial: Serial,
    /// The latest end of the part whose root this is.
    last_end: Bytes,
}

impl RangeIndex {
    pub(super) fn add(&mut self, range: KeyRange, serial: Serial) {
        let last_end = range.end.clone();
        let mut run = vec![Node { range, serial, last_end }];
        while let Some(mut before) = self.runs.pop_if(|before| before.len() < 2 * run.len()) {
            before.append(&mut run);
            run = before;
        }
        self.push(run);
    }

    /// How many ranges there are.
    pub(super) fn len(&self) -> usize {
        self.runs.iter().map(Vec::len).sum()
    }

    /// The watches of ranges that contain the key.
    pub(super) fn find(&self, key: &[u8], found: &mut BTreeSet<Serial>) {
        self.runs.iter().for_each(|run| find_in(run, key, found));
    }

    /// Forgets the ranges of all other watches.
    pub(super) fn retain(&mut self, stays: impl Fn(Serial) -> bool) {
        let mut all: Vec<_> = std::mem::take(&mut self.runs).into_iter().flatten().collect();
        all.retain(|node| stays(node.serial));
        self.push(all);
    }

    fn push(&mut self, mut run: Vec<Node>) {
        run.sort_by(|one, other| one.range.start.cmp(&other.range.start));
        set_last_ends(&mut run);
        self.runs.push(run);
    }
}

fn find_in(part: &[Node], key: &[u8], found: &mut BTreeSet<Serial>) {
    let middle = part.len() / 2;
    let Some(root) = part.get(middle) else { return };
    if !root.last_end.is_empty() && root.last_end <= key {
        return;
    }
    find_in(&part[..middle], key, found);
    if root.range.start <= key {
        if root.range.contains(key) {
            found.insert(root.serial);
        }
        find_in(&part[middle + 1..], key, found);
    }
}

/// Sets how far each part goes; tells it of the whole.
fn set_last_ends(part: &mut [Node]) -> Option<Bytes> {
    let middle = part.len() / 2;
    let (before, rest) = part.split_at_mut(middle);
    let (root, after) = rest.split_first_mut()?;
    let ends = [set_last_ends(before), set_last_ends(after)].into_iter().flatten();
    // An empty end is none: nothing is later.
    let latest = ends.chain([root.range.end.clone()]).max_by_key(|end| (end.is_empty(), end.clone()));
    root.last_end = latest?;
    Some(root.last_end.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that look random.
    fn numbers() -> impl Iterator<Item = u8> {
        (1_u64..).scan(7_u64, |state, step| {
            *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(step);
            Some(state.to_be_bytes()[0])
        })
    }

    fn ranges(count: usize) -> Vec<KeyRange> {
        let mut numbers = numbers();
        let mut range = || {
            let (start, width) = (numbers.next().unwrap() % 64, numbers.next().unwrap() % 24);
            match width {
                0 => KeyRange::new(vec![start], ""),
                1 => KeyRange::single(vec![start]),
                _ => KeyRange::new(vec![start], vec![start + width]),
            }
        };
        (0..count).map(|_| range()).collect()
    }

    fn found(index: &RangeIndex, key: u8) -> Vec<Serial> {
        let mut found = BTreeSet::new();
        index.find(&[key], &mut found);
        found.into_iter().collect()
    }

    #[test]
    fn all_ranges_of_a_key_are_found_and_no_others() {
        for count in [0, 1, 2, 3, 7, 100, 1_000] {
            let ranges = ranges(count);
            let mut index = RangeIndex::default();
            for (serial, range) in (0..).zip(&ranges) {
                index.add(range.clone(), serial);
            }
            assert_eq!(index.len(), count);
            assert!(index.runs.len() <= 11, "{} runs", index.runs.len());
            for gone in [false, true] {
                let stays = |serial: Serial| !gone || serial.is_multiple_of(3);
                index.retain(stays);
                for key in 0..=100 {
                    let holds = |(_, range): &(Serial, &KeyRange)| range.contains(&[key]);
                    let expected = (0..).zip(&ranges).filter(|(serial, _)| stays(*serial)).filter(holds);
                    assert_eq!(found(&index, key), expected.map(|(serial, _)| serial).collect::<Vec<_>>());
                }
            }
        }
    }
}
