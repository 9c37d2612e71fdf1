//! Consensus as the rest of the program sees it.
//!
//! [`Consensus`] hides the engine: nothing outside of this crate names openraft. It owns every task that it
//! starts; [`Consensus::shutdown`] returns when all have ended and the stores are not in use any more.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use conclave_core::Answer;
use conclave_storage::{LogStore, StateStore, WorkKind, run};
use openraft::ServerState;
use openraft::async_runtime::WatchReceiver as _;
use parking_lot::Mutex;
use prometheus_client::registry::Registry;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::applier::{Applier, ApplierParts};
use crate::bootstrap::{Found, check_members, drop_superseded, form, inspect};
use crate::digest_points::DigestPoints;
use crate::engine_config::engine_config;
use crate::errors::{ConsensusError, PeerError, ProposeError, ReadIndexError, Stopped, WaitAppliedError};
use crate::follow::{FollowOptions, Followed, follow};
use crate::forward::Forwarding;
use crate::hand_over::{HandOverBounds, hand_over};
use crate::local_node::{DigestPoint, KeepLeases, KeptLeases, LocalNode, NodeStatus, Role};
use crate::log_adapter::LogAdapter;
use crate::log_keeper::{LogBounds, LogKeeper};
use crate::members::{MembersAnswer, MembersError, MembersRequest};
use crate::network::{Network, PeerListener};
use crate::observer::ApplyObserver;
use crate::options::ConsensusOptions;
use crate::peer_channel::PeerChannels;
use crate::peer_client;
use crate::peer_network::{PeerFailure, PeerNetwork};
use crate::peer_server::PeerServer;
use crate::peers::Peers;
use crate::propose::{Proposing, propose, proposing};
use crate::quiet_times::{Quiet, QuietTimes, keep_quiet};
use crate::raft_metrics::RaftMetrics;
use crate::read_gate::ReadGate;
use crate::read_index::{ask_leader, confirm_leadership};
use crate::snapshot::Snapshots;
use crate::snapshot_give::SnapshotGiver;
use crate::snapshot_rate::SnapshotRate;
use crate::snapshot_receive::{Intake, SnapshotReceiver};
use crate::type_config::{PeerAddress, TypeConfig};

/// The engine.
pub(crate) type Raft = openraft::Raft<TypeConfig, Applier>;

/// How long the last users of the stores may take to end on shutdown.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a follower may owe an answer to entries, at least: it writes them to its disk first.
const ANSWER_TIMEOUT_MIN: Duration = Duration::from_secs(1);
/// A leader that was not heard of for so many times the longest election timeout counts as gone.
const SILENT_ELECTIONS: u32 = 2;
/// The longest wait for a leader before the next attempt to read, should no change be told.
const LEADER_WAIT_MAX: Duration = Duration::from_millis(100);

/// This node's part in the cluster. Clones are handles of the same.
#[derive(Clone)]
pub struct Consensus {
    inner: Arc<Inner>,
}

