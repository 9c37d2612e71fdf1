//! Requests that were answered: a retry gets the first answer and changes nothing.
//!
//! Every answer is remembered, rejections too: an attempt that was delayed in the network must not take
//! effect after its retry was told no. Only "wait, then try again" is not: whoever does as told, under the
//! same id, must find out. The newest [`REMEMBERED_MAX`] are kept.
//!
//! A request's row, format 1: `01`, fingerprint (16), the encoded answer. A row of their order, keyed by
//! sequence (8): `01`, request id.

use bytes::Bytes;
use conclave_mvcc::{MapError, ReadMap, WriteSet};
use xxhash_rust::xxh3::xxh3_128;

use crate::answer::{Answer, decode_answer, encode_answer};
use crate::names::RequestId;
use crate::rejection::Rejection;
use crate::tables::{REQUEST_ORDER, REQUESTS};

/// How many requests are remembered.
pub(crate) const REMEMBERED_MAX: u64 = 100_000;

const FORMAT: u8 = 1;

/// A request as it is known again: its id, and a fingerprint of the command without the time.
pub(crate) struct Request<'a> {
    id: &'a RequestId,
    fingerprint: [u8; 16],
}

impl<'a> Request<'a> {
    /// The request to do this command.
    pub(crate) fn new(id: &'a RequestId, command_bytes: &[u8]) -> Self {
        Self { id, fingerprint: xxh3_128(command_bytes).to_be_bytes() }
    }

    /// What it was answered, if it was; a refusal if its id was used for another command.
    pub(crate) fn recall(&self, view: &dyn ReadMap) -> Result<Option<Answer>, MapError> {
        let Some(row) = REQUESTS.get(view, self.id.as_str().as_bytes())? else {
            return Ok(None);
        };
        let (fingerprint, answer) = parse(&row).ok_or_else(|| self.damaged("unknown request"))?;
        if fingerprint != self.fingerprint {
            let request_id = self.id.to_string();
            return Ok(Some(Err(Rejection::RequestIdReused { request_id })));
        }
        decode_answer(answer).map(Some).map_err(|_| self.damaged("unknown answer"))
    }

    /// Remembers the answer to the request with this sequence, and forgets the one that is too old.
    pub(crate) fn remember(
        &self,
        view: &dyn ReadMap,
        writes: &mut WriteSet,
        sequence: u64,
        answer: &Answer,
    ) -> Result<(), MapError> {
        if let Some(oldest) = sequence.checked_sub(REMEMBERED_MAX) {
            forget(view, writes, oldest)?;
        }
        let id = self.id.as_str().as_bytes();
        writes.put(REQUESTS.row_key(id), self.row(answer));
        writes.put(REQUEST_ORDER.row_key(&sequence.to_be_bytes()), order_row(id));
        Ok(())
    }

    fn row(&self, answer: &Answer) -> Bytes {
        let answer = encode_answer(answer);
        let mut row = Vec::with_capacity(1 + self.fingerprint.len() + answer.len());
        row.push(FORMAT);
        row.extend_from_slice(&self.fingerprint);
        row.extend_from_slice(&answer);
        row.into()
    }

    fn damaged(&self, what: &str) -> MapError {
        MapError::damaged(what, &REQUESTS.row_key(self.id.as_str().as_bytes()))
    }
}

fn forget(view: &dyn ReadMap, writes: &mut WriteSet, sequence: u64) -> Result<(), MapError> {
    let key = REQUEST_ORDER.row_key(&sequence.to_be_bytes());
    let row = view.get(&key)?.ok_or_else(|| MapError::damaged("a request is missing", &key))?;
    let id = row.strip_prefix(&[FORMAT]).ok_or_else(|| MapError::damaged("unknown request", &key))?;
    writes.delete(REQUESTS.row_key(id));
    writes.delete(key);
    Ok(())
}

fn order_row(id: &[u8]) -> Bytes {
    [&[FORMAT], id].concat().into()
}

fn parse(row: &[u8]) -> Option<([u8; 16], &[u8])> {
    let (fingerprint, answer) = row.strip_prefix(&[FORMAT])?.split_first_chunk()?;
    Some((*fingerprint, answer))
}

#[cfg(test)]
mod tests {
    use conclave_mvcc::MemoryMap;

    use super::*;

    fn id(number: u64) -> RequestId {
        RequestId::parse(&format!("r{number}")).unwrap()
    }

    fn refusal() -> Answer {
        Err(Rejection::NamespaceNotFound { namespace: "a".into() })
    }

    fn remember(map: &mut MemoryMap, number: u64) {
        let mut writes = WriteSet::default();
        Request::new(&id(number), b"do").remember(map, &mut writes, number, &refusal()).unwrap();
        map.write(&writes);
    }

    #[test]
    fn golden_bytes() {
        let id = id(7);
        let request = Request { id: &id, fingerprint: *b"0123456789abcdef" };
        assert_eq!(request.row(&refusal()).as_ref(), b"\x010123456789abcdef\x01\x01\x00\x01a");
        let mut map = MemoryMap::default();
        remember(&mut map, 7);
        let keys: Vec<_> = map.iter().map(|(key, _)| key.to_vec()).collect();
        assert_eq!(keys, [b"\x11r7".to_vec(), b"\x12\0\0\0\0\0\0\0\x07".to_vec()]);
        assert_eq!(map.get(b"\x12\0\0\0\0\0\0\0\x07").unwrap().unwrap(), "\x01r7");
    }

    #[test]
    fn golden_fingerprint() {
        let id = id(7);
        let fingerprint = u128::from_be_bytes(Request::new(&id, b"command").fingerprint);
        assert_eq!(format!("{fingerprint:032x}"), "1dda124c6bcacaf9466b2e1ab68ad528");
    }

    #[test]
    fn a_request_is_known_by_its_id_and_command() {
        let mut map = MemoryMap::default();
        remember(&mut map, 7);
        assert_eq!(Request::new(&id(7), b"do").recall(&map), Ok(Some(refusal())));
        assert_eq!(Request::new(&id(8), b"do").recall(&map), Ok(None));
        let reused = Err(Rejection::RequestIdReused { request_id: "r7".into() });
        assert_eq!(Request::new(&id(7), b"do other").recall(&map), Ok(Some(reused)));
    }

    #[test]
    fn the_oldest_is_forgotten_once_there_are_too_many() {
        let mut map = MemoryMap::default();
        for number in 0..REMEMBERED_MAX {
            remember(&mut map, number);
        }
        assert!(Request::new(&id(0), b"do").recall(&map).unwrap().is_some());
        remember(&mut map, REMEMBERED_MAX);
        assert_eq!(Request::new(&id(0), b"do").recall(&map), Ok(None));
        assert!(Request::new(&id(1), b"do").recall(&map).unwrap().is_some());
        assert_eq!(map.iter().count() as u64, 2 * REMEMBERED_MAX);
    }

    #[test]
    fn damaged_rows_are_errors() {
        let mut writes = WriteSet::default();
        writes.put(REQUESTS.row_key(b"r7"), "\x01short".into());
        let mut map = MemoryMap::default();
        map.write(&writes);
        assert!(Request::new(&id(7), b"do").recall(&map).is_err());
        assert!(forget(&map, &mut writes, 3).is_err());
    }
}
