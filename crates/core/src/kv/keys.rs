//! Which keys plain reads and writes may meet.
//!
//! All that Conclave keeps for its own domains lies under [`RESERVED`]. Of that only the items of the configuration can
//! be read as plain keys, and nothing of it is written by plain writes.

use bytes::Bytes;
use conclave_mvcc::KeyRange;

/// All keys that begin so belong to Conclave's own domains.
pub const RESERVED: &str = "conclave/";
/// The items of the configuration: what others may read of them.
const READABLE: &str = "conclave/config/";

/// Whether a plain write may not touch `key`.
pub fn is_reserved(key: &[u8]) -> bool {
    key.starts_with(RESERVED.as_bytes())
}

/// All plain keys, in order.
pub fn plain() -> [KeyRange; 2] {
    let reserved = KeyRange::prefix(RESERVED);
    [KeyRange::new("", reserved.start), KeyRange::new(reserved.end, "")]
}

/// The parts of `range` that plain reads see, in order.
pub fn readable(range: &KeyRange) -> Vec<KeyRange> {
    let [before, behind] = plain();
    [before, KeyRange::prefix(READABLE), behind].iter().filter_map(|part| both(range, part)).collect()
}

/// The keys that are in both ranges; none if there can be none.
fn both(one: &KeyRange, other: &KeyRange) -> Option<KeyRange> {
    let start = one.start.clone().max(other.start.clone());
    let end = earlier_end(&one.end, &other.end);
    (end.is_empty() || start < end).then(|| KeyRange::new(start, end))
}

/// The earlier of two ends, of which an empty one is no end.
fn earlier_end(one: &Bytes, other: &Bytes) -> Bytes {
    match (one.is_empty(), other.is_empty()) {
        (true, _) => other.clone(),
        (_, true) => one.clone(),
        _ => one.min(other).clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_is_reserved_only_items_are_read() {
        let all = readable(&KeyRange::all());
        let seen = |key: &str| all.iter().any(|range| range.contains(key.as_bytes()));
        for key in ["", "a", "conclave", "conclave.", "conclave/config/a//b", "conclave0", "z"] {
            assert!(seen(key), "{key:?}");
        }
        for key in
            ["conclave/", "conclave/lease/1", "conclave/config", "conclave/namespace/a", "conclave/tag/x"]
        {
            assert!(!seen(key), "{key:?}");
            assert!(readable(&KeyRange::single(key.to_owned())).is_empty(), "{key:?}");
        }
        let is_plain = |key: &str| plain().iter().any(|range| range.contains(key.as_bytes()));
        for key in ["", "a", "conclave", "conclave/", "conclave/config/a//b", "conclave0", "z"] {
            assert_eq!(is_plain(key), !is_reserved(key.as_bytes()), "{key:?}");
        }
        assert_eq!(readable(&KeyRange::single("a")), [KeyRange::single("a")]);
        assert_eq!(readable(&KeyRange::new("b", "a")), []);
        assert_eq!(readable(&KeyRange::prefix("b")), [KeyRange::prefix("b")]);
    }
}