struct Inner {
    options: ConsensusOptions,
    raft: Raft,
    state: StateStore,
    /// For the service for the other nodes, until that is begun: whoever has it uses the stores.
    giver: Mutex<Option<SnapshotGiver>>,
    channels: Arc<PeerChannels>,
    ways: Ways,
    applied: watch::Receiver<u64>,
    digests: DigestPoints,
    metrics: RaftMetrics,
    displaced: watch::Sender<bool>,
    followed: Followed,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// The ways to the leader, here or elsewhere.
struct Ways {
    peers: Peers,
    proposing: Proposing,
    forwarding: Forwarding,
    leader_gate: ReadGate,
    follower_gate: ReadGate,
}

impl Ways {
    fn open(
        raft: &Raft,
        peers: Peers,
        options: &ConsensusOptions,
        (tasks, stop): (&TaskTracker, &CancellationToken),
    ) -> Self {
        let asking = ask_leader(peers.clone(), Duration::from_millis(options.election_ms_min));
        Self {
            proposing: proposing(raft, tasks, stop),
            forwarding: Forwarding::new(peers.clone(), tasks.clone(), stop.clone()),
            leader_gate: ReadGate::open(confirm_leadership(raft), tasks, stop.clone()),
            follower_gate: ReadGate::open(asking, tasks, stop.clone()),
            peers,
        }
    }
}

impl Drop for Inner {
    /// Ends what was not shut down: without its handles the engine stops too.
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

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

/// That a node leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leading {
    /// The term in which it does.
    pub term: u64,
    /// A read of all that was acknowledged before must have applied the entry with this index.
    pub index: u64,
}

impl Consensus {
    /// Starts on what the stores hold, and reaches the other nodes by `network`. If the log is empty and the first members are given, forms the
    /// cluster with them; the others must be given the same.
    ///
    /// # Errors
    /// See [`ConsensusError`]. Nothing runs then.
    pub async fn start(
        options: ConsensusOptions,
        log: LogStore,
        state: StateStore,
        observer: Arc<dyn ApplyObserver>,
        network: Arc<dyn Network>,
    ) -> Result<Self, ConsensusError> {
        let config = Arc::new(engine_config(&options)?);
        check_members(&*network, &options)?;
        let Found { mark, durable, last_index, .. } = settle_stores(&log, &state).await?;
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let channels = Arc::new(PeerChannels::new(network, options.cluster_id));
        channels.know_instances(options.instances.clone());
        let (digests, metrics) = (DigestPoints::default(), RaftMetrics::default());
        let adapter = LogAdapter::new(log.clone(), durable.clone(), tasks.token());
        let quiet = Arc::new(Quiet::default());
        let snapshot_rate = Arc::new(SnapshotRate::new(options.snapshot_rate_bytes_per_s));
        let network = PeerNetwork {
            channels: Arc::clone(&channels),
            answer_timeout: Duration::from_millis(options.election_ms_max).max(ANSWER_TIMEOUT_MIN),
            quiet: Arc::clone(&quiet),
            log: adapter.clone(),
            snapshot_rate: Arc::clone(&snapshot_rate),
            metrics: metrics.clone(),
        };
        let snapshots = Snapshots::new(state.clone(), durable.clone(), tasks.token());
        let giver = SnapshotGiver::new(snapshots.clone(), snapshot_rate, metrics.clone());
        let kept = (log.clone(), state.clone(), snapshots.clone());
        let (applier, applied) = Applier::new(ApplierParts {
            state: state.clone(),
            snapshots,
            observer,
            digests: digests.clone(),
            metrics: metrics.clone(),
            mark,
            in_use: tasks.token(),
        });
        let started = Raft::new(options.node_id, config, network, adapter, applier).await;
        let raft = started.map_err(|error| ConsensusError::Engine(error.to_string()))?;
        tasks.spawn(stop.clone().run_until_cancelled_owned(log_keeper(&raft, kept, &options).run()));
        let quieting = keep_quiet(raft.clone(), QuietTimes::new(&options), quiet);
        tasks.spawn(stop.clone().run_until_cancelled_owned(quieting));
        let silence_max = SILENT_ELECTIONS * Duration::from_millis(options.election_ms_max);
        let followed = follow(&raft, &FollowOptions { last_index, silence_max }, &tasks, &stop);
        let ways = Ways::open(&raft, Peers::new(&raft, &channels), &options, (&tasks, &stop));
        let inner = Inner {
            options,
            raft,
            state,
            giver: Mutex::new(Some(giver)),
            channels,
            ways,
            applied,
            digests,
            metrics,
            displaced: watch::Sender::new(false),
            followed,
            tasks,
            stop,
        };
        let consensus = Self { inner: Arc::new(inner) };
        if let Err(error) = form(&consensus.inner.raft, &consensus.inner.options).await {
            consensus.shutdown().await;
            return Err(error);
        }
        Ok(consensus)
    }

    /// Has a proposal replicated and applied, if this node leads, and gives the answer of the state machine.
    ///
    /// # Errors
    /// [`ProposeError::OutcomeUnknown`] if it was taken into the log and leadership was lost, or the node
    /// stopped, before it was known what became of it. Until it was taken into the log, the errors say so.
    pub async fn propose(&self, proposal: Bytes) -> Result<Answer, ProposeError> {
        self.check_running()?;
        let lease_wait = Duration::from_millis(self.inner.options.election_ms_max);
        propose(&self.inner.ways.proposing, proposal, lease_wait).await
    }

