//! What the search has tried already, so that it tries nothing twice.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher, Hash};

/// Positions of a search: a key `K`, and the open operations that were used to come there.
///
/// Whatever can be reached from a position can also be reached from the same key with fewer of them used, as an open
/// operation need never be done. So of each key only the smallest sets are kept, and what is larger is not tried.
pub(crate) struct Seen<K> {
    /// With a fixed hasher: every run goes the same way.
    used: HashMap<K, Vec<Vec<usize>>, BuildHasherDefault<DefaultHasher>>,
    len: usize,
}

impl<K: Eq + Hash> Seen<K> {
    pub(crate) fn new() -> Self {
        Self { used: HashMap::default(), len: 0 }
    }

    /// How many sets are kept.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Notes a position; `used` ascends. False: it need not be tried.
    pub(crate) fn insert(&mut self, key: K, used: &[usize]) -> bool {
        let sets = self.used.entry(key).or_default();
        if sets.iter().any(|smaller| is_subset(smaller, used)) {
            return false;
        }
        self.len -= sets.len();
        sets.retain(|larger| !is_subset(used, larger));
        sets.push(used.to_vec());
        self.len += sets.len();
        true
    }
}

/// Whether all of the smaller are in the larger; both ascend.
fn is_subset(smaller: &[usize], larger: &[usize]) -> bool {
    let mut rest = larger.iter();
    smaller.len() <= larger.len() && smaller.iter().all(|number| rest.any(|other| other == number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_needs_more_than_something_seen_is_not_tried() {
        let mut seen = Seen::new();
        assert!(seen.insert('a', &[1, 3]));
        assert!(!seen.insert('a', &[1, 3]));
        assert!(!seen.insert('a', &[1, 2, 3]));
        assert!(seen.insert('b', &[1, 2, 3]));
        assert!(seen.insert('a', &[2]));
        assert!(seen.insert('a', &[1]));
        assert_eq!(seen.len(), 3);
        assert!(seen.insert('a', &[]));
        assert!(!seen.insert('a', &[7]));
        assert_eq!(seen.len(), 2);
    }
}
