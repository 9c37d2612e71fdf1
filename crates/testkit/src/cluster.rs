//! Some nodes that form one cluster, and the waits for what they agree on.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use conclave_checked_stream::open;
use conclave_client::cluster::{AddMemberRequest, GetStatusResponse, Health, Member};
use conclave_client::{Client, ClientOptions};
use conclave_proto::config::v1::config_service_client::ConfigServiceClient;
use conclave_proto::lock::v1::election_service_client::ElectionServiceClient;
use conclave_proto::lock::v1::lock_service_client::LockServiceClient;
use conclave_proto::lock::v1::session_service_client::SessionServiceClient;
use conclave_proto::raft::v1::admission_service_client::AdmissionServiceClient;
use conclave_proto::raft::v1::join_response::Result as JoinResult;
use conclave_proto::raft::v1::{IntroduceRequest, Introduction, JoinRequest};
use tempfile::TempDir;
use tonic::transport::{Channel, Endpoint, Uri};

use crate::command_line::CommandLine;
use crate::links::Links;
use crate::node::NodeProcess;
use crate::wait;

/// How long a node may take to tell its state; it asks the others for a second at most.
const STATUS_TIMEOUT_MS: u64 = 3_000;

/// Timings that elect nobody because a machine that runs many tests stood still for a moment. A test of elections sets
/// its own.
const CALM: [(&str, &str); 3] =
    [("heartbeat_ms", "100"), ("election_ms_min", "500"), ("election_ms_max", "1000")];

/// How a cluster is made.
#[derive(Debug, Clone)]
pub struct ClusterOptions {
    binary: PathBuf,
    nodes: u64,
    settings: Vec<(String, String)>,
    with_links: bool,
}

impl ClusterOptions {
    /// So many nodes of this binary, with the default settings but for calm elections.
    pub fn new(binary: &str, nodes: u64) -> Self {
        let settings = CALM.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Self { binary: binary.into(), nodes, settings, with_links: false }
    }

    /// Gives all nodes a setting.
    #[must_use]
    pub fn set(mut self, name: &str, value: impl ToString) -> Self {
        self.settings.push((name.into(), value.to_string()));
        self
    }

    /// Leaves the timings of elections as they are by default: for measurements.
    #[must_use]
    pub fn with_own_timings(mut self) -> Self {
        self.settings.retain(|(name, _)| CALM.iter().all(|(calm, _)| calm != name));
        self
    }

    /// Puts links between the nodes that can be cut.
    #[must_use]
    pub fn with_links(mut self) -> Self {
        self.with_links = true;
        self
    }
}

/// A cluster of processes. Dropping it kills them and deletes their data.
#[derive(Debug)]
pub struct Cluster {
    nodes: BTreeMap<u64, NodeProcess>,
    links: Option<Links>,
    binary: PathBuf,
    settings: Vec<(String, String)>,
    folder: TempDir,
    /// The greatest id that a node has or had.
    newest: u64,
}

impl Cluster {
    /// Starts the nodes and waits until they have a leader and all of them serve.
    ///
    /// # Panics
    /// If that takes too long.
    pub async fn start(options: ClusterOptions) -> Self {
        let mut cluster = Self::prepare(options).await;
        cluster.start_all();
        cluster.all_serve().await;
        cluster
    }

    /// Makes the nodes, without starting them.
    ///
    /// # Panics
    /// If there is no temporary folder to be had.
    pub async fn prepare(options: ClusterOptions) -> Self {
        let folder = tempfile::Builder::new().prefix("conclave-test-").tempdir().expect("a temporary folder");
        let node = |id| (id, NodeProcess::new(&options.binary, folder.path(), id));
        let mut nodes: BTreeMap<u64, NodeProcess> = (1..=options.nodes).map(node).collect();
        let peers = nodes.iter().map(|(id, node)| (*id, node.peer_address())).collect();
        let links = options.with_links.then(|| Links::before(&peers));
        let member = |(id, node): (&u64, &NodeProcess)| {
            let peer = links.as_ref().map_or(peers[id], |links| links.address(*id));
            format!("{id}={peer}/http://{}", node.client_address())
        };
        let members = nodes.iter().map(member).collect::<Vec<_>>().join(",");
        for node in nodes.values_mut() {
            node.set("initial_cluster", &members);
            options.settings.iter().for_each(|(name, value)| node.set(name, value));
        }
        let newest = options.nodes;
        Self { nodes, links, binary: options.binary, settings: options.settings, folder, newest }
    }

