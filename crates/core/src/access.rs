//! Whether a caller may do a command: the place where users and roles meet the other domains.
//!
//! All that a transaction may read or write is looked at before anything of it is done, in both of its ways and in those
//! of the transactions within: what is permitted does not depend on what is found. Whatever is not about plain keys and
//! their leases needs the role of root.

use std::collections::BTreeSet;

use conclave_mvcc::{KeyRange, MapError, ReadMap};

use crate::auth::{Caller, Reach, require_root};
use crate::command::{Command, GuardedKeys};
use crate::ids::LeaseId;
use crate::kv::{self, KvCommand, Operation, PutLease, Txn};
use crate::lease::LeaseCommand;
use crate::lock;
use crate::rejection::Rejection;
use crate::stop::{Stop, part};

/// Refuses a command that the caller may not do.
pub(crate) fn check(view: &dyn ReadMap, caller: Option<&Caller>, command: &Command) -> Result<(), Stop> {
    match command {
        // A lock that it depends on is named with its token: whoever knows that may know of the lock.
        Command::Kv(command) | Command::GuardedKeys(GuardedKeys { command, .. }) => {
            check_keys(view, caller, command)
        }
        Command::Lease(LeaseCommand::Grant(_)) => Reach::of(view, caller).map(|_| ()),
        Command::Lease(LeaseCommand::Revoke(revoke)) => check_revoke(view, caller, revoke.id),
        Command::By(by) => check(view, caller, &by.command),
        Command::Lease(LeaseCommand::Expire(_) | LeaseCommand::Checkpoint(_))
        | Command::Auth(_)
        | Command::Cluster(_)
        | Command::Config(_)
        | Command::Guarded(_)
        | Command::Lock(_) => require_root(view, caller),
    }
}

/// Whether the caller may do a transaction: all that it reads and writes, whichever way it goes.
///
/// # Errors
/// The map cannot be read.
pub fn may_do_txn(
    view: &dyn ReadMap,
    caller: Option<&Caller>,
    txn: &Txn,
) -> Result<Result<(), Rejection>, MapError> {
    part(Reach::of(view, caller).and_then(|reach| check_txn(view, &reach, txn)))
}

/// Whether the caller may do what only root may: change the members, and copy all that there is.
///
/// # Errors
/// The map cannot be read.
pub fn may_administer(
    view: &dyn ReadMap,
    caller: Option<&Caller>,
) -> Result<Result<(), Rejection>, MapError> {
    part(require_root(view, caller))
}

/// Whether the caller may be told which keys hang on a lease: those that he may read, and none else may hang on it.
///
/// # Errors
/// The map cannot be read.
pub fn may_know_keys_of(
    view: &dyn ReadMap,
    caller: Option<&Caller>,
    lease: LeaseId,
) -> Result<Result<(), Rejection>, MapError> {
    let reach = Reach::of(view, caller);
    part(reach.and_then(|reach| check_keys_of(view, lease, &reach, Reach::require_read)))
}

fn check_keys(view: &dyn ReadMap, caller: Option<&Caller>, command: &KvCommand) -> Result<(), Stop> {
    match command {
        KvCommand::Txn(txn) => check_txn(view, &Reach::of(view, caller)?, txn),
        KvCommand::Compact(_) => Reach::of(view, caller).map(|_| ()),
        KvCommand::Sweep(_) => require_root(view, caller),
    }
}

fn check_txn(view: &dyn ReadMap, reach: &Reach, txn: &Txn) -> Result<(), Stop> {
    let mut wanted = Wanted::default();
    wanted.add(txn);
    wanted.reads.iter().try_for_each(|range| reach.require_read(range))?;
    wanted.writes.iter().try_for_each(|range| reach.require_write(range))?;
    wanted.leases.iter().try_for_each(|lease| check_keys_of(view, *lease, reach, Reach::require_write))
}

/// Locks that are given up with a session are not about plain keys.
fn check_revoke(view: &dyn ReadMap, caller: Option<&Caller>, lease: LeaseId) -> Result<(), Stop> {
    let reach = Reach::of(view, caller)?;
    if lock::tickets_of(view, lease)? > 0 {
        require_root(view, caller)?;
    }
    check_keys_of(view, lease, &reach, Reach::require_write)
}

/// Whoever hangs a key on a lease, or ends it, has a hand in all keys that hang on it.
fn check_keys_of(
    view: &dyn ReadMap,
    lease: LeaseId,
    reach: &Reach,
    require: fn(&Reach, &KeyRange) -> Result<(), Stop>,
) -> Result<(), Stop> {
    if matches!(reach, Reach::Everything) {
        return Ok(());
    }
    let keys = kv::keys_of(view, lease, usize::MAX)?;
    keys.into_iter().try_for_each(|key| require(reach, &KeyRange::single(key)))
}

/// All that a transaction may touch.
#[derive(Default)]
struct Wanted {
    reads: Vec<KeyRange>,
    writes: Vec<KeyRange>,
    /// On which keys are hung.
    leases: BTreeSet<LeaseId>,
}

impl Wanted {
    fn add(&mut self, txn: &Txn) {
        self.reads.extend(txn.compares.iter().map(|compare| compare.range.clone()));
        for operation in txn.success.iter().chain(&txn.failure) {
            match operation {
                Operation::Range(query) => self.reads.push(query.range.clone()),
                Operation::Put(put) => {
                    self.write(KeyRange::single(put.key.clone()), put.with_previous);
                    if let PutLease::On(lease) = put.lease {
                        self.leases.insert(lease);
                    }
                }
                Operation::DeleteRange(delete) => self.write(delete.range.clone(), delete.with_previous),
                Operation::Txn(within) => self.add(within),
            }
        }
    }

    /// What is told of what was there before is read.
    fn write(&mut self, range: KeyRange, is_read: bool) {
        if is_read {
            self.reads.push(range.clone());
        }
        self.writes.push(range);
    }
}
