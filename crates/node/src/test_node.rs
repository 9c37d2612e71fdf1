//! A node that is a cluster by itself, for tests.

use std::path::Path;
use std::time::Duration;

use conclave_raft::PeerAddress;
use conclave_watch::WatchOptions;

use crate::alarms::AlarmOptions;
use crate::machine::Machine;
use crate::node::Node;
use crate::options::NodeOptions;
use crate::readiness::Readiness;

/// Starts a node and waits until it is ready.
pub(crate) async fn start(data_dir: &Path) -> Node {
    let address = PeerAddress { peer: "127.0.0.1:1".into(), ..PeerAddress::default() };
    let options = NodeOptions {
        node_id: 1,
        node_id_given: true,
        cluster_name: "alone".into(),
        cluster_name_given: true,
        join: None,
        data_dir: data_dir.to_owned(),
        peer_listen: "127.0.0.1:0".parse().unwrap(),
        members: [(1, address)].into(),
        heartbeat_ms: 100,
        election_ms_min: 300,
        election_ms_max: 600,
        snapshot_entries: 1_000,
        snapshot_log_bytes: 1 << 20,
        snapshot_rate_bytes_per_s: 0,
        version: "0",
        watch: WatchOptions::default(),
        proposals_max: 16,
        reads_max: 1,
        machine: Machine::real(),
        alarms: AlarmOptions { space_reserve_bytes: 0, slow_fsync: Duration::from_secs(60) },
    };
    let node = Node::start(options).await.unwrap();
    node.handle().readiness().wait_for(|readiness| *readiness == Readiness::Ready).await.unwrap();
    node
}