    /// Has a new node admitted, which is to join when it is started; tells its id.
    ///
    /// # Panics
    /// If it is not admitted.
    pub async fn admit(&mut self, client: &Client) -> u64 {
        let id = self.add_node();
        self.admit_node(client, id).await;
        id
    }

    /// Makes a further node, which nobody has admitted yet; tells the id that it will have.
    pub fn add_node(&mut self) -> u64 {
        let id = self.newest + 1;
        self.newest = id;
        let mut node = NodeProcess::new(&self.binary, self.folder.path(), id);
        self.settings.iter().for_each(|(name, value)| node.set(name, value));
        node.unset("node_id");
        if let Some(links) = &mut self.links {
            links.add(id, node.peer_address());
            node.set("peer_advertise", links.address(id));
        }
        self.nodes.insert(id, node);
        id
    }

    /// Forgets a node that is no member any more, with its data. Its id is not given again.
    pub fn forget(&mut self, id: u64) {
        if let Some(mut node) = self.nodes.remove(&id) {
            node.kill();
            // It may have none, or lie where somebody else cleans up.
            let _ = std::fs::remove_dir_all(node.data_dir());
        }
    }

    /// Has such a node admitted, which is to join when it is started.
    ///
    /// # Panics
    /// If it is not admitted.
    pub async fn admit_node(&mut self, client: &Client, id: u64) {
        let links = self.links.as_ref().map(|links| links.address(id));
        let node = self.nodes.get_mut(&id).expect("there is such a node");
        let peer_address = links.unwrap_or_else(|| node.peer_address()).to_string();
        let request = AddMemberRequest { name: format!("db{id}"), peer_address, ..Default::default() };
        let admitted = client.add_member(request).await.expect("the node is admitted");
        assert_eq!(admitted.id, id, "ids ascend");
        node.set("join", admitted.join_addresses.join(","));
        node.set("token", admitted.token);
    }

    /// Asks a node to let another one in, as that one would ask; tells its id, or why it is not let in.
    ///
    /// # Panics
    /// If the node does not answer.
    pub async fn ask_in(&self, asked: u64, token: &str, peer_address: &str) -> Result<u64, String> {
        let (token, peer_address) = (token.to_owned(), peer_address.to_owned());
        let request = JoinRequest { token, instance: 1, peer_address, ..Default::default() };
        let way = as_peer(self.nodes[&asked].peer_address());
        let told = AdmissionServiceClient::new(way).join(request).await;
        match told.expect("it answers").into_inner().result {
            Some(JoinResult::Joined(joined)) => Ok(joined.node_id),
            Some(JoinResult::Refused(refused)) => Err(refused.reason),
            Some(JoinResult::Undecided(undecided)) => Err(undecided.reason),
            None => Err("it gave no answer".to_owned()),
        }
    }

    /// Waits until every node that runs knows of this one which instance it is: one that takes its id is told then.
    ///
    /// # Panics
    /// If that takes too long.
    pub async fn knows(&mut self, id: u64) {
        let running = self.running();
        let peers: Vec<_> = running.iter().map(|id| self.nodes[id].peer_address()).collect();
        let known = async || {
            let status = self.status_of(*running.first()?).await?;
            let cluster_id = u64::from_str_radix(&status.cluster_id, 16).ok()?;
            for peer in &peers {
                let stranger = IntroduceRequest { cluster_id, node_id: id, instance: 1 };
                let told = AdmissionServiceClient::new(as_peer(*peer)).introduce(stranger).await;
                if told.ok()?.into_inner().introduction() != Introduction::OtherInstance {
                    return None;
                }
            }
            Some(())
        };
        wait::until("all know which instance a node is", known).await;
    }

