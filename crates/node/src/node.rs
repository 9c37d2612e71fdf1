//! The node: opens what it owns in order, runs it, and ends it in the opposite order.
//!
//! ```text
//! data directory ─► log store ─► state store ─► hubs ─► consensus ─► peer service
//! ```

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use conclave_core::cluster::instances;
use conclave_mvcc::MapError;
use conclave_raft::{
    Consensus, ConsensusError, ConsensusOptions, FetchError, Network, PeerAddress, PeerListener,
};
use conclave_storage::{Identity, LogStore, StorageError, WorkKind, run};
use tokio::sync::{Mutex, RwLock, Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::alarms::{WatchedDisk, watch_disk};
use crate::backup::BACKUPS_MAX;
use crate::collect::collect;
use crate::ended::{Ended, watched};
use crate::handle::{NodeHandle, Shared};
use crate::leases::{WAITING_MAX, keep_leases, take_renewals};
use crate::locks::{give_up, tell_tickets};
use crate::machine::Machine;
use crate::members::{
    Found, NotJoined, find, follow_fate, note_whereabouts, step_down_when_unfit, take_care,
};
use crate::metrics::NodeMetrics;
use crate::options::NodeOptions;
use crate::peer_calls::PeerCalls;
use crate::publish::Hubs;
use crate::readiness::Readiness;
use crate::room::Room;
use crate::stores::{self, Stores};
use crate::survey::survey;

/// How much longer than its TTL a lease lives under a new leader, at least: its holder has to find that one first.
const LEASE_GRACE_MIN: Duration = Duration::from_secs(1);

/// Why a node did not start. Nothing runs then.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The port for the other nodes cannot be had.
    #[error("cannot listen for the other nodes at {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// The data directory cannot be used.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The node did not come into the cluster.
    #[error(transparent)]
    NotJoined(#[from] NotJoined),
    /// The data directory, or the token, is of another cluster.
    #[error(
        "{} belongs to a node of cluster {found:?}, but the settings say {expected:?} (cluster_name)",
        path.display()
    )]
    OtherCluster {
        /// The data directory.
        path: PathBuf,
        /// Name of the cluster.
        found: String,
        /// Name in the settings.
        expected: String,
    },
    /// Consensus cannot start on what the data directory holds.
    #[error(transparent)]
    Consensus(#[from] ConsensusError),
    /// The state was damaged, and no other node gave its own.
    #[error(transparent)]
    NoState(#[from] FetchError),
    /// The state cannot be read.
    #[error(
        "{0}; move the folder `state` of the data directory away and start again: the state is made anew from \
         the log, or the node says what else to do"
    )]
    State(#[from] MapError),
}

/// A running node. [`Node::shutdown`] ends it; dropping it aborts its tasks.
pub struct Node {
    handle: NodeHandle,
    log: LogStore,
    tasks: JoinSet<()>,
    /// Ends the peer service and the readiness watch.
    stop: CancellationToken,
}

