//! What the rest of the program holds of a node: cheap to clone, and of no effect on the node's life.

use std::sync::Arc;
use std::time::Duration;

use conclave_raft::{Consensus, Network};
use conclave_storage::{LogStore, StateStore};
use tokio::sync::{Mutex, RwLock, Semaphore, mpsc, watch};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use crate::alarms::{Alarm, Alarms};
use crate::clock::Clock;
use crate::ended::Ended;
use crate::leases::{Asked, Kept};
use crate::locks::{Abandoned, Attending};
use crate::metrics::NodeMetrics;
use crate::publish::Hubs;
use crate::readiness::{Readiness, Signs};
use crate::request_error::RequestError;
use crate::room::Room;

/// The replicated store as a Rust API: [`propose`](NodeHandle::propose), [`read`](NodeHandle::read),
/// [`watch`](NodeHandle::watch), [`cluster_status`](NodeHandle::cluster_status),
/// [`change_members`](NodeHandle::change_members).
#[derive(Clone)]
pub struct NodeHandle {
    pub(crate) shared: Arc<Shared>,
}

/// What the node and its handles share.
pub(crate) struct Shared {
    pub(crate) node_id: u64,
    pub(crate) cluster_id: u64,
    pub(crate) cluster_name: String,
    /// The number that this node drew: tells it from one that lost its data.
    pub(crate) instance: u64,
    pub(crate) version: &'static str,
    pub(crate) started: Instant,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) network: Arc<dyn Network>,
    pub(crate) consensus: Consensus,
    pub(crate) state: StateStore,
    pub(crate) hubs: Hubs,
    pub(crate) proposals: Semaphore,
    pub(crate) proposals_max: usize,
    pub(crate) reads: Arc<Semaphore>,
    /// The reads that run: shutting down waits for them.
    pub(crate) reading: TaskTracker,
    /// Backups that may be made at once.
    pub(crate) backups: Arc<Semaphore>,
    pub(crate) readiness: watch::Sender<Readiness>,
    /// Held while this node, as the leader, changes the members.
    pub(crate) changing: Mutex<()>,
    /// Why this node has stopped itself, once it has.
    pub(crate) ended: watch::Sender<Option<Ended>>,
    pub(crate) metrics: NodeMetrics,
    pub(crate) alarms: watch::Sender<Alarms>,
    /// How much room most voters have on their disks.
    pub(crate) room_of_most: watch::Sender<Room>,
    /// With less free space only what gives some back is done.
    pub(crate) space_reserve_bytes: u64,
    /// The clock of leases, while this node leads and keeps it.
    pub(crate) leases: parking_lot::Mutex<Option<Kept>>,
    /// Held while the leader notes what is left of leases, and shared by renewals: neither crosses the other.
    pub(crate) noting: RwLock<()>,
    /// What a new leader lets leases live beyond their time.
    pub(crate) lease_grace: Duration,
    /// Where renewals wait for their batch.
    pub(crate) renewals: mpsc::Sender<Asked>,
    /// Calls that wait for tickets.
    pub(crate) attending: Arc<Attending>,
    /// Tickets to be given up.
    pub(crate) abandoned: mpsc::UnboundedSender<Abandoned>,
    /// Only for what it tells of itself: consensus writes it.
    pub(crate) log: LogStore,
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

    /// The time by this node's clock: milliseconds since 1970-01-01 UTC.
    pub fn now_ms(&self) -> i64 {
        self.shared.clock.now_ms()
    }

    /// The term that this node knows.
    pub fn term(&self) -> u64 {
        self.shared.consensus.term()
    }

    /// The cluster's name.
    pub fn cluster_name(&self) -> &str {
        &self.shared.cluster_name
    }

    /// Whether the node does not belong to the cluster any more: it was taken out, or has lost its data.
    pub fn is_outside(&self) -> bool {
        matches!(*self.shared.ended.borrow(), Some(Ended::Removed | Ended::Displaced))
    }

    /// What is raised on this node, as it changes.
    pub fn alarms(&self) -> watch::Receiver<Alarms> {
        self.shared.alarms.subscribe()
    }

    /// Whether the node can serve, as it changes.
    pub fn readiness(&self) -> watch::Receiver<Readiness> {
        self.shared.readiness.subscribe()
    }
}

impl Shared {
    /// Refuses while it is not known what is committed: before that even a local read could go back in
    /// time over a restart. And once this node's data is known to be wrong.
    pub(crate) fn require_sound(&self) -> Result<(), RequestError> {
        if self.is_raised(Alarm::Corrupt) {
            return Err(RequestError::corrupt());
        }
        if self.consensus.recovered() { Ok(()) } else { Err(RequestError::recovering()) }
    }

    /// Whether an alarm is raised on this node.
    pub(crate) fn is_raised(&self, alarm: Alarm) -> bool {
        self.alarms.borrow().raised.contains(&alarm)
    }

    /// Keeps the readiness true to what it depends on.
    pub(crate) fn refresh_readiness(&self) {
        let (recovered, has_leader) = (self.consensus.recovered(), self.consensus.leader().is_some());
        let corrupt = self.is_raised(Alarm::Corrupt);
        self.readiness.send_if_modified(|readiness| {
            let shutting_down = *readiness == Readiness::ShuttingDown;
            let now = Readiness::from(Signs { recovered, has_leader, corrupt, shutting_down });
            let changed = *readiness != now;
            *readiness = now;
            changed
        });
    }
}
