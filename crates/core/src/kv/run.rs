//! Does a transaction: decides, looks for what stands against it, and does it.

use bytes::Bytes;
use conclave_mvcc::{Revision, Transaction};

use super::command::{DeleteRange, Put, PutLease, Txn};
use super::decide::{Decided, Step, decide};
use super::outcome::{Done, KeyValue, TxnDone};
use super::range::{self, Room, each};
use super::{
    HasLease, KEYS_CHANGED_MAX, KvRejection, annotations, is_reserved, keys_of_lease, lease_of, refuse,
};
use crate::stop::Stop;

/// A transaction that was done, and the newest revision after it.
pub(super) struct TxnRan {
    pub(super) revision: Revision,
    pub(super) done: TxnDone,
}

/// Does a transaction.
pub(super) fn txn(transaction: &mut Transaction<'_>, txn: &Txn, has_lease: HasLease) -> Result<TxnRan, Stop> {
    let decided = decide(transaction, txn)?;
    decided.visit(&mut |step| match step {
        Step::Put(put) => check_put(transaction, put, has_lease),
        _ => Ok(()),
    })?;
    decided.visit(&mut |step| match step {
        Step::Range(query) => range::check(transaction.view(), query),
        _ => Ok(()),
    })?;
    let mut run = Run { transaction, room: Room::default(), changed: 0 };
    let done = run.all(&decided)?;
    Ok(TxnRan { revision: run.revision(), done })
}

fn check_put(transaction: &mut Transaction<'_>, put: &Put, has_lease: HasLease) -> Result<(), Stop> {
    if is_reserved(&put.key) {
        return Err(refuse(reserved(&put.key)));
    }
    let keeps = put.value.is_none() || put.lease == PutLease::Keep;
    if keeps && transaction.get(&put.key)?.is_none() {
        return Err(refuse(KvRejection::KeyNotFound));
    }
    match put.lease {
        PutLease::On(id) if !has_lease(transaction, id)? => {
            Err(refuse(KvRejection::LeaseNotFound { id: id.get() }))
        }
        _ => Ok(()),
    }
}

fn reserved(key: &[u8]) -> KvRejection {
    KvRejection::Reserved { key: String::from_utf8_lossy(key).into_owned() }
}

/// A transaction that is being done.
struct Run<'a, 'b> {
    transaction: &'a mut Transaction<'b>,
    room: Room,
    /// Keys that were changed.
    changed: u64,
}

impl Run<'_, '_> {
    /// The newest revision as it is now within the transaction.
    fn revision(&self) -> Revision {
        if self.changed == 0 { self.transaction.newest() } else { self.transaction.revision() }
    }

    fn all(&mut self, decided: &Decided<'_>) -> Result<TxnDone, Stop> {
        let done = decided.steps.iter().map(|step| self.one(step)).collect::<Result<_, Stop>>()?;
        Ok(TxnDone { succeeded: decided.succeeded, done })
    }

    fn one(&mut self, step: &Step<'_>) -> Result<Done, Stop> {
        Ok(match step {
            Step::Range(query) => {
                let found = range::read(self.transaction, query, &mut self.room)?;
                Done::Range(super::RangeFound { revision: self.revision(), ..found })
            }
            Step::Put(put) => self.put(put)?,
            Step::DeleteRange(delete) => self.delete(delete)?,
            Step::Txn(within) => Done::Txn(self.all(within)?),
        })
    }

    fn put(&mut self, put: &Put) -> Result<Done, Stop> {
        let before = self.transaction.get(&put.key)?.cloned();
        let lease_before = before.as_ref().and_then(|record| lease_of(&put.key, record));
        let lease = match put.lease {
            PutLease::None => None,
            PutLease::On(id) => Some(id),
            PutLease::Keep => lease_before,
        };
        let kept = || before.as_ref().map(|record| record.value.clone());
        let value = put.value.clone().or_else(kept).unwrap_or_default();
        self.count_change()?;
        self.transaction.put(put.key.clone(), value, annotations(lease))?;
        keys_of_lease::moved(self.transaction, &put.key, lease_before, lease);
        let previous =
            before.filter(|_| put.with_previous).map(|record| KeyValue::new(put.key.clone(), record));
        if let Some(pair) = &previous {
            self.room.take(pair)?;
        }
        Ok(Done::Put { revision: self.revision(), previous })
    }

    fn delete(&mut self, delete: &DeleteRange) -> Result<Done, Stop> {
        let (mut pairs, with_previous) = (Vec::new(), delete.with_previous);
        each(self.transaction, &delete.range, None, &mut |mut pair: KeyValue| {
            if is_reserved(&pair.key) {
                return Err(refuse(reserved(&pair.key)));
            }
            if !with_previous {
                pair.value = Bytes::new();
            }
            pairs.push(pair);
            Ok(pairs.len() as u64 <= KEYS_CHANGED_MAX)
        })?;
        for pair in &pairs {
            self.count_change()?;
            self.transaction.delete(pair.key.clone())?;
            keys_of_lease::moved(self.transaction, &pair.key, pair.lease_id(), None);
        }
        let deleted = pairs.len() as u64;
        let previous = if with_previous { pairs } else { Vec::new() };
        previous.iter().try_for_each(|pair| self.room.take(pair))?;
        Ok(Done::Deleted { revision: self.revision(), deleted, previous })
    }

    fn count_change(&mut self) -> Result<(), Stop> {
        self.changed += 1;
        if self.changed > KEYS_CHANGED_MAX {
            return Err(refuse(KvRejection::TooManyChanges { keys_max: KEYS_CHANGED_MAX }));
        }
        Ok(())
    }
}
