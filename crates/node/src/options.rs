//! What a node is told when it starts.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use conclave_raft::PeerAddress;
use conclave_watch::WatchOptions;

use crate::alarms::AlarmOptions;
use crate::machine::Machine;
use crate::members::JoinOptions;

/// What a node is told when it starts.
#[derive(Debug, Clone)]
pub struct NodeOptions {
    /// Id of the node in its cluster, from 1. Only an empty data directory looks at it, unless it was given.
    pub node_id: u64,
    /// Whether the id was given, rather than taken for want of one: another one in the data directory is refused.
    pub node_id_given: bool,
    /// Name of the cluster: the same on all its nodes. Looked at as the id is.
    pub cluster_name: String,
    /// Whether the name was given, rather than taken for want of one.
    pub cluster_name_given: bool,
    /// How a node with an empty data directory joins a cluster that is there; none: it forms one.
    pub join: Option<JoinOptions>,
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
    /// Bytes of log entries after which the same is done.
    pub snapshot_log_bytes: u64,
    /// How fast snapshots are sent to other nodes, all together, in bytes a second. 0: as fast as it goes.
    pub snapshot_rate_bytes_per_s: u64,
    /// When alarms about the disk are raised.
    pub alarms: AlarmOptions,
    /// Version of the program, for people.
    pub version: &'static str,
    /// Bounds of the watches.
    pub watch: WatchOptions,
    /// Most proposals of this node's clients that are under way at once; more are refused.
    pub proposals_max: usize,
    /// Most reads that run at once; more wait for their turn.
    pub reads_max: usize,
    /// What the node stands on.
    pub machine: Machine,
}
