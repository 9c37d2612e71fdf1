//! The facade.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use conclave_core::Answer;
use conclave_storage::{LogStore, StateStore};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::*;

/// x
#[derive(Clone)]
pub struct Consensus;

/// What this node knows of consensus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RaftStatus {
    /// Id of this node.
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
    /// All members with their addresses.
    pub members: BTreeMap<u64, PeerAddress>,
    /// Those that vote.
    pub voters: BTreeSet<u64>,
}

impl Consensus {
    /// x
    pub async fn start(options: ConsensusOptions, log: LogStore, state: StateStore, observer: Arc<dyn ApplyObserver>) -> Result<Consensus, ConsensusError> { todo!() }
    /// x
    pub async fn propose(&self, proposal: Bytes) -> Result<Answer, ProposeError> { todo!() }
    /// x
    pub async fn read_index(&self, deadline: Instant) -> Result<u64, ReadIndexError> { todo!() }
    /// x
    pub async fn wait_applied(&self, index: u64, deadline: Instant) -> Result<(), WaitAppliedError> { todo!() }
    /// x
    pub fn applied_index(&self) -> u64 { todo!() }
    /// x
    pub fn leader(&self) -> Option<u64> { todo!() }
    /// x
    pub fn leader_changes(&self) -> watch::Receiver<Option<u64>> { todo!() }
    /// x
    pub fn status(&self) -> RaftStatus { todo!() }
    /// x
    pub fn recovered(&self) -> bool { todo!() }
    /// x
    pub async fn wait_recovered(&self) { todo!() }
    /// x
    pub async fn forward_propose(&self, node: u64, proposal: Bytes, deadline: Instant) -> Result<Answer, ProposeError> { todo!() }
    /// x
    pub async fn peer_status(&self, node: u64, deadline: Instant) -> Result<NodeStatus, PeerError> { todo!() }
    /// x
    pub async fn serve_peers(&self, listener: TcpListener, local: Arc<dyn LocalNode>, stop: CancellationToken) -> Result<(), ConsensusError> { todo!() }
    /// x
    pub async fn hand_over(&self, deadline: Instant) -> bool { todo!() }
    /// x
    pub fn failed(&self) -> watch::Receiver<Option<String>> { todo!() }
    /// x
    pub async fn shutdown(&self) { todo!() }
}
