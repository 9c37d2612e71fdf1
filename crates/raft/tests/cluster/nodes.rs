//! The nodes that the tests work with, and how to wait for what they do.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use conclave_core::cluster::Introduction;
use conclave_core::config::{
    Action, Authorship, Commit, ConfigCommand, CreateNamespace, Edit, ItemContent, NamespaceEdits,
    SettingsChange,
};
use conclave_core::{Answer, Command, ItemKey, NamespaceName, Proposal, RequestId, digest, encode_proposal};
use conclave_mvcc::{Revised, newest_revision};
use conclave_raft::{
    ApplyObserver, BoxFuture, Consensus, ConsensusError, ConsensusOptions, Introduced, JoinRequest, Joined,
    KeepLeases, KeptLeases, LocalNode, MembersAnswer, MembersError, MembersRequest, Newest, NodeDisk,
    NodeStatus, PeerAddress, ProposeError, TcpNetwork, TcpPeerListener,
};
use conclave_storage::{DataDir, Identity, LogStore, StateStore};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

pub(crate) const CLUSTER_ID: u64 = 0x00c0_ffee;

/// Within this everything must happen, on a busy machine too.
pub(crate) fn soon() -> Instant {
    Instant::now() + Duration::from_secs(30)
}

/// A cluster that lives in folders of its own.
pub(crate) struct Cluster {
    folder: TempDir,
    members: BTreeMap<u64, PeerAddress>,
    setup: Setup,
    pub(crate) nodes: BTreeMap<u64, TestNode>,
}

/// How long the logs may become, how fast snapshots travel, and how soon a leader that is silent is replaced.
pub(crate) struct Setup {
    pub(crate) snapshot_entries: u64,
    pub(crate) snapshot_log_bytes: u64,
    pub(crate) snapshot_rate_bytes_per_s: u64,
    pub(crate) election_ms_min: u64,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            snapshot_entries: 100_000,
            snapshot_log_bytes: 256 << 20,
            snapshot_rate_bytes_per_s: 0,
            election_ms_min: 500,
        }
    }
}

/// One running node.
pub(crate) struct TestNode {
    pub(crate) consensus: Consensus,
    pub(crate) log: LogStore,
    pub(crate) state: StateStore,
    pub(crate) observed: Arc<Observed>,
    /// Whether others may have its state.
    pub(crate) vouches: Arc<AtomicBool>,
    serving: JoinSet<Result<(), ConsensusError>>,
    stop: CancellationToken,
}

/// Counts what it is told.
#[derive(Default)]
pub(crate) struct Observed {
    pub(crate) newest: AtomicU64,
    pub(crate) replaced: AtomicU64,
}

impl ApplyObserver for Observed {
    fn applied(&self, revised: &[Revised], _present: &[Revised]) {
        for Revised { revision, .. } in revised {
            let before = self.newest.swap(revision.get(), Ordering::SeqCst);
            assert!(before < revision.get(), "revisions only grow");
        }
    }

    fn replaced(&self, newest: Newest) {
        self.newest.store(newest.revision.get(), Ordering::SeqCst);
        self.replaced.fetch_add(1, Ordering::SeqCst);
    }
}

struct Local {
    consensus: Consensus,
    state: StateStore,
    vouches: Arc<AtomicBool>,
}

impl LocalNode for Local {
    fn propose(
        &self,
        proposal: Bytes,
        _deadline: Duration,
    ) -> BoxFuture<'static, Result<Answer, ProposeError>> {
        let consensus = self.consensus.clone();
        Box::pin(async move { consensus.propose(proposal).await })
    }

    fn status(&self) -> BoxFuture<'_, Result<NodeStatus, String>> {
        let raft = self.consensus.status();
        let status = NodeStatus {
            node_id: raft.node_id,
            role: raft.role,
            term: raft.term,
            leader_id: raft.leader_id,
            last_log_index: raft.last_log_index,
            applied_index: raft.applied_index,
            revision: self.state.read(newest_revision).unwrap().get(),
            digest: self.state.read(digest).unwrap().to_string(),
            version: "test".into(),
            uptime_s: 1,
            recovering: !self.consensus.recovered(),
            instance: raft.node_id,
            now_ms: 0,
            alarms: Vec::new(),
            disk: NodeDisk::default(),
            digests: self.consensus.digests(),
        };
        Box::pin(async move { Ok(status) })
    }

    fn vouches_for_state(&self) -> bool {
        self.vouches.load(Ordering::SeqCst)
    }

    fn change_members(
        &self,
        _request: MembersRequest,
        _deadline: Duration,
    ) -> BoxFuture<'_, Result<MembersAnswer, MembersError>> {
        Box::pin(async { Ok(MembersAnswer::Done) })
    }

    fn join(&self, _: JoinRequest, _: Duration) -> BoxFuture<'_, Result<Joined, MembersError>> {
        Box::pin(async { Err(MembersError::NoLeader) })
    }

    fn keep_leases(&self, _: KeepLeases, _: Duration) -> BoxFuture<'_, Option<KeptLeases>> {
        Box::pin(async { None })
    }

    fn introduced(&self, _: Introduced) -> BoxFuture<'_, Introduction> {
        Box::pin(async { Introduction::Unknown })
    }
}

