//! What consensus is told when it starts.

use std::collections::BTreeMap;

use crate::type_config::PeerAddress;

/// What consensus is told when it starts.
#[derive(Clone, Debug)]
pub struct ConsensusOptions {
    /// Id of this node in its cluster, from 1. Never used again once its data is lost.
    pub node_id: u64,
    /// Id of the cluster: peers with another one are refused.
    pub cluster_id: u64,
    /// The number that this node drew when its data directory was made: calls that mean another one are refused.
    pub instance: u64,
    /// The instances of the members, by node, as far as they are known.
    pub instances: BTreeMap<u64, u64>,
    /// The first members of the cluster, the same on all of them. Only an empty log looks at them.
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
}
