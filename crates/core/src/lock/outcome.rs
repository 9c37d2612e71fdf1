//! What commands about locks lead to, and what is known of a lock.

use bytes::Bytes;
use conclave_mvcc::Revision;
use serde::{Deserialize, Serialize};

use super::command::Mode;
use crate::ids::{FencingToken, LeaseId, TicketId};
use crate::names::LockName;

/// What a command about locks led to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LockOutcome {
    /// A ticket was made, or found.
    Acquired(Acquired),
    /// Tickets are gone.
    Released {
        /// How many.
        tickets: u64,
    },
    /// What is told of a holder was changed.
    MetadataSet {
        /// At which revision.
        revision: Revision,
    },
}

/// A ticket after it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acquired {
    /// Its number.
    pub ticket: TicketId,
    /// How it stands.
    pub standing: Standing,
}

/// How a ticket stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    /// It waits.
    Waiting {
        /// How many come before; of a request that came again and is far back in the queue, at most so many.
        ahead: u64,
    },
    /// It is granted.
    Granted(Granted),
}

/// A grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Granted {
    /// The fencing token.
    pub token: FencingToken,
    /// Since when: milliseconds since 1970-01-01 UTC.
    pub since_ms: i64,
}

/// A grant of a lock, with whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HolderInfo {
    /// Session that holds it.
    pub session: LeaseId,
    /// Number of its ticket.
    pub ticket: TicketId,
    /// The fencing token, and since when.
    pub granted: Granted,
    /// How it is held.
    pub mode: Mode,
    /// Who holds it, for people.
    pub owner: String,
    /// Whatever is told of the holder.
    pub metadata: Bytes,
}

/// A place in the queue for a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaiterInfo {
    /// Session that waits.
    pub session: LeaseId,
    /// Number of its ticket.
    pub ticket: TicketId,
    /// How it is to be held.
    pub mode: Mode,
    /// Who waits, for people.
    pub owner: String,
    /// Since when: milliseconds since 1970-01-01 UTC.
    pub since_ms: i64,
}

/// A release by force. All grants of the lock that ended at its revision were taken by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForcedRelease {
    /// Token of the grant that was taken; of several, the greatest.
    pub token: FencingToken,
    /// Whose it was, for people.
    pub owner: String,
    /// Its session.
    pub session: LeaseId,
    /// Who took it.
    pub author: String,
    /// Why.
    pub reason: String,
    /// When: milliseconds since 1970-01-01 UTC.
    pub time_ms: i64,
    /// At which revision.
    pub revision: Revision,
}

/// A lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockInfo {
    /// Its name.
    pub name: LockName,
    /// The first of those who hold it, in order of token.
    pub holders: Vec<HolderInfo>,
    /// How many hold it.
    pub holder_count: u64,
    /// The first of those who wait, in order of arrival.
    pub waiters: Vec<WaiterInfo>,
    /// How many wait.
    pub waiter_count: u64,
    /// How many permits there are; none: it is held exclusively or shared.
    pub capacity: Option<u32>,
    /// The last release by force, if it is remembered.
    pub forced: Option<ForcedRelease>,
}

impl LockInfo {
    /// Roughly what it takes on the wire.
    pub fn size_bytes(&self) -> usize {
        let holders = self.holders.iter().map(|holder| 64 + holder.owner.len() + holder.metadata.len());
        let waiters = self.waiters.iter().map(|waiter| 48 + waiter.owner.len());
        64 + self.name.as_str().len() + holders.sum::<usize>() + waiters.sum::<usize>()
    }
}