impl Cluster {
    /// Nodes 1 to `count`, which form a cluster.
    pub(crate) async fn form(count: u64, snapshot_entries: u64) -> Self {
        Self::form_with(count, Setup { snapshot_entries, ..Setup::default() }).await
    }

    /// The same, set up in another way.
    pub(crate) async fn form_with(count: u64, setup: Setup) -> Self {
        let mut listeners = BTreeMap::new();
        for id in 1..=count {
            listeners.insert(id, TcpListener::bind("127.0.0.1:0").await.unwrap());
        }
        let address = |listener: &TcpListener| PeerAddress {
            peer: listener.local_addr().unwrap().to_string(),
            client: String::new(),
            name: String::new(),
        };
        let members = listeners.iter().map(|(id, listener)| (*id, address(listener))).collect();
        let folder = tempfile::tempdir().unwrap();
        let mut cluster = Self { folder, members, setup, nodes: BTreeMap::new() };
        for (id, listener) in listeners {
            let node = cluster.open(id, listener).await.unwrap();
            cluster.nodes.insert(id, node);
        }
        cluster
    }

    pub(crate) fn path(&self, id: u64) -> std::path::PathBuf {
        self.folder.path().join(id.to_string())
    }

    pub(crate) fn address(&self, id: u64) -> SocketAddr {
        self.members[&id].peer.parse().unwrap()
    }

    pub(crate) fn node(&self, id: u64) -> &TestNode {
        &self.nodes[&id]
    }

    /// Opens a node's folder again and starts it where it was.
    pub(crate) async fn start(&mut self, id: u64) {
        let node = self.try_start(id).await.unwrap();
        self.nodes.insert(id, node);
    }

    pub(crate) async fn try_start(&self, id: u64) -> Result<TestNode, ConsensusError> {
        let listener = TcpListener::bind(self.address(id)).await.unwrap();
        self.open(id, listener).await
    }

    /// Stops a node. Its state is not flushed, as if it had been killed.
    pub(crate) async fn stop(&mut self, id: u64) {
        self.nodes.remove(&id).unwrap().stop().await;
    }

    async fn open(&self, id: u64, listener: TcpListener) -> Result<TestNode, ConsensusError> {
        let (log, state) = open_stores(&self.path(id), id)?;
        let options = ConsensusOptions {
            instance: 1,
            instances: BTreeMap::new(),
            node_id: id,
            cluster_id: CLUSTER_ID,
            members: self.members.clone(),
            heartbeat_ms: 50,
            election_ms_min: self.setup.election_ms_min,
            election_ms_max: self.setup.election_ms_min * 2,
            snapshot_entries: self.setup.snapshot_entries,
            snapshot_log_bytes: self.setup.snapshot_log_bytes,
            snapshot_rate_bytes_per_s: self.setup.snapshot_rate_bytes_per_s,
        };
        let observed = Arc::new(Observed::default());
        let consensus =
            Consensus::start(options, log.clone(), state.clone(), observed.clone(), Arc::new(TcpNetwork))
                .await?;
        let vouches = Arc::new(AtomicBool::new(true));
        let local =
            Local { consensus: consensus.clone(), state: state.clone(), vouches: Arc::clone(&vouches) };
        let (mut serving, stop) = (JoinSet::new(), CancellationToken::new());
        let listener = Box::new(TcpPeerListener::from(listener));
        let (served, stopped) = (consensus.clone(), stop.clone());
        serving.spawn(async move { served.serve_peers(listener, Arc::new(local), stopped).await });
        Ok(TestNode { consensus, log, state, observed, vouches, serving, stop })
    }

