//! What the store keeps count of, entry by entry: the entry, the digest, the time and the requests.
//!
//! One row, format 1: `01`, index (8), digest (16), time in milliseconds (8), number of requests (8).

use bytes::Bytes;
use conclave_mvcc::{MapError, ReadMap, WriteSet};
use xxhash_rust::xxh3::Xxh3;

use crate::apply::EntryContext;
use crate::digest::Digest;
use crate::encoding::is_count;
use crate::tables::LEDGER;
use crate::times::Times;

const FORMAT: u8 = 1;

/// The state beside the keyspace. Read before each entry, written after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ledger {
    /// Index of the last entry.
    pub(crate) index: u64,
    /// Digest of all entries so far.
    pub(crate) digest: Digest,
    /// The latest time that an entry was stamped with: it never goes back.
    pub(crate) time_ms: i64,
    /// How many requests were answered and remembered, also those forgotten since.
    pub(crate) requests: u64,
}

impl Ledger {
    pub(crate) fn read(view: &dyn ReadMap) -> Result<Self, MapError> {
        match LEDGER.get(view, b"")? {
            None => Ok(Self::default()),
            Some(row) => parse(&row).ok_or_else(|| MapError::damaged("unknown ledger", &LEDGER.row_key(b""))),
        }
    }

    /// The time of an entry with this stamp.
    pub(crate) fn times(&self, stamp_ms: i64) -> Times {
        Times { told_ms: self.time_ms.max(stamp_ms), stamp_ms }
    }

    /// Takes in the entry that led to these writes, and adds its own row to them.
    pub(crate) fn close_entry(mut self, context: EntryContext, writes: &mut WriteSet) {
        self.digest = self.digest_after(context, writes);
        self.index = context.index;
        writes.put(LEDGER.row_key(b""), self.row());
    }

    /// The digest of what came before, the entry's place in the log, and all that it wrote.
    fn digest_after(&self, context: EntryContext, writes: &WriteSet) -> Digest {
        let mut hash = Xxh3::new();
        hash.update(&self.row());
        hash.update(&context.index.to_be_bytes());
        hash.update(&context.term.to_be_bytes());
        for (key, value) in writes.iter() {
            hash_part(&mut hash, Some(key));
            hash_part(&mut hash, value.map(Bytes::as_ref));
        }
        Digest::new(hash.digest128().to_be_bytes())
    }

    fn row(&self) -> Bytes {
        let mut row = Vec::with_capacity(ROW_SIZE_BYTES);
        row.push(FORMAT);
        row.extend_from_slice(&self.index.to_be_bytes());
        row.extend_from_slice(self.digest.as_bytes());
        row.extend_from_slice(&self.time_ms.to_be_bytes());
        row.extend_from_slice(&self.requests.to_be_bytes());
        row.into()
    }
}

const ROW_SIZE_BYTES: usize = 1 + 8 + 16 + 8 + 8;

/// Presence and length go before the bytes, so that no two sequences of parts hash the same bytes.
fn hash_part(hash: &mut Xxh3, part: Option<&[u8]>) {
    match part {
        None => hash.update(&[0]),
        Some(bytes) => {
            hash.update(&[1]);
            hash.update(&(bytes.len() as u64).to_be_bytes());
            hash.update(bytes);
        }
    }
}

fn parse(row: &[u8]) -> Option<Ledger> {
    let rest = row.strip_prefix(&[FORMAT])?;
    let (index, rest) = rest.split_first_chunk()?;
    let (digest, rest) = rest.split_first_chunk()?;
    let (time_ms, requests) = rest.split_first_chunk()?;
    Some(Ledger {
        index: u64::from_be_bytes(*index),
        digest: Digest::new(*digest),
        time_ms: i64::from_be_bytes(*time_ms),
        requests: requests.try_into().map(u64::from_be_bytes).ok().filter(|requests| is_count(*requests))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTEXT: EntryContext = EntryContext { index: 3, term: 2 };

    #[test]
    fn golden_bytes() {
        let ledger = Ledger { index: 7, digest: Digest::new([0xab; 16]), time_ms: 258, requests: 3 };
        let mut golden = b"\x01\0\0\0\0\0\0\0\x07".to_vec();
        golden.extend([0xab; 16]);
        golden.extend(b"\0\0\0\0\0\0\x01\x02\0\0\0\0\0\0\0\x03");
        assert_eq!(ledger.row(), golden);
        assert_eq!(parse(&golden), Some(ledger));
        assert_eq!(parse(&golden[..40]), None);
    }

    #[test]
    fn the_digest_stands_for_everything_that_was_written() {
        let set = |writes: &[(&'static str, Option<&'static str>)]| {
            let mut set = WriteSet::default();
            for (key, value) in writes {
                match value {
                    Some(value) => set.put((*key).into(), (*value).into()),
                    None => set.delete((*key).into()),
                }
            }
            set
        };
        let ledger = Ledger::default();
        let mut digests = vec![
            ledger.digest_after(CONTEXT, &set(&[])),
            ledger.digest_after(EntryContext { term: 3, ..CONTEXT }, &set(&[])),
            ledger.digest_after(EntryContext { index: 4, ..CONTEXT }, &set(&[])),
            Ledger { index: 1, ..ledger }.digest_after(CONTEXT, &set(&[])),
            Ledger { time_ms: 1, ..ledger }.digest_after(CONTEXT, &set(&[])),
            Ledger { requests: 1, ..ledger }.digest_after(CONTEXT, &set(&[])),
            Ledger { digest: Digest::new([1; 16]), ..ledger }.digest_after(CONTEXT, &set(&[])),
            ledger.digest_after(CONTEXT, &set(&[("a", None)])),
            ledger.digest_after(CONTEXT, &set(&[("a", Some(""))])),
            ledger.digest_after(CONTEXT, &set(&[("a", Some("b"))])),
            ledger.digest_after(CONTEXT, &set(&[("ab", Some(""))])),
            ledger.digest_after(CONTEXT, &set(&[("a", None), ("b", None)])),
        ];
        digests.sort();
        digests.dedup();
        assert_eq!(digests.len(), 12);
    }

    #[test]
    fn golden_digest() {
        let mut writes = WriteSet::default();
        writes.put("key".into(), "value".into());
        let digest = Ledger::default().digest_after(CONTEXT, &writes);
        assert_eq!(digest.to_string(), "39f04f1930bfc641ecba1242cbf475ec");
    }
}
