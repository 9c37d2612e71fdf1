//! Ranges of keys.

use bytes::Bytes;

/// The keys from `start` up to, but without, `end`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyRange {
    /// First key.
    pub start: Bytes,
    /// First key that is no longer of the range. Empty: the range has no end.
    pub end: Bytes,
}

impl KeyRange {
    /// The keys from `start` up to, but without, `end`; an empty `end` means no end.
    pub fn new(start: impl Into<Bytes>, end: impl Into<Bytes>) -> Self {
        Self { start: start.into(), end: end.into() }
    }

    /// Every key.
    pub fn all() -> Self {
        Self::new("", "")
    }

    /// This one key.
    pub fn single(key: impl Into<Bytes>) -> Self {
        let start = key.into();
        Self { end: just_after(&start), start }
    }

    /// The keys that begin with `prefix`.
    ///
    /// ```
    /// use conclave_mvcc::KeyRange;
    /// assert_eq!(KeyRange::prefix("ab"), KeyRange::new("ab", "ac"));
    /// ```
    pub fn prefix(prefix: impl Into<Bytes>) -> Self {
        let start = prefix.into();
        Self { end: after_prefix(&start), start }
    }

    /// The same range without the keys up to and including `key`.
    #[must_use]
    pub fn after(&self, key: &[u8]) -> Self {
        Self { start: just_after(key).max(self.start.clone()), end: self.end.clone() }
    }

    /// Whether `key` is of the range.
    pub fn contains(&self, key: &[u8]) -> bool {
        key >= self.start.as_ref() && (self.end.is_empty() || key < self.end.as_ref())
    }
}

/// The next key in order of bytes.
fn just_after(key: &[u8]) -> Bytes {
    let mut next = Vec::with_capacity(key.len() + 1);
    next.extend_from_slice(key);
    next.push(0x00);
    next.into()
}

/// The first key after all that begin with `prefix`; empty if there is none.
fn after_prefix(prefix: &[u8]) -> Bytes {
    let Some(last) = prefix.iter().rposition(|&byte| byte != 0xff) else {
        return Bytes::new();
    };
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    end.into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_single_key_is_only_that_key() {
        let range = KeyRange::single("a");
        assert!(range.contains(b"a"));
        assert!(!range.contains(b"a\x00") && !range.contains(b"b") && !range.contains(b""));
    }

    #[test]
    fn what_comes_after_a_key_stays_in_the_range() {
        let range = KeyRange::prefix("b");
        assert_eq!(range.after(b"b1"), KeyRange::new("b1\0", "c"));
        assert_eq!(range.after(b"a"), range);
    }

    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(prop::sample::select(vec![0x00, 0x61, 0xfe, 0xff]), 0..4)
    }

    proptest! {
        #[test]
        fn a_prefix_holds_what_begins_with_it(prefix in bytes(), key in bytes()) {
            prop_assert_eq!(KeyRange::prefix(prefix.clone()).contains(&key), key.starts_with(&prefix));
        }
    }
}