    /// Has a new node admitted and starts it; waits until it serves as a learner.
    ///
    /// # Panics
    /// If that takes too long.
    pub async fn join(&mut self, client: &Client) -> u64 {
        let id = self.admit(client).await;
        self.start_node(id);
        self.all_serve().await;
        id
    }

    /// Ids of all nodes.
    pub fn ids(&self) -> Vec<u64> {
        self.nodes.keys().copied().collect()
    }

    /// A node.
    pub fn node(&mut self, id: u64) -> &mut NodeProcess {
        self.nodes.get_mut(&id).expect("there is such a node")
    }

    /// Starts a node that does not run.
    pub fn start_node(&mut self, id: u64) {
        let node = self.nodes.get_mut(&id).expect("there is such a node");
        node.start();
        if let Some(links) = &self.links {
            links.runs_as(id, node.process());
        }
    }

    /// Starts all nodes that do not run.
    pub fn start_all(&mut self) {
        for id in self.ids() {
            if !self.node(id).is_running() {
                self.start_node(id);
            }
        }
    }

    /// Kills all nodes, one right after the other.
    pub fn kill_all(&mut self) {
        self.nodes.values_mut().for_each(NodeProcess::kill);
    }

    /// The links between the nodes.
    ///
    /// # Panics
    /// If the cluster was made without.
    pub fn links(&self) -> &Links {
        self.links.as_ref().expect("the cluster was made with links")
    }

    /// A folder for the test's own files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Addresses of all nodes, for clients, separated by commas.
    pub fn endpoints(&self) -> String {
        self.nodes.values().map(|node| node.client_address().to_string()).collect::<Vec<_>>().join(",")
    }

    /// The command line, talking to all nodes.
    pub fn command_line(&self) -> CommandLine {
        CommandLine::new(&self.binary, self.folder()).with("CONCLAVE_ENDPOINTS", self.endpoints())
    }

    /// A client that knows all nodes and tries for as long as a test can wait.
    pub fn client(&self) -> Client {
        let endpoints = self.nodes.values().map(|node| node.client_address().to_string());
        let timeout_ms = u64::try_from(wait::PATIENCE.as_millis()).unwrap_or(u64::MAX);
        connect(ClientOptions { timeout_ms, attempts_max: 1_000, ..ClientOptions::new(endpoints) })
    }

    /// A client that asks this node only, and only once.
    pub fn client_of(&self, id: u64, timeout_ms: u64) -> Client {
        let options = ClientOptions::new([self.nodes[&id].client_address().to_string()]);
        connect(ClientOptions { timeout_ms, attempt_timeout_ms: timeout_ms, attempts_max: 1, ..options })
    }

    /// A connection to this node.
    pub fn channel(&self, id: u64) -> Channel {
        let url = format!("http://{}", self.nodes[&id].client_address());
        Endpoint::from_shared(url).expect("an address makes a URL").connect_lazy()
    }

    /// The configuration service of this node, as the generated code has it: refusals come as they are.
    pub fn service(&self, id: u64) -> ConfigServiceClient<Channel> {
        ConfigServiceClient::new(self.channel(id)).max_encoding_message_size(usize::MAX)
    }

    /// The session service of this node, likewise.
    pub fn sessions(&self, id: u64) -> SessionServiceClient<Channel> {
        SessionServiceClient::new(self.channel(id))
    }

    /// The lock service of this node, likewise.
    pub fn locks(&self, id: u64) -> LockServiceClient<Channel> {
        LockServiceClient::new(self.channel(id))
    }

