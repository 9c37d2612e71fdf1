//! What several permissions permit together.

use bytes::Bytes;
use conclave_mvcc::KeyRange;

use super::permission::{Permission, PermissionKind};

impl PermissionKind {
    pub(super) fn reads(self) -> bool {
        self != Self::Write
    }

    pub(super) fn writes(self) -> bool {
        self != Self::Read
    }
}

/// What several permissions permit together: a range of which each permits a part is permitted.
#[derive(Debug, Default)]
pub(crate) struct Permitted {
    reads: Vec<KeyRange>,
    writes: Vec<KeyRange>,
}

impl Permitted {
    pub(super) fn by(permissions: &[Permission]) -> Self {
        let ranges = |does: fn(PermissionKind) -> bool| {
            let those = permissions.iter().filter(|permission| does(permission.kind));
            merged(those.map(Permission::range).collect())
        };
        Self { reads: ranges(PermissionKind::reads), writes: ranges(PermissionKind::writes) }
    }

    pub(crate) fn to_read(&self, range: &KeyRange) -> bool {
        covers(&self.reads, range)
    }

    pub(crate) fn to_write(&self, range: &KeyRange) -> bool {
        covers(&self.writes, range)
    }
}

/// The same keys as ranges in order, of which none meets or touches another.
fn merged(mut ranges: Vec<KeyRange>) -> Vec<KeyRange> {
    ranges.sort_by(|one, other| one.start.cmp(&other.start));
    let mut merged: Vec<KeyRange> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match merged.last_mut() {
            Some(last) if last.end.is_empty() => break,
            Some(last) if range.start <= last.end => last.end = later_end(&last.end, range.end),
            _ => merged.push(range),
        }
    }
    merged
}

/// The later of two ends, of which an empty one is no end.
fn later_end(one: &Bytes, other: Bytes) -> Bytes {
    if other.is_empty() || other > *one { other } else { one.clone() }
}

/// Whether merged ranges hold a range whole. One without keys is asked for by its start.
fn covers(merged: &[KeyRange], range: &KeyRange) -> bool {
    let after = merged.partition_point(|known| known.start <= range.start);
    let Some(known) = after.checked_sub(1).and_then(|last| merged.get(last)) else { return false };
    let ends_within = known.end.is_empty() || (!range.end.is_empty() && range.end <= known.end);
    known.contains(&range.start) && ends_within
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranges_that_touch_are_one() {
        let touching = vec![KeyRange::new("c", "e"), KeyRange::new("a", "c"), KeyRange::single("e")];
        assert_eq!(merged(touching), [KeyRange::new("a", "e\0")]);
        let apart = vec![KeyRange::new("a", "c"), KeyRange::new("d", "")];
        assert_eq!(merged(apart.clone()), apart);
    }

    #[test]
    fn a_range_without_keys_is_asked_for_by_its_start() {
        let known = [KeyRange::new("a", "e")];
        assert!(covers(&known, &KeyRange::new("d", "a")) && covers(&known, &KeyRange::new("b", "b")));
        assert!(!covers(&known, &KeyRange::new("z", "a")) && !covers(&known, &KeyRange::new("e", "e")));
    }

    /// All keys of up to three of these letters: between two that begin or end a range there is one of them.
    fn keys() -> Vec<Bytes> {
        let mut keys = vec![Vec::new()];
        for length in 0..3 {
            let longest: Vec<_> = keys.iter().filter(|key: &&Vec<u8>| key.len() == length).cloned().collect();
            keys.extend(
                longest.iter().flat_map(|key| b"\0ab".map(|letter| [key.as_slice(), &[letter]].concat())),
            );
        }
        keys.into_iter().map(Bytes::from).collect()
    }

    fn short_key() -> impl Strategy<Value = Bytes> {
        prop::collection::vec(prop::sample::select(vec![0, b'a', b'b']), 1..3).prop_map(Bytes::from)
    }

    fn any_permission() -> impl Strategy<Value = Permission> {
        let kinds = vec![PermissionKind::Read, PermissionKind::Write, PermissionKind::ReadWrite];
        let end =
            prop_oneof![2 => Just(Bytes::new()), 1 => Just(Bytes::from_static(b"\0")), 4 => short_key()];
        (short_key(), end, prop::sample::select(kinds))
            .prop_map(|(key, range_end, kind)| Permission { key, range_end, kind })
            .prop_filter("there are such keys", Permission::is_valid)
    }

    fn any_range() -> impl Strategy<Value = KeyRange> {
        let end = prop_oneof![1 => Just(Bytes::new()), 4 => short_key()];
        prop_oneof![
            1 => short_key().prop_map(KeyRange::single),
            3 => (short_key(), end)
                .prop_map(|(start, end)| KeyRange::new(start, end))
                .prop_filter("not empty", |range| range.end.is_empty() || range.start < range.end),
        ]
    }

    proptest! {
        #[test]
        fn together_they_permit_what_one_of_them_permits_of_each_key(
            permissions in prop::collection::vec(any_permission(), 0..8),
            ranges in prop::collection::vec(any_range(), 8),
        ) {
            let permitted = Permitted::by(&permissions);
            for range in &ranges {
                let each = |does: fn(PermissionKind) -> bool| {
                    keys().iter().filter(|key| range.contains(key)).all(|key| {
                        permissions.iter().any(|one| does(one.kind) && one.range().contains(key))
                    })
                };
                prop_assert_eq!(permitted.to_read(range), each(PermissionKind::reads), "{:?}", range);
                prop_assert_eq!(permitted.to_write(range), each(PermissionKind::writes), "{:?}", range);
            }
        }
    }
}
