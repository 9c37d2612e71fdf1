//! What a node is told when it starts.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use conclave_raft::PeerAddress;
use conclave_watch::WatchOptions;

/// What a node is told when it starts.
#[derive(Debug, Clone)]
pub struct NodeOptions {
    /// Id of the node in its cluster, from 1.
    pub node_id: u64,
    /// Name of the cluster: the same on all its nodes.
    pub cluster_name: String,
    /// Folder of the node's data; made if it is not there.
    pub data_dir: PathBuf,
    /// Where the other nodes are served.
    pub peer_listen: SocketAddr,
    /// The first members of the cluster, this node among them.
    pub members: BTreeMap<u64, PeerAddress>,
    /// How often a leader shows that it is there, in milliseconds.
    pub heartbeat_ms: u64,
    /// Shortest time by which the node waits longer than `election_ms_max` for a sign of the leader before
    /// it stands for election, in milliseconds.
    pub election_ms_min: u64,
    /// Longest such time, in milliseconds; a leader that was not heard of for so long counts as gone.
    pub election_ms_max: u64,
    /// Log entries after which a snapshot is taken and the log is cut.
    pub snapshot_entries: u64,
    /// Version of the program, for people.
    pub version: &'static str,
    /// Bounds of the watches.
    pub watch: WatchOptions,
    /// Most proposals of this node's clients that are under way at once; more are refused.
    pub proposals_max: usize,
    /// Most reads that run at once; more wait for their turn.
    pub reads_max: usize,
}