    /// The index that a linearizable read which begins now must have applied. One confirmation of leadership
    /// serves all reads that wait for it; a follower asks the leader. While nobody leads, waits.
    ///
    /// # Errors
    /// See [`ReadIndexError`].
    pub async fn read_index(&self, deadline: Instant) -> Result<u64, ReadIndexError> {
        let mut leaders = self.leader_changes();
        loop {
            self.check_running()?;
            let leader = *leaders.borrow_and_update();
            let gate = match leader {
                Some(id) if id == self.inner.options.node_id => Some(&self.inner.ways.leader_gate),
                Some(_) => Some(&self.inner.ways.follower_gate),
                None => None,
            };
            if let Some(gate) = gate {
                match timeout_at(deadline, gate.read_index()).await {
                    Ok(Err(ReadIndexError::NoLeader)) => {}
                    Ok(outcome) => return outcome,
                    Err(_) => return Err(ReadIndexError::Deadline),
                }
            }
            let until = deadline.min(Instant::now() + LEADER_WAIT_MAX);
            self.next_leader(&mut leaders, until).await?;
            if Instant::now() >= deadline {
                return Err(ReadIndexError::NoLeader);
            }
        }
    }

    /// Has a majority confirm that this node leads. All that was acknowledged before this call has an index up to
    /// the one that is told.
    ///
    /// # Errors
    /// [`ReadIndexError::NoLeader`] if it does not lead, or it is not known whether it does.
    pub async fn confirm_leading(&self, deadline: Instant) -> Result<Leading, ReadIndexError> {
        self.check_running()?;
        let term = self.term_led().ok_or(ReadIndexError::NoLeader)?;
        let confirmed = timeout_at(deadline, self.inner.ways.leader_gate.read_index()).await;
        let index = confirmed.unwrap_or(Err(ReadIndexError::NoLeader))?;
        // It was confirmed in this term only if it led in no other one meanwhile.
        if self.term_led() == Some(term) {
            Ok(Leading { term, index })
        } else {
            Err(ReadIndexError::NoLeader)
        }
    }

    /// The term in which this node leads, as far as it knows; none if it does not.
    pub fn term_led(&self) -> Option<u64> {
        let metrics = self.inner.raft.server_metrics();
        let metrics = metrics.borrow_watched();
        (metrics.current_leader == Some(self.inner.options.node_id)).then(|| metrics.vote.leader_id.term)
    }

    /// Waits until this node has applied the entry `index`: whoever reads the state then sees it.
    ///
    /// # Errors
    /// See [`WaitAppliedError`].
    pub async fn wait_applied(&self, index: u64, deadline: Instant) -> Result<(), WaitAppliedError> {
        let mut applied = self.inner.applied.clone();
        let reached = applied.wait_for(|applied| *applied >= index);
        match timeout_at(deadline, reached).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err(WaitAppliedError::Stopped { index }),
            Err(_) => Err(WaitAppliedError::Deadline { index }),
        }
    }

    /// Index of the last entry that this node has applied.
    pub fn applied_index(&self) -> u64 {
        *self.inner.applied.borrow()
    }

    /// Digests of what this node had applied as of some indexes, ascending: those that it noted since it was
    /// started, or its state replaced.
    pub fn digests(&self) -> Vec<DigestPoint> {
        self.inner.digests.list()
    }

    /// Has `registry` tell what is counted and measured here.
    pub fn register_metrics(&self, registry: &mut Registry) {
        self.inner.metrics.register(registry);
    }

    /// From now on calls to other nodes name these instances, by node: one that has its id from another one refuses.
    pub fn know_instances(&self, instances: BTreeMap<u64, u64>) {
        self.inner.channels.know_instances(instances);
    }

    /// Whether another node has called this one and meant another instance of it: this one has lost its data.
    pub fn displaced(&self) -> watch::Receiver<bool> {
        self.inner.displaced.subscribe()
    }

    /// The leader that this node knows.
    pub fn leader(&self) -> Option<u64> {
        *self.inner.followed.leader.borrow()
    }

    /// The leader that this node knows, as it changes.
    pub fn leader_changes(&self) -> watch::Receiver<Option<u64>> {
        self.inner.followed.leader.clone()
    }

    /// Waits until another leader is told, but not longer than `until`: whoever asks a leader then finds out who leads.
    ///
    /// # Errors
    /// That nobody will lead any more as far as this node knows, for it stops.
    pub async fn next_leader(
        &self,
        leaders: &mut watch::Receiver<Option<u64>>,
        until: Instant,
    ) -> Result<(), Stopped> {
        match timeout_at(until, leaders.changed()).await {
            Ok(Ok(())) | Err(_) => Ok(()),
            // Why is told before.
            Ok(Err(_)) => Err(self.check_running().err().unwrap_or(Stopped::AsTold)),
        }
    }