impl Node {
    /// Opens the data directory and comes into the cluster: back as who it was, by a token, or by forming it with
    /// the other first members.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(options: NodeOptions) -> Result<Self, StartError> {
        let Found { claim, identity, cluster_name, instance, members } = find(&options).await?;
        let Machine { network, clock, .. } = options.machine.clone();
        let listener = listen(&*network, options.peer_listen).await?;
        let Stores { log, state, peers } = stores::open(claim, identity, &options).await?;
        let hubs = Hubs::new(&state, &options.watch)?;
        let observer = Arc::new(hubs.clone());
        let instances = state.read(|view| instances(view, identity.cluster_id))?;
        let who = Who { identity, instance, instances };
        let terms = consensus_options(&options, who, members);
        let consensus =
            Consensus::start(terms, log.clone(), state.clone(), observer, Arc::clone(&network)).await?;
        let (renewals, renewals_arriving) = mpsc::channel(WAITING_MAX);
        let (abandoned, abandoned_arriving) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            node_id: identity.node_id,
            cluster_id: identity.cluster_id,
            cluster_name,
            instance,
            version: options.version,
            started: Instant::now(),
            clock,
            network,
            consensus,
            state,
            hubs,
            proposals: Semaphore::new(options.proposals_max),
            proposals_max: options.proposals_max,
            reads: Arc::new(Semaphore::new(options.reads_max)),
            reading: TaskTracker::new(),
            backups: Arc::new(Semaphore::new(BACKUPS_MAX)),
            readiness: watch::Sender::new(Readiness::Recovering),
            changing: Mutex::new(()),
            ended: watch::Sender::new(None),
            metrics: NodeMetrics::default(),
            alarms: watch::Sender::default(),
            room_of_most: watch::Sender::new(Room::Enough),
            space_reserve_bytes: options.alarms.space_reserve_bytes,
            leases: parking_lot::Mutex::default(),
            noting: RwLock::new(()),
            lease_grace: Duration::from_millis(options.election_ms_max).max(LEASE_GRACE_MIN),
            renewals,
            attending: Arc::default(),
            abandoned,
            log: log.clone(),
        });
        let mut node = Self {
            handle: NodeHandle { shared },
            log,
            tasks: JoinSet::new(),
            stop: CancellationToken::new(),
        };
        let disk = WatchedDisk { path: options.data_dir, pace: node.log.pace(), options: options.alarms };
        let watching = watch_disk(node.handle.shared.clone(), disk, node.stop.clone());
        node.spawn("the watch over the disk", watching);
        let renewing = take_renewals(node.handle.shared.clone(), renewals_arriving, node.stop.clone());
        node.spawn("the renewal of leases", renewing);
        let giving_up = give_up(node.handle.clone(), abandoned_arriving, node.stop.clone());
        node.spawn("the giving up of tickets", giving_up);
        let noting = note_whereabouts(node.handle.shared.clone(), peers, node.stop.clone());
        node.spawn("the note of where the members are", noting);
        node.spawn_tasks(listener, options.join.map(|join| join.addresses).unwrap_or_default());
        Ok(node)
    }

    /// What the rest of the program holds of this node.
    pub fn handle(&self) -> NodeHandle {
        self.handle.clone()
    }

    /// Waits until the node has stopped itself, and tells why. Pending while it is well.
    pub async fn failed(&self) -> String {
        let shared = &self.handle.shared;
        let (mut failed, mut ended) = (shared.consensus.failed(), shared.ended.subscribe());
        let failure = async {
            match failed.wait_for(Option::is_some).await.map(|cause| cause.clone()) {
                Ok(cause) => cause.unwrap_or_default(),
                // Consensus has ended without a failure: that is a shutdown, which is no failure either.
                Err(_) => std::future::pending().await,
            }
        };
        tokio::select! {
            cause = failure => cause,
            Ok(why) = ended.wait_for(Option::is_some) => why.as_ref().map(Ended::to_string).unwrap_or_default(),
        }
    }

    /// Says that the node is about to stop and hands leadership to another one, if this one leads. Requests
    /// are still answered afterwards: writes are handed to the new leader.
    pub async fn hand_over(&self, deadline: Instant) {
        let shared = &self.handle.shared;
        shared.readiness.send_replace(Readiness::ShuttingDown);
        let raft = shared.consensus.status();
        let others_vote = raft.voters.iter().any(|id| *id != shared.node_id);
        if others_vote && raft.leader_id == Some(shared.node_id) {
            let handed_over = shared.consensus.hand_over(deadline).await;
            tracing::info!(handed_over, "leadership given up before the shutdown");
        }
    }

    /// Ends every task, makes the state durable and closes the stores.
    pub async fn shutdown(mut self) {
        let shared = Arc::clone(&self.handle.shared);
        shared.readiness.send_replace(Readiness::ShuttingDown);
        shared.reads.close();
        shared.reading.close();
        shared.reading.wait().await;
        shared.hubs.close().await;
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
        shared.consensus.shutdown().await;
        // Tasks and peers may have begun reads until they ended.
        shared.reading.wait().await;
        let (log, state) = (self.log, shared.state.clone());
        let closed = run(shared.state.threads(), WorkKind::Awaited, (), move || {
            // Not needed for correctness: what is not flushed is replayed from the log at the next start.
            if let Err(error) = state.flush() {
                tracing::warn!(%error, "the state was not flushed before the shutdown");
            }
            log.close();
        });
        if let Err(error) = closed.await {
            tracing::error!(%error, "closing the stores was cut short");
        }
    }

    fn spawn_tasks(&mut self, listener: Box<dyn PeerListener>, let_in_by: Vec<String>) {
        let (node, ends) = (Arc::clone(&self.handle.shared), self.stop.clone());
        let (shared, stop) = (|| Arc::clone(&node), || ends.clone());
        self.spawn("the service for the other nodes", serve_peers(shared(), listener, stop()));
        self.spawn("the care for the members", take_care(shared(), stop()));
        self.spawn("the watch over its leadership", step_down_when_unfit(shared(), stop()));
        self.spawn("the watch over its own fate", follow_fate(shared(), let_in_by, stop()));
        self.spawn("the collection", collect(shared(), stop()));
        self.spawn("the clock of leases", keep_leases(shared(), stop()));
        self.spawn("the telling of tickets", tell_tickets(shared(), stop()));
        self.spawn("the survey of the members", survey(shared(), stop()));
        self.spawn("the watch over its state", watch_state(shared(), stop()));
        self.spawn("the watch over its readiness", follow_readiness(shared(), stop()));
    }

    /// Runs a task that must not end before the node does: should it panic, the node stops.
    fn spawn(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(watched(name, self.handle.shared.ended.clone(), task));
    }
}

