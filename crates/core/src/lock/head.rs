//! What is known of a lock as a whole. It is there while somebody holds the lock or waits for it.

use bytes::Bytes;
use conclave_mvcc::{MapError, Record, Revision, Transaction};
use serde::{Deserialize, Serialize};

use super::HOLDERS_MAX;
use super::command::Mode;
use super::keys;
use crate::encoding;
use crate::ids::{FencingToken, TicketId};
use crate::names::LockName;

const FORMAT: u8 = 1;

/// How many hold a lock, and how; how many wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    /// How many permits there are; none: it is held exclusively or shared.
    pub(super) capacity: Option<u32>,
    /// Grants.
    pub(super) holders: u64,
    /// Whether the only grant is exclusive.
    pub(super) exclusive: bool,
    /// Permits that are held.
    pub(super) permits: u64,
    /// Places in the queue.
    pub(super) waiters: u64,
    /// All tickets up to this one have left the queue: where to look for the next.
    pub(super) served: TicketId,
    /// The first holder's token, if there is one: where to look for them.
    pub(super) first_token: FencingToken,
}

impl Head {
    /// The present one; none if nobody holds the lock or waits for it.
    pub(super) fn find(transaction: &mut Transaction<'_>, name: &LockName) -> Result<Option<Self>, MapError> {
        transaction.get_present(&keys::head(name))?.map(Self::decode).transpose()
    }

    /// The head of a lock that nobody has yet, which is asked for after the revision `newest` of the present.
    pub(super) fn new(mode: Mode, newest: Revision) -> Self {
        Self { capacity: mode.capacity(), served: TicketId::new(newest.get()), ..Self::default() }
    }

    /// Writes it; one that counts nobody goes.
    pub(super) fn write(self, transaction: &mut Transaction<'_>, name: &LockName) -> Result<(), MapError> {
        if self.holders == 0 && self.waiters == 0 {
            transaction.delete_present(keys::head(name))?;
            return Ok(());
        }
        transaction.put_present(keys::head(name), self.encode())
    }

    /// Whether one more in this mode goes with those who hold it.
    pub(super) fn admits(&self, mode: Mode) -> bool {
        self.holders < HOLDERS_MAX
            && match mode {
                Mode::Exclusive => self.holders == 0,
                Mode::Shared => !self.exclusive,
                Mode::Permits { count, capacity } => {
                    self.permits.saturating_add(count.into()) <= u64::from(capacity)
                }
            }
    }

    /// A token with which the lock is held: of several that of the first. 0: nobody holds it.
    pub(super) fn held_token(&self) -> u64 {
        if self.holders == 0 { 0 } else { self.first_token.get() }
    }

    /// One more holds it.
    pub(super) fn admit(&mut self, mode: Mode, token: FencingToken) {
        assert!(self.admits(mode), "a lock is granted only to who goes with its holders");
        if self.holders == 0 {
            self.first_token = token;
        }
        self.holders += 1;
        self.exclusive = mode == Mode::Exclusive;
        self.permits = self.permits.saturating_add(mode.permits().into());
    }

    /// One less holds it.
    pub(super) fn dismiss(&mut self, mode: Mode) {
        self.holders = self.holders.saturating_sub(1);
        self.exclusive = false;
        self.permits = self.permits.saturating_sub(mode.permits().into());
    }

    pub(super) fn decode(record: &Record) -> Result<Self, MapError> {
        encoding::decode(FORMAT, &record.value).map_err(|error| MapError::new(format_args!("lock: {error}")))
    }

    pub(super) fn encode(&self) -> Bytes {
        encoding::encode(FORMAT, self)
    }
}

impl Mode {
    /// How many permits the lock has; none: it has none.
    pub(super) fn capacity(self) -> Option<u32> {
        match self {
            Self::Permits { capacity, .. } => Some(capacity),
            Self::Exclusive | Self::Shared => None,
        }
    }

    /// Doors refuse to ask for more permits than there are, or for none: nobody behind would ever come next.
    pub(super) fn can_be_had(self) -> bool {
        match self {
            Self::Permits { count, capacity } => (1..=capacity).contains(&count),
            Self::Exclusive | Self::Shared => true,
        }
    }

    fn permits(self) -> u32 {
        match self {
            Self::Permits { count, .. } => count,
            Self::Exclusive | Self::Shared => 0,
        }
    }
}
