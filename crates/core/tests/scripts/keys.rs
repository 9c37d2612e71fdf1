//! Commands about plain keys, from words.

use bytes::Bytes;
use conclave_core::LeaseId;
use conclave_core::kv::{Compact, DeleteRange, KvCommand, Operation, Put, PutLease, Txn};
use conclave_mvcc::{KeyRange, Revision};

use crate::words::Words;

/// The command, if the words are one about plain keys.
pub(crate) fn parse(words: &Words) -> Option<KvCommand> {
    let key = |place| Bytes::from(words.word(place).to_owned());
    let operation = match words.plain.first()?.as_str() {
        "put" => Operation::Put(Put {
            key: key(1),
            value: Some(key(2)),
            lease: words.number("lease").and_then(LeaseId::new).map_or(PutLease::None, PutLease::On),
            with_previous: false,
        }),
        "erase" if words.plain.len() > 2 => erase(KeyRange::new(key(1), key(2))),
        "erase" => erase(KeyRange::single(key(1))),
        "compact" => {
            let revision = Revision::new(words.word(1).parse().unwrap());
            return Some(KvCommand::Compact(Compact { revision }));
        }
        _ => return None,
    };
    Some(KvCommand::Txn(Txn { success: vec![operation], ..Txn::default() }))
}

fn erase(range: KeyRange) -> Operation {
    Operation::DeleteRange(DeleteRange { range, with_previous: false })
}