/// Ends the node when its state is found to be damaged: the next start makes it anew.
async fn watch_state(shared: Arc<Shared>, stop: CancellationToken) {
    let mut damage = shared.state.damage();
    let found = stop.run_until_cancelled(damage.wait_for(Option::is_some)).await;
    if let Some(Ok(_)) = found {
        shared.ended.send_replace(Some(Ended::StateDamaged));
    }
}

/// Serves the other nodes until `stop`. Without that the node is none.
async fn serve_peers(shared: Arc<Shared>, listener: Box<dyn PeerListener>, stop: CancellationToken) {
    let peers = Arc::new(PeerCalls { shared: Arc::clone(&shared) });
    if let Err(error) = shared.consensus.serve_peers(listener, peers, stop).await {
        tracing::error!(%error, "the peer service ended");
        shared.ended.send_replace(Some(Ended::TaskFailed { task: "the service for the other nodes" }));
    }
}

async fn listen(network: &dyn Network, address: SocketAddr) -> Result<Box<dyn PeerListener>, StartError> {
    network.listen(address).await.map_err(|source| StartError::Listen { address, source })
}

/// Who this node and the others are.
struct Who {
    identity: Identity,
    instance: u64,
    instances: BTreeMap<u64, u64>,
}

fn consensus_options(
    options: &NodeOptions,
    Who { identity, instance, instances }: Who,
    members: BTreeMap<u64, PeerAddress>,
) -> ConsensusOptions {
    ConsensusOptions {
        node_id: identity.node_id,
        cluster_id: identity.cluster_id,
        instance,
        instances,
        members,
        heartbeat_ms: options.heartbeat_ms,
        election_ms_min: options.election_ms_min,
        election_ms_max: options.election_ms_max,
        snapshot_entries: options.snapshot_entries,
        snapshot_log_bytes: options.snapshot_log_bytes,
        snapshot_rate_bytes_per_s: options.snapshot_rate_bytes_per_s,
    }
}

/// Keeps the readiness true to the leader and the recovery, until the node stops.
async fn follow_readiness(shared: Arc<Shared>, stop: CancellationToken) {
    let mut leaders = shared.consensus.leader_changes();
    let recovery = async {
        shared.consensus.wait_recovered().await;
        shared.refresh_readiness();
        std::future::pending::<()>().await;
    };
    let leadership = async {
        loop {
            leaders.borrow_and_update();
            shared.refresh_readiness();
            if leaders.changed().await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = recovery => {}
        () = leadership => {}
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;
    use crate::read::Consistency;
    use crate::test_node::start;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_read_that_runs_at_once_ends_before_the_node_does() {
        outlasts_reads_of(1).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_read_that_takes_its_time_ends_before_the_node_does() {
        outlasts_reads_of(1_000).await;
    }

    /// A read that passes over so many rows, and then waits.
    async fn outlasts_reads_of(rows: usize) {
        let folder = tempfile::tempdir().unwrap();
        let node = start(folder.path()).await;
        let (handle, ended) = (node.handle(), Arc::new(AtomicBool::new(false)));
        let (begins, mut begun) = tokio::sync::mpsc::channel(1);
        let (_never, takes_long) = mpsc::channel::<()>();
        let end = Arc::clone(&ended);
        let mut reader = JoinSet::new();
        reader.spawn(async move {
            let read = move |view: &dyn conclave_mvcc::ReadMap| {
                for _ in 0..rows {
                    view.get(b"row")?;
                }
                begins.try_send(()).unwrap();
                let _ = takes_long.recv_timeout(Duration::from_secs(1));
                end.store(true, Ordering::SeqCst);
                Ok(())
            };
            handle.read(Consistency::Local, Instant::now() + Duration::from_secs(10), read).await
        });
        begun.recv().await.unwrap();
        node.shutdown().await;
        assert!(ended.load(Ordering::SeqCst), "the stores are closed under a read that runs");
        reader.join_next().await.unwrap().unwrap().unwrap();
    }
}
