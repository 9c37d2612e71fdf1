//! What commands about plain keys led to.

use bytes::Bytes;
use conclave_mvcc::{Record, Revision};
use serde::{Deserialize, Serialize};

use super::lease_of;
use crate::ids::LeaseId;
use crate::nesting;

/// What a command about plain keys led to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KvOutcome {
    /// A transaction was done.
    Txn {
        /// The newest revision after it: its own, if it changed anything.
        revision: Revision,
        /// What it did.
        done: TxnDone,
    },
    /// What was before a revision is given up.
    Compacted {
        /// The newest revision.
        revision: Revision,
    },
    /// A part of what was given up is removed.
    Swept(Swept),
}

/// What a step of a sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Swept {
    /// Changes that were removed.
    pub changes: u64,
    /// Whether this sweep has further to go.
    pub more: bool,
}

/// What a transaction did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TxnDone {
    /// Whether all comparisons held.
    pub succeeded: bool,
    /// What each operation led to, in their order.
    pub done: Vec<Done>,
}

/// What an operation led to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Done {
    /// Keys were read.
    Range(RangeFound),
    /// A key was set.
    Put {
        /// The revision of it.
        revision: Revision,
        /// What it was before, if that was asked for and there was something.
        previous: Option<KeyValue>,
    },
    /// Keys were deleted.
    Deleted {
        /// The revision of it, or the newest before if there were none.
        revision: Revision,
        /// How many.
        deleted: u64,
        /// What they were, if that was asked for.
        previous: Vec<KeyValue>,
    },
    /// A transaction within was done.
    #[serde(deserialize_with = "nesting::deserialize")]
    Txn(TxnDone),
}

/// What a read found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RangeFound {
    /// The newest revision when it was read.
    pub revision: Revision,
    /// The keys that are told.
    pub pairs: Vec<KeyValue>,
    /// Whether there are more than the limit let through.
    pub more: bool,
    /// How many keys the range has, whatever is told of them.
    pub count: u64,
}

/// A key and what it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyValue {
    /// The key.
    pub key: Bytes,
    /// At which revision it was created.
    pub create_revision: Revision,
    /// At which revision it last changed.
    pub mod_revision: Revision,
    /// How often it was changed since it was created, from 1.
    pub version: u64,
    /// Its value.
    pub value: Bytes,
    /// The lease that it hangs on; 0: none.
    pub lease: u64,
}

impl KeyValue {
    /// A key with its record.
    pub fn new(key: Bytes, record: Record) -> Self {
        let lease = lease_of(&key, &record).map_or(0, |lease| lease.get());
        let Record { create_revision, mod_revision, version, value, .. } = record;
        Self { key, create_revision, mod_revision, version, value, lease }
    }

    /// The lease that it hangs on.
    pub(super) fn lease_id(&self) -> Option<LeaseId> {
        LeaseId::new(self.lease)
    }

    /// Roughly what it takes.
    pub(super) fn size_bytes(&self) -> usize {
        size_of::<Self>() + self.key.len() + self.value.len()
    }
}
