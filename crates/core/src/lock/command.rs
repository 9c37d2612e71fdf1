//! Commands about locks.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::ids::{FencingToken, LeaseId, TicketId};
use crate::names::{LockName, RequestId};

/// A change of locks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LockCommand {
    /// Asks for a lock.
    Acquire(Acquire),
    /// Releases a lock, or gives up a place in its queue.
    Release(Release),
    /// Gives up a ticket whose call has ended.
    Abandon(Abandon),
    /// Takes a lock from who holds it.
    ForceRelease(ForceRelease),
    /// Changes what is told of a holder.
    SetMetadata(SetMetadata),
}

/// How a lock is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// Nobody else holds it.
    Exclusive,
    /// Others may hold it, shared as well.
    Shared,
    /// Some of its permits are held.
    Permits {
        /// How many: 1 to `capacity`.
        count: u32,
        /// How many there are.
        capacity: u32,
    },
}

/// How long whoever asks would wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wait {
    /// Not at all: refused if the lock cannot be had now.
    None,
    /// So many milliseconds. Whoever attends the ticket gives it up then; should nobody, it is passed over.
    UpTo(u64),
    /// As long as the session lives.
    Forever,
}

/// Asks for a lock. The same session, lock and request id are the same ticket, as long as there is it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acquire {
    /// Name of the lock.
    pub name: LockName,
    /// Session that is to hold it.
    pub session: LeaseId,
    /// How.
    pub mode: Mode,
    /// How long to wait.
    pub wait: Wait,
    /// Who asks, for people.
    pub owner: String,
    /// Whatever is to be known of the holder.
    pub metadata: Bytes,
    /// Which of the session's requests for this lock it is.
    pub request_id: RequestId,
    /// Number of the call that attends the ticket from now on.
    pub call: u64,
}

/// Which of a session's tickets on a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Which {
    /// All of them.
    All,
    /// The grant with this token.
    Token(FencingToken),
    /// The one with this number, granted or waiting.
    Ticket(TicketId),
}

/// Releases a lock, or gives up a place in its queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// Name of the lock.
    pub name: LockName,
    /// Session that holds it, or waits.
    pub session: LeaseId,
    /// Which of its tickets.
    pub which: Which,
}

/// Gives up a ticket, if the call is still the one that attends it. Never refused: what is to be is so already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Abandon {
    /// Name of the lock.
    pub name: LockName,
    /// Session whose ticket it is.
    pub session: LeaseId,
    /// Number of the ticket.
    pub ticket: TicketId,
    /// Number of the call that has ended.
    pub call: u64,
    /// Whether it ended before it was answered. Then it may have come to the ticket late, after calls that were made
    /// after it: if any of them attends the ticket, it stays theirs.
    pub unanswered: bool,
}

/// Takes a lock from who holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForceRelease {
    /// Name of the lock.
    pub name: LockName,
    /// Only the grant with this token; none: all.
    pub token: Option<FencingToken>,
    /// Who takes it.
    pub author: String,
    /// Why.
    pub reason: String,
}

/// Changes what is told of a holder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetMetadata {
    /// Name of the lock.
    pub name: LockName,
    /// Session that holds it.
    pub session: LeaseId,
    /// Token of the grant.
    pub token: FencingToken,
    /// What is to be told.
    pub metadata: Bytes,
}

/// What a change may depend on: that a lock is held with a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldLock {
    /// Name of the lock.
    pub name: LockName,
    /// The token.
    pub token: FencingToken,
}
