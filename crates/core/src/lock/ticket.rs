//! A ticket: a request for a lock, which waits and then is granted.

use bytes::Bytes;
use conclave_mvcc::{MapError, Record, Transaction};
use serde::{Deserialize, Serialize};

use super::command::Mode;
use super::keys;
use super::outcome::{Granted, HolderInfo, WaiterInfo};
use crate::encoding;
use crate::ids::{FencingToken, LeaseId, TicketId};
use crate::names::{LockName, RequestId};

const FORMAT: u8 = 1;

/// A ticket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ticket {
    pub(super) number: TicketId,
    pub(super) session: LeaseId,
    pub(super) mode: Mode,
    pub(super) owner: String,
    pub(super) metadata: Bytes,
    pub(super) request_id: RequestId,
    /// The call that attends it, last; before it those that did and are not known to have ended.
    pub(super) calls: Vec<u64>,
    /// When it was asked for.
    pub(super) asked_ms: i64,
    /// Until when it waits at most; none: as long as its session lives.
    pub(super) wait_until_ms: Option<i64>,
    /// The grant; none: it waits.
    pub(super) granted: Option<Granted>,
}

/// How many calls a ticket remembers; more are seldom under way at once.
pub(super) const CALLS_MAX: usize = 4;

impl Ticket {
    /// The same, attended by this call from now on.
    pub(super) fn attended_by(mut self, call: u64) -> Self {
        self.calls.retain(|known| *known != call);
        self.calls.push(call);
        let too_many = self.calls.len().saturating_sub(CALLS_MAX);
        self.calls.drain(..too_many);
        self
    }

    /// Where it lies.
    pub(super) fn key(&self, name: &LockName) -> Bytes {
        match self.granted {
            Some(granted) => keys::holder(name, granted.token),
            None => keys::waiter(name, self.number),
        }
    }

    /// Writes it.
    pub(super) fn write(&self, transaction: &mut Transaction<'_>, name: &LockName) -> Result<(), MapError> {
        transaction.put_present(self.key(name), self.encode())
    }

    /// Removes it.
    pub(super) fn remove(&self, transaction: &mut Transaction<'_>, name: &LockName) -> Result<(), MapError> {
        let key = self.key(name);
        let was_there = transaction.delete_present(key.clone())?;
        if was_there { Ok(()) } else { Err(MapError::damaged("a ticket lies elsewhere", &key)) }
    }

    /// The ticket under `key`; none if there is none.
    pub(super) fn find(transaction: &mut Transaction<'_>, key: &Bytes) -> Result<Option<Self>, MapError> {
        transaction.get_present(key)?.map(Self::decode).transpose()
    }

    pub(super) fn decode(record: &Record) -> Result<Self, MapError> {
        encoding::decode(FORMAT, &record.value)
            .map_err(|error| MapError::new(format_args!("ticket: {error}")))
    }

    pub(super) fn encode(&self) -> Bytes {
        encoding::encode(FORMAT, self)
    }

    pub(super) fn into_waiter(self) -> WaiterInfo {
        let Self { number: ticket, session, mode, owner, asked_ms: since_ms, .. } = self;
        WaiterInfo { session, ticket, mode, owner, since_ms }
    }

    /// What is told of it as a holder; none while it waits.
    pub(super) fn into_holder(self) -> Option<HolderInfo> {
        let Self { number: ticket, session, mode, owner, metadata, granted, .. } = self;
        granted.map(|granted| HolderInfo { session, ticket, granted, mode, owner, metadata })
    }
}

/// Where a ticket lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Lies {
    InQueue(TicketId),
    WithToken(FencingToken),
}

impl Lies {
    /// Where this ticket lies.
    pub(super) fn of(ticket: &Ticket) -> Self {
        match ticket.granted {
            Some(granted) => Self::WithToken(granted.token),
            None => Self::InQueue(ticket.number),
        }
    }

    pub(super) fn key(self, name: &LockName) -> Bytes {
        match self {
            Self::InQueue(number) => keys::waiter(name, number),
            Self::WithToken(token) => keys::holder(name, token),
        }
    }
}
