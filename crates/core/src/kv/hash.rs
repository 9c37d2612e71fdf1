//! A hash over plain keys as of a revision, by which members are compared.
//!
//! It is over what each key was at the compacted revision, and over all changes from there to the revision: what stays
//! for good. So it is the same on all members that were compacted to the same revision, however far each of them has
//! come since and however much of the sweep it has done.

use std::collections::VecDeque;

use conclave_mvcc::{
    Kept, KeptPlace, KeptQuery, KeyRange, MapError, ReadMap, Revision, newest_revision, visit_kept,
};
use xxhash_rust::xxh3::Xxh3;

use super::compact::{check_readable, compacted};
use super::outcome::KeyValue;
use super::plain;
use crate::rejection::Rejection;
use crate::stop::{Stop, part};

/// What is noted of a change that deletes its key, and of one that sets it.
const DELETED: u8 = 0;
const SET: u8 = 1;
/// What bounds a piece.
const SIZE_BYTES_A_PIECE_MAX: usize = 4 << 20;

/// A hash over plain keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KvHash {
    /// The hash.
    pub hash: u128,
    /// The compacted revision, from which on changes are in it.
    pub compacted: Revision,
    /// The revision up to which they are.
    pub revision: Revision,
}

impl KvHash {
    /// Its lowest 32 bits: what clients of etcd are told.
    pub fn short(&self) -> u32 {
        u32::try_from(self.hash & u128::from(u32::MAX)).expect("it has no more bits")
    }
}

/// A hash that is being computed, a piece at a time. The pieces may be of different views of one store, each later than
/// the one before: should more be given up between them it begins anew.
#[derive(Clone)]
pub struct Hashing {
    compacted: Revision,
    revision: Revision,
    /// What is still to be gone through, the first from the place on.
    ranges: VecDeque<KeyRange>,
    place: Option<KeptPlace>,
    hasher: Xxh3,
}

impl Hashing {
    /// Begins, as of a revision; none: the newest.
    ///
    /// # Errors
    /// The map cannot be read.
    pub fn begin(
        view: &dyn ReadMap,
        revision: Option<Revision>,
    ) -> Result<Result<Self, Rejection>, MapError> {
        part(Self::checked(view, revision))
    }

    /// Goes on, past so many rows at most. Tells the hash once it is computed.
    ///
    /// # Errors
    /// The map cannot be read.
    pub fn go_on(
        &mut self,
        view: &dyn ReadMap,
        rows_max: usize,
    ) -> Result<Result<Option<KvHash>, Rejection>, MapError> {
        part(self.piece(view, rows_max))
    }

    fn checked(view: &dyn ReadMap, revision: Option<Revision>) -> Result<Self, Stop> {
        let revision = revision.map_or_else(|| newest_revision(view), Ok)?;
        check_readable(view, revision)?;
        let compacted = compacted(view)?;
        Ok(Self { compacted, revision, ranges: plain().into(), place: None, hasher: Xxh3::new() })
    }

    fn piece(&mut self, view: &dyn ReadMap, rows_max: usize) -> Result<Option<KvHash>, Stop> {
        if compacted(view)? != self.compacted {
            *self = Self::checked(view, Some(self.revision))?;
        }
        let Self { compacted, revision, .. } = *self;
        if let Some(range) = self.ranges.front() {
            let query = KeptQuery {
                range,
                floor: compacted,
                upto: revision,
                place: self.place.as_ref(),
                rows_max,
                size_bytes_max: SIZE_BYTES_A_PIECE_MAX,
            };
            self.place = visit_kept(view, &query, &mut |kept| add(&mut self.hasher, kept))?;
        }
        if self.place.is_none() {
            self.ranges.pop_front();
        }
        let hash = || KvHash { hash: self.hasher.digest128(), compacted, revision };
        Ok(self.ranges.is_empty().then(hash))
    }
}

/// Numbers are big-endian, with the lengths of keys and values before these: no two histories give the same bytes.
fn add(hasher: &mut Xxh3, kept: Kept<'_>) {
    let numbers = |hasher: &mut Xxh3, numbers: &[u64]| {
        numbers.iter().for_each(|number| hasher.update(&number.to_be_bytes()));
    };
    numbers(hasher, &[kept.key.len() as u64]);
    hasher.update(kept.key);
    let Some(record) = kept.record else {
        hasher.update(&[DELETED]);
        return numbers(hasher, &[kept.revision.get()]);
    };
    let pair = KeyValue::new(kept.key.to_vec().into(), record);
    hasher.update(&[SET]);
    let KeyValue { create_revision, mod_revision, version, lease, value, .. } = &pair;
    numbers(hasher, &[mod_revision.get(), create_revision.get(), *version, *lease, value.len() as u64]);
    hasher.update(value);
}

