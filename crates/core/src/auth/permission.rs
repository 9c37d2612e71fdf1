//! Permissions: which keys may be read or written.

use bytes::Bytes;
use conclave_mvcc::KeyRange;
use serde::{Deserialize, Serialize};

/// The end of a range that has none.
const NO_END: &[u8] = b"\0";

/// What a role permits with some keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permission {
    /// The first key.
    pub key: Bytes,
    /// The first key that is no longer of them. Empty: `key` alone; `\0`: all from `key` on.
    pub range_end: Bytes,
    /// What is permitted.
    pub kind: PermissionKind,
}

/// What is permitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PermissionKind {
    /// To read.
    Read,
    /// To write.
    Write,
    /// Both.
    ReadWrite,
}

impl Permission {
    /// The keys.
    pub fn range(&self) -> KeyRange {
        match self.range_end.as_ref() {
            b"" => KeyRange::single(self.key.clone()),
            NO_END => KeyRange::new(self.key.clone(), ""),
            _ => KeyRange::new(self.key.clone(), self.range_end.clone()),
        }
    }

    /// Whether there are such keys. The empty key is none.
    pub(super) fn is_valid(&self) -> bool {
        let range = self.range();
        !self.key.is_empty() && (range.end.is_empty() || range.start < range.end)
    }

    /// Whether it is for exactly these keys.
    pub(super) fn is_for(&self, key: &Bytes, range_end: &Bytes) -> bool {
        self.key == key && self.range_end == range_end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permission(key: &'static str, range_end: &'static str) -> Permission {
        Permission { key: key.into(), range_end: range_end.into(), kind: PermissionKind::Read }
    }

    #[test]
    fn ranges_are_those_of_etcd() {
        assert_eq!(permission("k", "").range(), KeyRange::single("k"));
        assert_eq!(permission("k", "m").range(), KeyRange::new("k", "m"));
        assert_eq!(permission("k", "\0").range(), KeyRange::new("k", ""));
        assert_eq!(permission("\0", "\0").range(), KeyRange::new("\0", ""));
    }

    #[test]
    fn what_holds_no_key_is_invalid() {
        for (key, range_end) in [("", ""), ("", "b"), ("", "\0"), ("b", "a"), ("b", "b")] {
            assert!(!permission(key, range_end).is_valid(), "{key:?} {range_end:?}");
        }
        for (key, range_end) in [("k", ""), ("k", "\0"), ("\0", "\0"), ("\0", ""), ("a", "b")] {
            assert!(permission(key, range_end).is_valid(), "{key:?} {range_end:?}");
        }
    }
}
