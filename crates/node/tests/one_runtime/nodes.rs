//! They elect a leader, serve, and go on when it leaves.
//!
//! Their disks are real ones, which work beside the runtime: its clock goes no faster than theirs.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use conclave_core::config::{Authorship, ConfigCommand, CreateNamespace, SettingsChange, get_namespace};
use conclave_core::{Command, NamespaceName, RequestId};
use conclave_node::{
    AlarmOptions, Clock, Consistency, Machine, Node, NodeHandle, NodeOptions, PeerAddress, Readiness,
    WatchOptions,
};
use tokio::runtime::Builder;
use tokio::time::{Instant, sleep, timeout_at};

use crate::network::InProcess;

/// How far the clock goes on at once.
const STEP: Duration = Duration::from_millis(1);
/// What the wall clock says.
const NOW_MS: i64 = 1_000_000;

/// A wall clock that stands still.
struct Standing;

impl Clock for Standing {
    fn now_ms(&self) -> i64 {
        NOW_MS
    }
}

#[test]
fn nodes_elect_serve_and_are_replaced_on_a_machine_that_is_passed_in() {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let living = runtime.spawn(live());
    while !living.is_finished() {
        std::thread::park_timeout(STEP);
        runtime.block_on(async { sleep(STEP).await });
    }
    runtime.block_on(living).unwrap();
}

async fn live() {
    let folder = tempfile::tempdir().unwrap();
    let mut nodes = start(folder.path()).await;
    for node in nodes.values() {
        is_ready(&node.handle()).await;
    }
    let leader = leader(&nodes).await;
    let follower = nodes.keys().copied().find(|id| *id != leader).unwrap();
    create(&nodes[&follower].handle(), "handed-over").await;
    for node in nodes.values() {
        assert_eq!(created_ms(&node.handle(), "handed-over").await, NOW_MS);
    }

    nodes.remove(&leader).unwrap().shutdown().await;
    create(&nodes[&follower].handle(), "after-the-leader").await;
    for node in nodes.values() {
        assert_eq!(created_ms(&node.handle(), "after-the-leader").await, NOW_MS);
    }
    for node in nodes.into_values() {
        node.shutdown().await;
    }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(30)
}

async fn start(folder: &Path) -> BTreeMap<u64, Node> {
    let network = InProcess::default();
    let mut nodes = BTreeMap::new();
    for id in 1..=3 {
        let mut machine = Machine::real();
        machine.network = Arc::new(network.clone());
        machine.clock = Arc::new(Standing);
        let options = options(id, folder, machine);
        nodes.insert(id, Node::start(options).await.unwrap());
    }
    nodes
}

fn options(node_id: u64, folder: &Path, machine: Machine) -> NodeOptions {
    let address = |id: u64| format!("10.0.0.{id}:4201");
    let member = |id| (id, PeerAddress { peer: address(id), ..PeerAddress::default() });
    NodeOptions {
        node_id,
        node_id_given: true,
        cluster_name: "in one runtime".into(),
        cluster_name_given: true,
        join: None,
        data_dir: folder.join(node_id.to_string()),
        peer_listen: address(node_id).parse().unwrap(),
        members: (1..=3).map(member).collect(),
        heartbeat_ms: 100,
        election_ms_min: 300,
        election_ms_max: 600,
        snapshot_entries: 1_000,
        snapshot_log_bytes: 1 << 20,
        snapshot_rate_bytes_per_s: 0,
        alarms: AlarmOptions { space_reserve_bytes: 0, slow_fsync: Duration::from_secs(60) },
        version: "0",
        watch: WatchOptions::default(),
        proposals_max: 16,
        reads_max: 1,
        machine,
    }
}

async fn is_ready(node: &NodeHandle) {
    let mut readiness = node.readiness();
    let ready = readiness.wait_for(|readiness| *readiness == Readiness::Ready);
    timeout_at(soon(), ready).await.expect("they elect a leader").unwrap();
}

async fn leader(nodes: &BTreeMap<u64, Node>) -> u64 {
    let status = nodes[&1].handle().cluster_status().await.unwrap();
    status.leader_id.expect("all are ready")
}

async fn create(node: &NodeHandle, name: &str) {
    let create = CreateNamespace {
        namespace: NamespaceName::parse(name).unwrap(),
        settings: SettingsChange::default(),
        authorship: Authorship::default(),
    };
    let command = Command::Config(ConfigCommand::CreateNamespace(create));
    node.propose(RequestId::parse(name).unwrap(), command, soon()).await.unwrap().unwrap();
}

/// When a namespace was created, by this node's state.
async fn created_ms(node: &NodeHandle, name: &str) -> i64 {
    let name = NamespaceName::parse(name).unwrap();
    let read = move |view: &dyn conclave_mvcc::ReadMap| get_namespace(view, &name);
    node.read(Consistency::Linearizable, soon(), read).await.unwrap().unwrap().time_ms
}