#[cfg(test)]
mod tests {
    use conclave_mvcc::{Batch, MemoryMap, Transaction};
    use xxhash_rust::xxh3::xxh3_128;

    use super::*;
    use crate::kv::{Compact, KvCommand, SweepStep};

    fn change(map: &mut MemoryMap, change: impl FnOnce(&mut Transaction<'_>)) {
        let mut batch = Batch::new(map);
        let mut transaction = Transaction::begin(&batch).unwrap();
        change(&mut transaction);
        let writes = transaction.seal().writes;
        batch.absorb(writes).unwrap();
        let writes = batch.into_writes();
        map.write(&writes);
    }

    fn put(map: &mut MemoryMap, key: &'static str, value: &'static str) {
        change(map, |transaction| transaction.put(key.into(), value.into(), "".into()).unwrap());
    }

    fn tell(map: &mut MemoryMap, command: &KvCommand) {
        change(map, |transaction| {
            crate::kv::apply(transaction, command, |_, _| Ok(false)).unwrap();
        });
    }

    /// Both kinds of change, on both sides of what is reserved.
    fn store() -> MemoryMap {
        let mut map = MemoryMap::default();
        put(&mut map, "a", "one");
        put(&mut map, "a", "two");
        change(&mut map, |transaction| assert!(transaction.delete("a".into()).unwrap()));
        let lease = 7_u64.to_be_bytes().to_vec();
        change(&mut map, |transaction| transaction.put("z".into(), "three".into(), lease.into()).unwrap());
        map
    }

    fn finish(hashing: &mut Hashing, map: &MemoryMap) -> KvHash {
        loop {
            if let Some(hash) = hashing.go_on(map, 1).unwrap().unwrap() {
                return hash;
            }
        }
    }

    fn hash(map: &MemoryMap, revision: u64) -> KvHash {
        finish(&mut Hashing::begin(map, Some(Revision::new(revision))).unwrap().unwrap(), map)
    }

    #[test]
    fn golden_hashes() {
        let mut map = store();
        let hashes = [2, 3, 4, 5].map(|revision| hash(&map, revision).short());
        assert_eq!(hashes, [3_607_300_632, 462_125_225, 2_661_515_669, 2_301_549_637]);
        tell(&mut map, &KvCommand::Compact(Compact { revision: Revision::new(4) }));
        let (compacted, revision) = (Revision::new(4), Revision::new(5));
        let number = |number: u64| number.to_be_bytes();
        let deleted = [&number(1), b"a".as_slice(), b"\0", &number(4)].concat();
        let numbers = [5, 5, 1, 7, 5].map(number).concat();
        let set = [&number(1), b"z".as_slice(), b"\x01", &numbers, b"three"].concat();
        let hash = KvHash { hash: xxh3_128(&[deleted, set].concat()), compacted, revision };
        assert_eq!(self::hash(&map, 5), hash);
        assert_eq!(KvHash { hash: (7 << 32) + 8, ..hash }.short(), 8);
    }

    /// What is reserved is not in it, whatever it is.
    #[test]
    fn it_is_over_plain_keys() {
        let mut map = store();
        let before = hash(&map, 5).hash;
        put(&mut map, "conclave/config/n//k", "v");
        assert_eq!(hash(&map, 6).hash, before);
        put(&mut map, "conclave0", "v");
        assert_ne!(hash(&map, 7).hash, before);
    }

    /// A compaction between two pieces changes what the hash is over.
    #[test]
    fn it_begins_anew_when_more_is_given_up() {
        let mut map = store();
        let begin = |map: &MemoryMap, revision| {
            let mut hashing = Hashing::begin(map, Some(Revision::new(revision))).unwrap().unwrap();
            assert_eq!(hashing.go_on(map, 1), Ok(Ok(None)));
            hashing
        };
        let (mut newest, mut oldest) = (begin(&map, 5), begin(&map, 3));
        tell(&mut map, &KvCommand::Compact(Compact { revision: Revision::new(4) }));
        tell(&mut map, &KvCommand::Sweep(SweepStep { rows_max: 99, size_bytes_max: 999 }));
        assert_eq!(finish(&mut newest, &map), hash(&map, 5));
        assert!(oldest.go_on(&map, 1).unwrap().is_err());
    }
}
