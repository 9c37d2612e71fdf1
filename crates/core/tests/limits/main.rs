//! Bounds: what is beyond them is refused and changes nothing.

#![allow(clippy::unwrap_used, reason = "a test is told of a failed condition by a panic")]

mod config;
mod locks;
mod users;

use conclave_core::{Answer, Command, EntryContext, EntryKind, Proposal, RequestId, apply, encode_proposal};
use conclave_mvcc::{Batch, MemoryMap};

/// The term of all entries.
const TERM: u64 = 1;

#[derive(Default)]
struct Store {
    map: MemoryMap,
    requests: u64,
    /// Rows that the last entry wrote.
    written: usize,
}

impl Store {
    fn tell(&mut self, command: Command) -> Answer {
        self.requests += 1;
        let request_id = RequestId::parse(&format!("r{}", self.requests)).unwrap();
        let encoded = encode_proposal(&Proposal { request_id, time_ms: 1, command });
        let mut batch = Batch::new(&self.map);
        let context = EntryContext { index: self.requests, term: TERM };
        let answer = apply(&mut batch, context, EntryKind::Proposal(&encoded)).unwrap().answer.unwrap();
        let writes = batch.into_writes();
        self.map.write(&writes);
        self.written = writes.len();
        answer
    }
}
