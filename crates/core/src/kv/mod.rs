//! Plain keys: reads, transactions and compaction, as clients of etcd know them.
//!
//! A plain key is a key of the store as it is; what it hangs on, a lease, is noted beside its value. What lies under
//! [`RESERVED`] belongs to the other domains: of that only the items of the configuration are read here, and nothing
//! is written.
//!
//! Which operations a transaction does is decided before any is done, also those of transactions within it: all
//! comparisons are made with what was there before. Then everything that may stand against an operation is looked for,
//! and only then are they done, one after the other, each on what those before it did.
//!
//! A compaction gives up what was before a revision: from then on it cannot be read, nor watched. What only it needed is
//! removed by a sweep, a bounded step at a time.

mod command;
mod compact;
mod decide;
#[cfg(test)]
mod golden;
mod hash;
mod keys;
mod keys_of_lease;
mod keys_written;
mod outcome;
mod range;
mod rejection;
mod run;
mod sweep;
mod wire_range;

use bytes::Bytes;
use conclave_mvcc::{MapError, ReadMap, Record, Revision, Transaction};

pub use command::{
    Compact, Compare, CompareTarget, DeleteRange, KvCommand, Operation, Put, PutLease, RangeQuery, Relation,
    RevisionBounds, Sort, SortTarget, SweepStep, Txn,
};
pub use compact::{compacted, swept};
pub use hash::{Hashing, KvHash};
pub use keys::{RESERVED, is_reserved, plain, readable};
pub use keys_of_lease::keys_of;
pub(crate) use keys_of_lease::{count as keys_in, end as end_lease};
pub use keys_written::DuplicateKey;
pub use outcome::{Done, KeyValue, KvOutcome, RangeFound, Swept, TxnDone};
pub use rejection::KvRejection;
pub use sweep::is_sweep_due;

use crate::ids::LeaseId;
use crate::rejection::Rejection;
use crate::stop::{Stop, part};

/// Most keys that one transaction changes.
pub const KEYS_CHANGED_MAX: u64 = 1_000_000;
/// Most bytes that one answer tells.
pub const ANSWER_SIZE_BYTES_MAX: usize = 256 << 20;

/// Does a command; `has_lease` tells whether there is such a lease.
pub(crate) fn apply(
    transaction: &mut Transaction<'_>,
    command: &KvCommand,
    has_lease: HasLease,
) -> Result<KvOutcome, Stop> {
    match command {
        KvCommand::Txn(txn) => {
            let done = run::txn(transaction, txn, has_lease)?;
            Ok(KvOutcome::Txn { revision: done.revision, done: done.done })
        }
        KvCommand::Compact(compact) => compact::compact(transaction, *compact),
        KvCommand::Sweep(step) => Ok(KvOutcome::Swept(sweep::sweep(transaction, *step)?)),
    }
}

/// Whether there is such a lease.
pub(crate) type HasLease = fn(&mut Transaction<'_>, LeaseId) -> Result<bool, MapError>;

/// Reads keys.
///
/// # Errors
/// The map cannot be read.
pub fn range(view: &dyn ReadMap, query: &RangeQuery) -> Result<Result<RangeFound, Rejection>, MapError> {
    part(Transaction::begin(view).map_err(Stop::from).and_then(|mut transaction| {
        range::check(transaction.view(), query)?;
        let found = range::read(&mut transaction, query, &mut range::Room::default())?;
        Ok(RangeFound { revision: transaction.newest(), ..found })
    }))
}

/// Does a transaction that only reads.
///
/// # Errors
/// The map cannot be read.
///
/// # Panics
/// If the transaction writes.
pub fn read_txn(view: &dyn ReadMap, txn: &Txn) -> Result<Result<(Revision, TxnDone), Rejection>, MapError> {
    assert!(txn.is_read_only(), "what writes is proposed");
    part(Transaction::begin(view).map_err(Stop::from).and_then(|mut transaction| {
        let done = run::txn(&mut transaction, txn, |_, _| Ok(false))?;
        Ok((done.revision, done.done))
    }))
}

/// The lease that a key hangs on.
pub fn lease_of(key: &[u8], record: &Record) -> Option<LeaseId> {
    if is_reserved(key) {
        return None;
    }
    let id = record.annotations.as_ref().try_into().ok()?;
    LeaseId::new(u64::from_be_bytes(id))
}

/// What is noted beside the value of a key that hangs on this lease.
fn annotations(lease: Option<LeaseId>) -> Bytes {
    lease.map_or_else(Bytes::new, |lease| Bytes::copy_from_slice(&lease.get().to_be_bytes()))
}

fn refuse(rejection: KvRejection) -> Stop {
    Stop::Rejected(rejection.into())
}