    /// The id of the node that all running nodes know to lead.
    pub(crate) async fn leader(&self) -> u64 {
        let deadline = soon();
        loop {
            let mut leaders = Vec::new();
            for node in self.nodes.values() {
                leaders.push(node.leader(deadline).await);
            }
            let first = leaders[0];
            if leaders.iter().all(|leader| *leader == first) && self.nodes.contains_key(&first) {
                return first;
            }
            // Some node has not heard of the newest leader yet.
            let statuses: Vec<_> = self.nodes.values().map(|node| node.consensus.status()).collect();
            assert!(Instant::now() < deadline, "the nodes disagree on the leader: {leaders:?} {statuses:#?}");
            tokio::task::yield_now().await;
        }
    }

    pub(crate) async fn followers(&self) -> Vec<u64> {
        let leader = self.leader().await;
        self.nodes.keys().copied().filter(|id| *id != leader).collect()
    }

    /// Proposes on whichever node leads, until it is answered.
    pub(crate) async fn propose(&self, proposal: &Bytes) -> Answer {
        let deadline = soon();
        loop {
            let leader = self.leader().await;
            match self.node(leader).consensus.propose(proposal.clone()).await {
                Ok(answer) => return answer,
                Err(error) => assert!(Instant::now() < deadline, "no answer: {error}"),
            }
        }
    }

    /// Waits until all running nodes have applied what the leader has, and checks that it is the same.
    pub(crate) async fn agree(&self) {
        let leader = self.node(self.leader().await);
        let index = leader.consensus.applied_index();
        for node in self.nodes.values() {
            node.consensus.wait_applied(index, soon()).await.unwrap();
        }
        let digests: Vec<String> = self.nodes.values().map(TestNode::digest).collect();
        assert!(digests.iter().all(|digest| *digest == digests[0]), "the nodes differ: {digests:?}");
    }
}

pub(crate) fn open_dir(path: &Path, node_id: u64) -> Result<DataDir, ConsensusError> {
    Ok(DataDir::open(path, Identity { node_id, cluster_id: CLUSTER_ID })?)
}

pub(crate) fn open_stores(path: &Path, node_id: u64) -> Result<(LogStore, StateStore), ConsensusError> {
    let dir = open_dir(path, node_id)?;
    Ok((LogStore::open(&dir)?, StateStore::open(&dir)?))
}

impl TestNode {
    pub(crate) async fn leader(&self, deadline: Instant) -> u64 {
        let mut leaders = self.consensus.leader_changes();
        let known = timeout_at(deadline, leaders.wait_for(Option::is_some)).await;
        known.expect("a leader is elected in time").expect("the node runs").expect("it was waited for")
    }

    pub(crate) fn digest(&self) -> String {
        self.state.read(digest).unwrap().to_string()
    }

    pub(crate) async fn stop(mut self) {
        self.stop.cancel();
        while let Some(served) = self.serving.join_next().await {
            served.unwrap().unwrap();
        }
        self.consensus.shutdown().await;
        self.log.close();
    }
}

/// A proposal that makes a namespace.
pub(crate) fn create(namespace: &str) -> Bytes {
    create_as(&format!("create-{namespace}"), namespace)
}

pub(crate) fn create_as(request: &str, namespace: &str) -> Bytes {
    let create = CreateNamespace {
        namespace: NamespaceName::parse(namespace).unwrap(),
        settings: SettingsChange::default(),
        authorship: authorship(),
    };
    proposal(request, ConfigCommand::CreateNamespace(create))
}

/// A proposal that sets one item of a namespace.
pub(crate) fn put(namespace: &str, number: u64, value: Bytes) -> Bytes {
    let content = ItemContent { value, content_type: String::new(), labels: BTreeMap::new() };
    let edit = Edit {
        key: ItemKey::parse("key", 64).unwrap(),
        expected_mod_revision: None,
        action: Action::Put(content),
    };
    let edits = NamespaceEdits {
        namespace: NamespaceName::parse(namespace).unwrap(),
        expected_version: None,
        create_if_missing: true,
        edits: vec![edit],
    };
    let commit = Commit { namespaces: vec![edits], authorship: authorship() };
    proposal(&format!("put-{namespace}-{number}"), ConfigCommand::Commit(commit))
}

/// A proposal that sets an item to a small value that depends on `number`.
pub(crate) fn put_number(namespace: &str, number: u64) -> Bytes {
    put(namespace, number, Bytes::from(number.to_string()))
}

fn proposal(request_id: &str, command: ConfigCommand) -> Bytes {
    let request_id = RequestId::parse(request_id).unwrap();
    encode_proposal(&Proposal { request_id, time_ms: 1, command: Command::Config(command) })
}

fn authorship() -> Authorship {
    Authorship { author: "test".into(), message: String::new() }
}
