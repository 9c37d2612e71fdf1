//! What the rest of the program holds of a node: cheap to clone, and of no effect on the node's life.

use std::sync::Arc;

use conclave_raft::Consensus;
use conclave_storage::StateStore;
use conclave_watch::Hub;
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::readiness::Readiness;
use crate::request_error::RequestError;

/// The replicated store as a Rust API: [`propose`](NodeHandle::propose), [`read`](NodeHandle::read),
/// [`watch`](NodeHandle::watch), [`cluster_status`](NodeHandle::cluster_status).
#[derive(Clone)]
pub struct NodeHandle {
    pub(crate) shared: Arc<Shared>,
}

/// What the node and its handles share.
pub(crate) struct Shared {
    pub(crate) node_id: u64,
    pub(crate) cluster_id: u64,
    pub(crate) cluster_name: String,
    pub(crate) version: &'static str,
    pub(crate) started: Instant,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) consensus: Consensus,
    pub(crate) state: StateStore,
    pub(crate) hub: Hub,
    pub(crate) proposals: Semaphore,
    pub(crate) reads: Arc<Semaphore>,
    /// The reads that run: shutting down waits for them.
    pub(crate) reading: TaskTracker,
    pub(crate) readiness: watch::Sender<Readiness>,
}

impl NodeHandle {
    /// Id of this node.
    pub fn node_id(&self) -> u64 {
        self.shared.node_id
    }

    /// The cluster's id.
    pub fn cluster_id(&self) -> u64 {
        self.shared.cluster_id
    }

    /// The cluster's name.
    pub fn cluster_name(&self) -> &str {
        &self.shared.cluster_name
    }

    /// Whether the node can serve, as it changes.
    pub fn readiness(&self) -> watch::Receiver<Readiness> {
        self.shared.readiness.subscribe()
    }
}

impl Shared {
    /// Refuses while it is not known what is committed: before that even a local read could go back in
    /// time over a restart.
    pub(crate) fn require_recovered(&self) -> Result<(), RequestError> {
        if self.consensus.recovered() { Ok(()) } else { Err(RequestError::recovering()) }
    }
}