    /// The election service of this node, likewise.
    pub fn elections(&self, id: u64) -> ElectionServiceClient<Channel> {
        ElectionServiceClient::new(self.channel(id))
    }

    /// The state of the cluster as a node sees it; none if it does not answer.
    pub async fn status_of(&self, id: u64) -> Option<GetStatusResponse> {
        self.client_of(id, STATUS_TIMEOUT_MS).cluster_status().await.ok()
    }

    /// Waits until every node that runs serves, with one leader that all of them know; tells the leader.
    ///
    /// # Panics
    /// If that takes too long.
    pub async fn all_serve(&mut self) -> u64 {
        let running = self.running();
        wait::until("all nodes serve and know one leader", async || self.served_by(&running).await).await
    }

    /// Waits until some node that runs leads with a majority behind it; tells which.
    ///
    /// # Panics
    /// If that takes too long.
    pub async fn leader(&mut self) -> u64 {
        let running = self.running();
        let lead = async || {
            for id in &running {
                let Some(status) = self.status_of(*id).await else { continue };
                let leader = status.leader_id;
                let followed = status.members.iter().filter(|member| member.health() == Health::Ok).count();
                if running.contains(&leader) && followed > self.nodes.len() / 2 {
                    return Some(leader);
                }
            }
            None
        };
        wait::until("a leader", lead).await
    }

    fn running(&mut self) -> Vec<u64> {
        self.nodes.values_mut().filter_map(|node| node.is_running().then_some(node.id)).collect()
    }

    async fn served_by(&self, running: &[u64]) -> Option<u64> {
        let mut leaders = Vec::new();
        for id in running {
            let status = self.status_of(*id).await?;
            let own = status.members.iter().find(|member| member.id == *id)?;
            if own.health() != Health::Ok {
                return None;
            }
            leaders.push(status.leader_id);
        }
        let leader = *leaders.first()?;
        leaders.iter().all(|other| *other == leader && running.contains(other)).then_some(leader)
    }

    /// Waits until every node that runs has applied the same entries, and tells the digest of them all.
    ///
    /// # Panics
    /// If that takes too long, or at once if two nodes applied the same entries with different results.
    pub async fn agree(&mut self) -> Agreed {
        let running = self.running();
        let agree = async || {
            let status = self.status_of(*running.first()?).await?;
            agreed(&status.members, &running)
        };
        wait::within(wait::PATIENCE * 2, "all nodes have applied the same", agree).await
    }
}

/// What all nodes have applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreed {
    /// Index of the last entry.
    pub applied_index: u64,
    /// Newest revision.
    pub revision: u64,
    /// Digest of it all.
    pub digest: String,
}

fn agreed(members: &[Member], running: &[u64]) -> Option<Agreed> {
    let members: Vec<_> = members.iter().filter(|member| running.contains(&member.id)).collect();
    let told = || members.iter().filter(|member| !member.digest.is_empty());
    for (a, b) in told().flat_map(|a| told().map(move |b| (a, b))) {
        let same = a.applied_index != b.applied_index || a.digest == b.digest;
        assert!(same, "nodes {} and {} have diverged: {members:#?}", a.id, b.id);
    }
    let first = members.first()?;
    let all = members.len() == running.len()
        && members.iter().all(|it| {
            it.health() == Health::Ok
                && it.applied_index == it.last_log_index
                && it.applied_index == first.applied_index
        });
    all.then(|| Agreed {
        applied_index: first.applied_index,
        revision: first.revision,
        digest: first.digest.clone(),
    })
}

fn connect(options: ClientOptions) -> Client {
    Client::connect(options).expect("the addresses of nodes can be used")
}

/// A way to a node as other nodes have it.
fn as_peer(address: SocketAddr) -> Channel {
    let connecting = tower::service_fn(move |_: Uri| open(address.to_string()));
    let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address makes a URL");
    endpoint.connect_with_connector_lazy(connecting)
}
