//! A revision of the store as what happened to locks.

use std::collections::{BTreeMap, BTreeSet};

use conclave_core::lease::{self, LeaseChange};
use conclave_core::lock::{self, ForcedRelease, HolderInfo, LockChange, LockChangeKind};
use conclave_core::{LeaseId, LockName, TicketId};
use conclave_mvcc::{MapError, Revised, Revision};
use conclave_proto::lock::v1 as wire;

use super::gone::Gone;
use crate::lock_wire::{holder, waiter};

/// What happened to locks in one revision.
#[derive(Debug)]
pub(super) struct Changes {
    revision: Revision,
    changes: Vec<LockChange>,
    /// Sessions that ended.
    ended: BTreeSet<LeaseId>,
}

/// The last releases by force, by lock.
pub(super) type Forced = BTreeMap<LockName, ForcedRelease>;

impl Changes {
    /// Of the locks that `wanted` holds.
    pub(super) fn of(revised: &Revised, wanted: impl Fn(&LockName) -> bool) -> Result<Self, MapError> {
        let mut changes = lock::changes_in(revised)?;
        changes.retain(|change| wanted(&change.name));
        let granted: BTreeSet<TicketId> = changes.iter().filter_map(granted).collect();
        // Whoever left the queue with a grant is told of by the grant.
        changes.retain(|change| match &change.kind {
            LockChangeKind::Left(waiter) => !granted.contains(&waiter.ticket),
            _ => true,
        });
        let ended = match changes.iter().any(|change| ended(change).is_some()) {
            true => ended_leases(revised)?,
            false => BTreeSet::new(),
        };
        Ok(Self { revision: revised.revision, changes, ended })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// The locks of which grants ended while their sessions go on: they may have been taken by force.
    pub(super) fn maybe_forced(&self) -> BTreeSet<LockName> {
        let ended = self.changes.iter().filter_map(|change| Some((&change.name, ended(change)?)));
        let living = ended.filter(|(_, holder)| !self.ended.contains(&holder.session));
        living.map(|(name, _)| name.clone()).collect()
    }

    /// As messages, each of which tells why a grant ended: a release by force took all that ended at its revision.
    pub(super) fn into_messages(self, mut forced: Forced) -> Vec<wire::LockChange> {
        let Self { revision, changes, ended } = self;
        forced.retain(|_, forced| forced.revision == revision);
        let message = |LockChange { name, kind }| {
            let change = match kind {
                LockChangeKind::Queued(info) => wire::lock_change::Change::Queued(waiter(info)),
                LockChangeKind::Left(info) => wire::lock_change::Change::Left(waiter(info)),
                LockChangeKind::Granted(info) => wire::lock_change::Change::Granted(holder(info)),
                LockChangeKind::Updated(info) => wire::lock_change::Change::Updated(holder(info)),
                LockChangeKind::Ended(info) => {
                    let gone = why(&info, &ended, forced.get(&name));
                    wire::lock_change::Change::Ended(ended_message(info, gone))
                }
            };
            wire::LockChange { name: name.to_string(), change: Some(change) }
        };
        changes.into_iter().map(message).collect()
    }
}

fn why(info: &HolderInfo, ended: &BTreeSet<LeaseId>, forced: Option<&ForcedRelease>) -> Gone {
    if ended.contains(&info.session) {
        return Gone::SessionEnded;
    }
    forced.cloned().map_or(Gone::Released, Gone::Forced)
}

fn ended_message(info: HolderInfo, gone: Gone) -> wire::Ended {
    let (reason, forced_release) = gone.into_parts();
    wire::Ended { holder: Some(holder(info)), reason: reason.into(), forced_release }
}

fn granted(change: &LockChange) -> Option<TicketId> {
    match &change.kind {
        LockChangeKind::Granted(holder) => Some(holder.ticket),
        _ => None,
    }
}

fn ended(change: &LockChange) -> Option<&HolderInfo> {
    match &change.kind {
        LockChangeKind::Ended(holder) => Some(holder),
        _ => None,
    }
}

fn ended_leases(revised: &Revised) -> Result<BTreeSet<LeaseId>, MapError> {
    let changes = lease::changes_in(revised)?.into_iter();
    let ended = changes.filter_map(|change| match change {
        LeaseChange::Ended(id) => Some(id),
        LeaseChange::Is(_) => None,
    });
    Ok(ended.collect())
}