    /// The term that this node knows.
    pub fn term(&self) -> u64 {
        self.inner.raft.metrics().borrow_watched().current_term
    }

    /// What this node knows of consensus.
    pub fn status(&self) -> RaftStatus {
        let metrics = self.inner.raft.metrics().borrow_watched().clone();
        let membership = metrics.membership_config.membership();
        RaftStatus {
            node_id: self.inner.options.node_id,
            role: role(metrics.state),
            term: metrics.current_term,
            leader_id: self.leader(),
            last_log_index: metrics.last_log_index.unwrap_or(0),
            applied_index: self.applied_index(),
            members: membership.nodes().map(|(id, address)| (*id, address.clone())).collect(),
            voters: membership.voter_ids().collect(),
        }
    }

    /// Waits until the members are others than these, or elsewhere; none once the engine has stopped.
    pub async fn other_members_than(
        &self,
        known: &BTreeMap<u64, PeerAddress>,
    ) -> Option<BTreeMap<u64, PeerAddress>> {
        let members = |metrics: &openraft::RaftMetrics<TypeConfig>| -> BTreeMap<u64, PeerAddress> {
            let membership = metrics.membership_config.membership();
            membership.nodes().map(|(id, address)| (*id, address.clone())).collect()
        };
        let mut metrics = self.inner.raft.metrics();
        let changed = metrics.wait_until(|metrics| members(metrics) != *known).await;
        changed.ok().map(|metrics| members(&metrics))
    }

    /// Whether this node has applied all that it may have shown before it was started. Before that even a
    /// local read could go back in time over a restart.
    pub fn recovered(&self) -> bool {
        *self.inner.followed.recovered.borrow()
    }

    /// Waits for [`Consensus::recovered`], or until the engine stops.
    pub async fn wait_recovered(&self) {
        // An error means that the engine has stopped; `failed` tells why.
        let _ = self.inner.followed.recovered.clone().wait_for(|recovered| *recovered).await;
    }

    /// Hands a proposal to `node`, which is taken for the leader.
    ///
    /// # Errors
    /// As for [`Consensus::propose`]; [`ProposeError::NoLeader`] if the node was not reached.
    pub async fn forward_propose(
        &self,
        node: u64,
        proposal: Bytes,
        deadline: Instant,
    ) -> Result<Answer, ProposeError> {
        self.check_running()?;
        self.inner.ways.forwarding.propose(node, proposal, deadline).await
    }

    /// Asks a node for its state.
    ///
    /// # Errors
    /// See [`PeerError`].
    pub async fn peer_status(&self, node: u64, deadline: Instant) -> Result<NodeStatus, PeerError> {
        let asking = peer_client::status(self.inner.ways.peers.client(node)?, deadline);
        let failed = |cause: String| PeerError::Failed { node, cause };
        match self.unless_stopped(asking).await {
            None => Err(failed("this node is about to stop".to_owned())),
            Some(Err(PeerFailure::Unanswered)) => Err(PeerError::Deadline(node)),
            Some(told) => told.map_err(|error| failed(error.to_string())),
        }
    }

    /// Serves the other nodes at `listener` until `stop` is cancelled, or this node is shut down.
    ///
    /// # Errors
    /// If the listener fails.
    pub async fn serve_peers(
        &self,
        listener: Box<dyn PeerListener>,
        local: Arc<dyn LocalNode>,
        stop: CancellationToken,
    ) -> Result<(), ConsensusError> {
        let inner = &self.inner;
        // Cancelled with either of the two.
        let ends = inner.stop.child_token();
        let served_before = || ConsensusError::PeerService("the other nodes are served already".to_owned());
        let giver = inner.giver.lock().take().ok_or_else(served_before)?;
        let (state, metrics) = (inner.state.clone(), inner.metrics.clone());
        let intake = Intake { state, metrics, in_use: inner.tasks.token() };
        let server = PeerServer {
            cluster_id: inner.options.cluster_id,
            node_id: inner.options.node_id,
            instance: inner.options.instance,
            displaced: inner.displaced.clone(),
            raft: inner.raft.clone(),
            snapshots: SnapshotReceiver::new(inner.raft.clone(), intake),
            giver,
            leader_gate: inner.ways.leader_gate.clone(),
            local,
            _in_use: inner.tasks.token(),
            stop: ends.clone(),
        };
        let stopping = async {
            stop.cancelled().await;
            ends.cancel();
            std::future::pending::<()>().await;
        };
        tokio::select! {
            served = listener.serve(server.routes(), ends.clone()) => served,
            () = stopping => Ok(()),
        }
    }

