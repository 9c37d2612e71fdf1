//! What nodes ask of one another beyond Raft.

use std::time::Duration;

use bytes::Bytes;
use conclave_core::cluster::Introduction;
use conclave_core::{Answer, LeaseId};

use crate::admission::Introduced;
use crate::errors::ProposeError;
use crate::members::{JoinRequest, Joined, MembersAnswer, MembersError, MembersRequest};

/// A future in a box.
pub type BoxFuture<'a, T> = futures::future::BoxFuture<'a, T>;

/// What peers ask of this node beyond Raft.
pub trait LocalNode: Send + Sync + 'static {
    /// Proposes for a peer that takes this node for the leader; the peer waits for `deadline`.
    fn propose(
        &self,
        proposal: Bytes,
        deadline: Duration,
    ) -> BoxFuture<'static, Result<Answer, ProposeError>>;

    /// This node's own state; or why it cannot be told.
    fn status(&self) -> BoxFuture<'_, Result<NodeStatus, String>>;

    /// Changes the members for a peer that takes this node for the leader; it hands nothing on.
    fn change_members(
        &self,
        request: MembersRequest,
        deadline: Duration,
    ) -> BoxFuture<'_, Result<MembersAnswer, MembersError>>;

    /// Lets a new node in, by way of the leader.
    fn join(&self, request: JoinRequest, deadline: Duration) -> BoxFuture<'_, Result<Joined, MembersError>>;

    /// Renews leases for a peer that takes this node for the leader; none if it does not surely lead.
    fn keep_leases(&self, request: KeepLeases, deadline: Duration) -> BoxFuture<'_, Option<KeptLeases>>;

    /// Whether others may have its state in place of theirs: not if it is known to be wrong.
    fn vouches_for_state(&self) -> bool;

    /// What this node knows of another one.
    fn introduced(&self, who: Introduced) -> BoxFuture<'_, Introduction>;
}

/// What is asked of the leader about leases.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeepLeases {
    /// Leases to renew.
    pub renew: Vec<LeaseId>,
    /// Leases of which only what is left is asked.
    pub ask: Vec<LeaseId>,
}

/// What the leader knows of leases, in the order in which they were asked for. None: there is no such lease.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeptLeases {
    /// TTL in milliseconds of each lease that was renewed.
    pub ttl_ms: Vec<Option<u64>>,
    /// What is left in milliseconds of each that was asked about.
    pub left_ms: Vec<Option<u64>>,
}

/// What a node does in its cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It orders the writes.
    Leader,
    /// It votes and keeps a copy.
    Follower,
    /// It stands for election.
    Candidate,
    /// It keeps a copy without a vote.
    Learner,
}

impl Role {
    /// The role in lower case, as peers and people are told.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Leader => "leader",
            Self::Follower => "follower",
            Self::Candidate => "candidate",
            Self::Learner => "learner",
        }
    }

    /// The role that is called so.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Leader, Self::Follower, Self::Candidate, Self::Learner]
            .into_iter()
            .find(|role| role.as_str() == text)
    }
}

/// A node's own state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeStatus {
    /// Id of the node.
    pub node_id: u64,
    /// What it does.
    pub role: Role,
    /// Its term.
    pub term: u64,
    /// The leader it knows.
    pub leader_id: Option<u64>,
    /// Index of the last entry in its log.
    pub last_log_index: u64,
    /// Index of the last entry that it has applied.
    pub applied_index: u64,
    /// Newest revision of its store.
    pub revision: u64,
    /// Digest of all that it has applied, as hexadecimal digits.
    pub digest: String,
    /// Version of its program.
    pub version: String,
    /// How long it has been running, in seconds.
    pub uptime_s: u64,
    /// Whether it still replays its log after a start.
    pub recovering: bool,
    /// The number that it drew when its data directory was made.
    pub instance: u64,
    /// Its wall clock as it answers, in milliseconds since 1970-01-01 UTC.
    pub now_ms: i64,
    /// Names of the alarms that are raised on it.
    pub alarms: Vec<String>,
    /// What it has on its disk, and how the disk does.
    pub disk: NodeDisk,
    /// Digests as of some indexes, ascending.
    pub digests: Vec<DigestPoint>,
}

/// What a node has on its disk, and how the disk does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeDisk {
    /// Room on the disk, in bytes. Zero with a total of zero: not known.
    pub free_bytes: u64,
    /// Size of the disk, in bytes.
    pub total_bytes: u64,
    /// What the state takes, in bytes.
    pub state_size_bytes: u64,
    /// What the entries of the log take, in bytes.
    pub log_size_bytes: u64,
    /// Index of the first entry in the log. Zero: it is empty.
    pub first_log_index: u64,
    /// How long one in two of the log's last fsyncs took at most. Zero: none yet.
    pub fsync_p50: Duration,
    /// How long 99 of 100 took at most.
    pub fsync_p99: Duration,
}

/// The digest of all that was applied up to an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DigestPoint {
    /// Index of the last entry that it covers.
    pub index: u64,
    /// The digest, as hexadecimal digits.
    pub digest: String,
}
