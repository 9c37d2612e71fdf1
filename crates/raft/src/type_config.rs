//! The types with which openraft is used, fixed once.
//!
//! Nothing outside of this crate names openraft. What is decided here is on-disk format: the leader
//! id is of the standard flavour (one leader a term), so a log id is `(term, index)`.

use std::fmt;

use bytes::Bytes;
use conclave_core::{Answer, decode_answer, encode_answer};
use openraft::EntryPayload;
use openraft::alias;
use serde::{Deserialize, Serialize};

use crate::entry::LogEntry;

openraft::declare_raft_types!(
    /// Conclave's choice of openraft's types.
    pub TypeConfig:
        D = Proposal,
        R = Reply,
        NodeId = u64,
        Node = PeerAddress,
        Term = u64,
        LeaderId = openraft::impls::leader_id_std::LeaderId<u64, u64>,
        Payload = EntryPayload<Proposal, u64, PeerAddress>,
        Entry = LogEntry,
);

pub(crate) type LogId = alias::LogIdOf<TypeConfig>;
pub(crate) type Vote = alias::VoteOf<TypeConfig>;
pub(crate) type Payload = alias::PayloadOf<TypeConfig>;
pub(crate) type Membership = openraft::Membership<u64, PeerAddress>;
pub(crate) type StoredMembership = alias::StoredMembershipOf<TypeConfig>;
pub(crate) type SnapshotMeta = alias::SnapshotMetaOf<TypeConfig>;

/// Where a node is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PeerAddress {
    /// `host:port` for the other nodes.
    pub peer: String,
    /// URL for clients.
    pub client: String,
    /// Name of the node, for people. Empty: none was given.
    #[serde(default)]
    pub name: String,
}

/// What a normal log entry carries: an encoded [`conclave_core::Proposal`], opaque to consensus.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal(pub Bytes);

impl fmt::Debug for Proposal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proposal({} bytes)", self.0.len())
    }
}

impl fmt::Display for Proposal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// What applying an entry yields: the replicated answer, or nothing for entries of Raft's own.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "Option<Bytes>", into = "Option<Bytes>")]
pub struct Reply(pub Option<Answer>);

impl From<Reply> for Option<Bytes> {
    fn from(reply: Reply) -> Option<Bytes> {
        reply.0.as_ref().map(encode_answer)
    }
}

impl TryFrom<Option<Bytes>> for Reply {
    type Error = String;

    fn try_from(encoded: Option<Bytes>) -> Result<Reply, String> {
        let answer = encoded.as_ref().map(|bytes| decode_answer(bytes)).transpose();
        answer.map(Reply).map_err(|error| error.to_string())
    }
}