    /// If this node leads, gives leadership to a voter that is not behind, and waits until another node
    /// leads. Returns whether one does.
    pub async fn hand_over(&self, deadline: Instant) -> bool {
        let options = &self.inner.options;
        let bounds = HandOverBounds {
            silence_max: Duration::from_millis(options.election_ms_min),
            attempt_timeout: Duration::from_millis(options.election_ms_max),
        };
        timeout_at(deadline, hand_over(&self.inner.raft, bounds)).await.unwrap_or(false)
    }

    /// Why the engine stopped by itself, once it has. Closed without a cause by a shutdown.
    pub fn failed(&self) -> watch::Receiver<Option<String>> {
        self.inner.followed.failed.clone()
    }

    /// Stops the engine and every task, and waits until the stores are not in use any more.
    pub async fn shutdown(&self) {
        let inner = &self.inner;
        inner.stop.cancel();
        drop(inner.giver.lock().take());
        if let Err(error) = inner.raft.shutdown().await {
            tracing::error!(%error, "the engine did not end well");
        }
        inner.tasks.close();
        if tokio::time::timeout(SHUTDOWN_TIMEOUT, inner.tasks.wait()).await.is_err() {
            tracing::warn!("the stores are still in use after the shutdown");
        }
    }

    /// Hands a request about the members to `node`, which is taken for the leader.
    ///
    /// # Errors
    /// As the node says; [`MembersError::NoLeader`] if it was not reached.
    pub async fn forward_members(
        &self,
        node: u64,
        request: &MembersRequest,
        deadline: Instant,
    ) -> Result<MembersAnswer, MembersError> {
        let client = self.inner.ways.peers.client(node).map_err(|error| {
            tracing::debug!(%error, "nothing can be handed over");
            MembersError::NoLeader
        })?;
        let handing_over = peer_client::change_members(client, request, deadline);
        self.unless_stopped(handing_over).await.unwrap_or(Err(MembersError::ShuttingDown))
    }

    /// Hands to `node`, which is taken for the leader, what is asked about leases. None: it was not reached, does not
    /// surely lead, or did not answer in time.
    pub async fn forward_leases(
        &self,
        node: u64,
        request: &KeepLeases,
        deadline: Instant,
    ) -> Option<KeptLeases> {
        let client = self.inner.ways.peers.client(node).ok()?;
        self.unless_stopped(peer_client::keep_leases(client, request, deadline)).await.flatten()
    }

    /// The engine.
    pub(crate) fn raft(&self) -> &Raft {
        &self.inner.raft
    }

    /// The outcome; none if the node is shut down meanwhile.
    async fn unless_stopped<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            outcome = work => Some(outcome),
            () = self.inner.stop.cancelled() => None,
        }
    }

    /// Whether the engine is there; else that it was stopped, or stopped by itself and why.
    fn check_running(&self) -> Result<(), Stopped> {
        let failed = self.inner.followed.failed.borrow().clone();
        match failed {
            Some(cause) => Err(Stopped::ByItself(cause)),
            None if self.inner.stop.is_cancelled() => Err(Stopped::AsTold),
            None => Ok(()),
        }
    }
}

fn log_keeper(
    raft: &Raft,
    (log, state, snapshots): (LogStore, StateStore, Snapshots),
    options: &ConsensusOptions,
) -> LogKeeper {
    let bounds =
        LogBounds { entries: options.snapshot_entries.max(1), size_bytes: options.snapshot_log_bytes.max(1) };
    LogKeeper { raft: raft.clone(), log, state, snapshots, bounds }
}

/// Reads the stores, on a thread that may block.
/// What the stores hold, once they fit together.
async fn settle_stores(log: &LogStore, state: &StateStore) -> Result<Found, ConsensusError> {
    let (inspected, read) = (log.clone(), state.clone());
    let inspecting = run(state.threads(), WorkKind::Awaited, (), move || inspect(&inspected, &read));
    let found = inspecting.await.unwrap_or_else(|error| Err(ConsensusError::Engine(error.to_string())))?;
    drop_superseded(log, &found).await?;
    Ok(found)
}

fn role(state: ServerState) -> Role {
    match state {
        ServerState::Leader => Role::Leader,
        ServerState::Candidate => Role::Candidate,
        ServerState::Learner => Role::Learner,
        ServerState::Follower | ServerState::Shutdown => Role::Follower,
    }
}
