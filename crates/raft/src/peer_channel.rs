//! Connections to the other nodes: made when first used, kept, and made anew when they break.
//!
//! There are two to each peer. One carries Raft and what this node asks its leader; the other carries
//! snapshots, so that a gigabyte on its way delays no heartbeat. How they are made is the network's.

use std::collections::BTreeMap;
use std::sync::Arc;

use conclave_proto::raft::v1::peer_service_client::PeerServiceClient;
use parking_lot::{Mutex, RwLock};
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::{Request, Status};

use crate::errors::ConsensusError;
use crate::heartbeat_line::Addressee;
use crate::network::{Network, PeerService};
use crate::type_config::PeerAddress;

/// Metadata that names the cluster: sixteen hexadecimal digits.
pub(crate) const CLUSTER_ID_KEY: &str = "conclave-cluster-id";
/// Metadata that names the node that is meant.
pub(crate) const TO_NODE_KEY: &str = "conclave-to-node";
/// Metadata that names the instance of the node that is meant: sixteen hexadecimal digits. Absent: not known.
pub(crate) const TO_INSTANCE_KEY: &str = "conclave-to-instance";

/// Largest message between nodes: the entries of one message, the last of which may be as large as a
/// client's request, and what is around them.
pub(crate) const MESSAGE_SIZE_BYTES_MAX: usize = 16 << 20;

/// A client of a peer's service.
pub(crate) type PeerClient = PeerServiceClient<InterceptedService<PeerService, ToNode>>;

/// The connections of this node.
pub(crate) struct PeerChannels {
    network: Arc<dyn Network>,
    cluster_id: u64,
    peers: Mutex<BTreeMap<u64, PeerConnections>>,
    instances: Instances,
}

/// Which instance each node is, as far as it is known.
type Instances = Arc<RwLock<BTreeMap<u64, u64>>>;

/// The connections to one peer.
#[derive(Clone)]
pub(crate) struct PeerConnections {
    address: String,
    /// For everything that is small.
    pub(crate) ordinary: PeerClient,
    /// For snapshots.
    pub(crate) bulk: PeerClient,
}

impl PeerChannels {
    pub(crate) fn new(network: Arc<dyn Network>, cluster_id: u64) -> Self {
        Self { network, cluster_id, peers: Mutex::default(), instances: Instances::default() }
    }

    /// From now on calls name these instances.
    pub(crate) fn know_instances(&self, instances: BTreeMap<u64, u64>) {
        *self.instances.write() = instances;
    }

    /// The connections to a node; not made before they are used.
    pub(crate) fn to(&self, node: u64, address: &PeerAddress) -> Result<PeerConnections, ConsensusError> {
        let mut peers = self.peers.lock();
        if let Some(known) = peers.get(&node)
            && known.address == address.peer
        {
            return Ok(known.clone());
        }
        let connections = self.connections(node, &address.peer)?;
        peers.insert(node, connections.clone());
        Ok(connections)
    }

    /// The connections to a node that were made last: it may be reached elsewhere since others were.
    pub(crate) fn newest(&self, node: u64) -> Option<PeerConnections> {
        self.peers.lock().get(&node).cloned()
    }

    /// Whom calls to a node are for that begin now.
    pub(crate) fn addressee(&self, node: u64, connections: &PeerConnections) -> Addressee {
        let instance = self.instances.read().get(&node).copied();
        Addressee { address: connections.address.clone(), instance }
    }

    fn connections(&self, node: u64, address: &str) -> Result<PeerConnections, ConsensusError> {
        let to_node = ToNode::new(self.cluster_id, node, Arc::clone(&self.instances));
        let client = || {
            let way = self.network.connect(node, address)?;
            let client = PeerServiceClient::with_interceptor(way, to_node.clone())
                .max_decoding_message_size(MESSAGE_SIZE_BYTES_MAX)
                .max_encoding_message_size(MESSAGE_SIZE_BYTES_MAX);
            Ok::<_, ConsensusError>(client)
        };
        Ok(PeerConnections { address: address.to_owned(), ordinary: client()?, bulk: client()? })
    }
}

/// Says with every call which cluster, which node and which instance of it are meant.
#[derive(Clone)]
pub(crate) struct ToNode {
    cluster_id: MetadataValue<Ascii>,
    node: MetadataValue<Ascii>,
    id: u64,
    instances: Instances,
}

impl ToNode {
    fn new(cluster_id: u64, id: u64, instances: Instances) -> Self {
        Self { cluster_id: hexadecimal(cluster_id), node: MetadataValue::from(id), id, instances }
    }
}

fn hexadecimal(number: u64) -> MetadataValue<Ascii> {
    format!("{number:016x}").parse().expect("hexadecimal digits are ASCII")
}

impl Interceptor for ToNode {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let metadata = request.metadata_mut();
        metadata.insert(CLUSTER_ID_KEY, self.cluster_id.clone());
        metadata.insert(TO_NODE_KEY, self.node.clone());
        if let Some(instance) = self.instances.read().get(&self.id) {
            metadata.insert(TO_INSTANCE_KEY, hexadecimal(*instance));
        }
        Ok(request)
    }
}
