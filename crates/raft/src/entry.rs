//! A log entry that remembers its encoded form.
//!
//! An entry is encoded once, by the leader that appends it. From then on the same bytes lie in the
//! log, go to every follower and lie in their logs; the payload of a decoded entry is a slice of
//! them.

use std::fmt;

use bytes::Bytes;
use openraft::EntryPayload;
use openraft::alias::CommittedLeaderIdOf;
use openraft::entry::RaftEntry;
use serde::{Deserialize, Serialize};

use crate::codec::{CodecError, decode_entry, encode_entry};
use crate::type_config::{LogId, Membership, Payload, TypeConfig};

/// One entry of the log.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "Bytes", into = "Bytes")]
pub struct LogEntry {
    log_id: LogId,
    payload: Payload,
    encoded: Option<Bytes>,
}

impl LogEntry {
    /// An entry as it was read: `encoded` is exactly the encoding of the rest.
    pub(crate) fn decoded(log_id: LogId, payload: Payload, encoded: Bytes) -> LogEntry {
        LogEntry { log_id, payload, encoded: Some(encoded) }
    }

    /// The entry as it is stored and sent.
    pub(crate) fn encoded(&self) -> Bytes {
        match &self.encoded {
            Some(encoded) => encoded.clone(),
            None => encode_entry(&self.log_id, &self.payload),
        }
    }

    /// What the entry carries.
    pub(crate) fn payload(&self) -> &Payload {
        &self.payload
    }

    /// About how many bytes the entry holds.
    pub(crate) fn size_bytes(&self) -> usize {
        match (&self.encoded, &self.payload) {
            (Some(encoded), _) => encoded.len(),
            (None, EntryPayload::Normal(proposal)) => proposal.0.len(),
            (None, EntryPayload::Blank | EntryPayload::Membership(_)) => 0,
        }
    }
}

impl RaftEntry for LogEntry {
    type CommittedLeaderId = CommittedLeaderIdOf<TypeConfig>;
    type Payload = Payload;

    fn new(log_id: LogId, payload: Payload) -> LogEntry {
        LogEntry { log_id, payload, encoded: None }
    }

    fn log_id_parts(&self) -> (&Self::CommittedLeaderId, u64) {
        (self.log_id.committed_leader_id(), self.log_id.index())
    }

    fn set_log_id(&mut self, new: LogId) {
        self.log_id = new;
        self.encoded = None;
    }

    fn get_membership(&self) -> Option<Membership> {
        match &self.payload {
            EntryPayload::Membership(membership) => Some(membership.clone()),
            EntryPayload::Blank | EntryPayload::Normal(_) => None,
        }
    }
}

impl fmt::Debug for LogEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.log_id, self.payload)
    }
}

impl fmt::Display for LogEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl From<LogEntry> for Bytes {
    fn from(entry: LogEntry) -> Bytes {
        entry.encoded()
    }
}

impl TryFrom<Bytes> for LogEntry {
    type Error = CodecError;

    fn try_from(encoded: Bytes) -> Result<LogEntry, CodecError> {
        decode_entry(&encoded)
    }
}
