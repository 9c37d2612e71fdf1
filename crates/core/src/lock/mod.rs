//! Locks with fencing tokens, held through leases.
//!
//! Whoever asks for a lock gets a *ticket*, numbered by the revision of the present at which it was asked for. Tickets wait in a queue
//! and are granted in order of arrival, as many at once as go together. A grant carries a *fencing token*, which only
//! grows, over all locks.
//!
//! Tickets hang on leases: when one ends, `execute.rs` has all its tickets removed in the same step, all
//! of them before any other is granted. So no ticket is ever granted to a lease that has ended.
//!
//! A ticket is *attended* by a call, which is told of the grant. The same request under the same id finds its ticket
//! again and attends it in the place of the call before; that one's end then gives nothing up. A call that ended without
//! an answer may come late, after those that were made after it: then its end leaves the ticket to them.

mod acquire;
mod command;
mod forced;
mod grant;
mod head;
mod index;
mod keys;
mod outcome;
mod read;
mod rejection;
mod release;
mod ticket;
mod watch;

use conclave_mvcc::Transaction;

pub use command::{
    Abandon, Acquire, ForceRelease, HeldLock, LockCommand, Mode, Release, SetMetadata, Wait, Which,
};
pub use outcome::{
    Acquired, ForcedRelease, Granted, HolderInfo, LockInfo, LockOutcome, Standing, WaiterInfo,
};
pub use read::{Extent, LocksQuery, get, holder, list, newest_token, queue, standing, tickets_of};
pub use rejection::LockRejection;
pub use watch::{LockChange, LockChangeKind, change_of, changes_in, watch_ranges, watch_ranges_of};

pub(crate) use index::count as tickets_in;
pub(crate) use release::leave_all;

use head::Head;
use ticket::Ticket;

use crate::rejection::Rejection;
use crate::stop::Stop;

/// Most who wait for one lock.
pub const WAITERS_MAX: u64 = 10_000;
/// Most who hold one lock at once; further ones wait.
pub const HOLDERS_MAX: u64 = 10_000;
/// Most tickets of one session.
pub const TICKETS_MAX: u64 = 10_000;
/// Most tickets of one session on one lock.
pub const TICKETS_A_LOCK_MAX: u64 = 1_000;

/// Does what the command says within the transaction.
pub(crate) fn apply(
    transaction: &mut Transaction<'_>,
    command: &LockCommand,
    time_ms: i64,
) -> Result<LockOutcome, Stop> {
    let tickets = match command {
        LockCommand::Acquire(command) => {
            return acquire::acquire(transaction, command, time_ms).map(LockOutcome::Acquired);
        }
        LockCommand::SetMetadata(command) => return set_metadata(transaction, command),
        LockCommand::Release(command) => release::release(transaction, command, time_ms)?,
        LockCommand::Abandon(command) => release::abandon(transaction, command, time_ms)?,
        LockCommand::ForceRelease(command) => release::force(transaction, command, time_ms)?,
    };
    Ok(LockOutcome::Released { tickets })
}

/// Refuses unless the lock is held with the token.
pub(crate) fn require_held(transaction: &mut Transaction<'_>, held: &HeldLock) -> Result<(), Stop> {
    let HeldLock { name, token } = held;
    if Ticket::find(transaction, &keys::holder(name, *token))?.is_some() {
        return Ok(());
    }
    // The first holder's, which is at hand: a change that is refused must not look at thousands.
    let held_token = Head::find(transaction, name)?.map_or(0, |head| head.held_token());
    let (name, token) = (name.to_string(), token.get());
    Err(refuse(LockRejection::TokenMismatch { name, token, held_token }))
}

fn set_metadata(transaction: &mut Transaction<'_>, set: &SetMetadata) -> Result<LockOutcome, Stop> {
    let SetMetadata { name, session, token, metadata } = set;
    let found = Ticket::find(transaction, &keys::holder(name, *token))?;
    let Some(ticket) = found.filter(|ticket| ticket.session == *session) else {
        let (name, session) = (name.to_string(), session.get());
        return Err(refuse(LockRejection::NotHeld { name, session }));
    };
    Ticket { metadata: metadata.clone(), ..ticket }.write(transaction, name)?;
    Ok(LockOutcome::MetadataSet { revision: transaction.present_revision()? })
}

fn refuse(rejection: LockRejection) -> Stop {
    Stop::Rejected(Rejection::Lock(rejection))
}

#[cfg(test)]
mod golden;
