//! What is seen of sessions and locks, as lines.

use conclave_core::lease::{self, LeaseChange, LeaseInfo, LeaseOutcome};
use conclave_core::lock::{
    self, Acquired, Granted, HolderInfo, LockChange, LockChangeKind, LockInfo, LockOutcome, Mode, Standing,
    WaiterInfo,
};
use conclave_mvcc::Revised;

use crate::show::line;

pub(crate) fn lease_outcome(outcome: &LeaseOutcome) -> String {
    match outcome {
        LeaseOutcome::Granted(lease) => line("opened", &session(lease)),
        LeaseOutcome::Revoked { tickets } => line("closed", &format!("with {tickets} tickets")),
        LeaseOutcome::Expired { leases, left } => {
            line("expired", &format!("{leases} sessions, {left} left for the next entry"))
        }
        LeaseOutcome::Checkpointed { leases } => line("noted", &format!("of {leases} sessions")),
    }
}

pub(crate) fn lock_outcome(outcome: &LockOutcome) -> String {
    match outcome {
        LockOutcome::Acquired(Acquired { ticket, standing: how }) => {
            line("ticket", &format!("{ticket}: {}", standing(how)))
        }
        LockOutcome::Released { tickets } => line("released", &format!("{tickets} tickets")),
        LockOutcome::MetadataSet { revision } => line("set", &format!("at revision {revision}")),
    }
}

pub(crate) fn standing(standing: &Standing) -> String {
    match standing {
        Standing::Waiting { ahead } => format!("waits, {ahead} ahead"),
        Standing::Granted(Granted { token, since_ms }) => {
            format!("granted with token {token} at {since_ms} ms")
        }
    }
}

pub(crate) fn session(lease: &LeaseInfo) -> String {
    let LeaseInfo { id, ttl_ms, owner, metadata, granted_ms, .. } = lease;
    let mut text = format!("{id}: {} of {ttl_ms} ms left, opened at {granted_ms} ms", lease.left_ms());
    if !owner.is_empty() {
        text += &format!(", owner {owner}");
    }
    for (name, value) in metadata {
        text += &format!(", {name}={value}");
    }
    text
}

/// One lock: who holds it, who waits.
pub(crate) fn lock(lock: &LockInfo) -> String {
    let mut text = lock.name.to_string();
    if let Some(capacity) = lock.capacity {
        text += &format!(" of {capacity}");
    }
    text += ":";
    for found in &lock.holders {
        text += &format!(" [{}]", holder(found));
    }
    for found in &lock.waiters {
        text += &format!(" <- {}", waiter(found));
    }
    if lock.holders.is_empty() {
        text += " free";
    }
    assert_eq!(
        (lock.holder_count, lock.waiter_count),
        (lock.holders.len() as u64, lock.waiters.len() as u64)
    );
    line("lock", &text)
}

/// Its last release by force.
pub(crate) fn forced(lock: &LockInfo) -> String {
    let Some(forced) = &lock.forced else { return String::new() };
    let text = format!(
        "token {} of session {} {:?} by {} at {} ms, revision {}: {}",
        forced.token,
        forced.session,
        forced.owner,
        forced.author,
        forced.time_ms,
        forced.revision,
        forced.reason
    );
    line("forced", &text)
}

pub(crate) fn holder(holder: &HolderInfo) -> String {
    let HolderInfo { session, granted, mode: how, owner, metadata, .. } = holder;
    let mut text = format!("#{session} {owner} {} token {}", mode(*how), granted.token).replace("  ", " ");
    if !metadata.is_empty() {
        text += &format!(" {:?}", String::from_utf8_lossy(metadata));
    }
    text
}

fn waiter(waiter: &WaiterInfo) -> String {
    let WaiterInfo { session, ticket, mode: how, owner, .. } = waiter;
    format!("#{session} {owner} {} ticket {ticket}", mode(*how)).replace("  ", " ")
}

fn mode(mode: Mode) -> String {
    match mode {
        Mode::Exclusive => "exclusive".to_owned(),
        Mode::Shared => "shared".to_owned(),
        Mode::Permits { count, .. } => format!("{count} permits"),
    }
}

/// What watchers of sessions and locks are told of a revision.
pub(crate) fn told(revised: &Revised) -> String {
    let sessions = lease::changes_in(revised).unwrap();
    let sessions = sessions.iter().map(|change| match change {
        LeaseChange::Is(lease) => line("told", &format!("session {}", session(lease))),
        LeaseChange::Ended(id) => line("told", &format!("session {id} ended")),
    });
    let locks = lock::changes_in(revised).unwrap();
    sessions.chain(locks.iter().map(change)).collect()
}

fn change(change: &LockChange) -> String {
    let what = match &change.kind {
        LockChangeKind::Queued(found) => format!("queued {}", waiter(found)),
        LockChangeKind::Left(found) => format!("left {}", waiter(found)),
        LockChangeKind::Granted(found) => format!("granted {}", holder(found)),
        LockChangeKind::Updated(found) => format!("updated {}", holder(found)),
        LockChangeKind::Ended(found) => format!("ended {}", holder(found)),
    };
    line("told", &format!("{}: {what}", change.name))
}
