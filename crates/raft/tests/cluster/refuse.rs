//! What a node refuses: callers that mean another cluster or node, and stores that do not belong together.

use std::fs;
use std::path::Path;

use conclave_proto::raft::v1::GetNodeStatusRequest;
use conclave_proto::raft::v1::peer_service_client::PeerServiceClient;
use conclave_raft::{ConsensusError, Network as _, TcpNetwork};
use tonic::{Code, Request};

use crate::nodes::{CLUSTER_ID, Cluster, create, open_stores, put_number};

async fn call(cluster: &Cluster, metadata: &[(&'static str, String)]) -> Result<u64, tonic::Status> {
    let way = TcpNetwork.connect(1, &cluster.address(1).to_string()).unwrap();
    let mut client = PeerServiceClient::new(way);
    let mut request = Request::new(GetNodeStatusRequest {});
    for (key, value) in metadata {
        request.metadata_mut().insert(*key, value.parse().unwrap());
    }
    client.get_node_status(request).await.map(|response| response.into_inner().node_id)
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_for_another_cluster_or_node_are_refused() {
    let cluster = Cluster::form(1, 100_000).await;
    let cluster_id = |id: u64| ("conclave-cluster-id", format!("{id:016x}"));
    let to_node = |id: u64| ("conclave-to-node", id.to_string());

    assert_eq!(call(&cluster, &[cluster_id(CLUSTER_ID), to_node(1)]).await.unwrap(), 1);
    for wrong in [
        vec![cluster_id(CLUSTER_ID + 1), to_node(1)],
        vec![cluster_id(CLUSTER_ID), to_node(2)],
        vec![cluster_id(CLUSTER_ID)],
        vec![to_node(1)],
        vec![],
    ] {
        let refused = call(&cluster, &wrong).await.unwrap_err();
        assert_eq!(refused.code(), Code::FailedPrecondition, "{wrong:?}");
    }
}

fn replace_folder(from: &Path, to: &Path) {
    fs::remove_dir_all(to).unwrap();
    copy_folder(from, to);
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A folder as of a node that never ran.
fn fresh(cluster: &Cluster) -> tempfile::TempDir {
    let _ = cluster;
    let folder = tempfile::tempdir().unwrap();
    let (log, _state) = open_stores(folder.path(), 1).unwrap();
    log.close();
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_older_than_the_log_begins_is_not_started_on() {
    let mut cluster = Cluster::form(1, 50).await;
    let mut number = 0;
    while cluster.node(1).log.purged().is_none() {
        cluster.propose(&put_number("app", number)).await.unwrap();
        number += 1;
    }
    cluster.stop(1).await;
    let fresh = fresh(&cluster);
    replace_folder(&fresh.path().join("state"), &cluster.path(1).join("state"));
    let refused = cluster.try_start(1).await.err().expect("it must not start");
    assert!(matches!(refused, ConsensusError::Gap { applied: None, .. }), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_whose_log_was_lost_is_not_started_on() {
    let mut cluster = Cluster::form(1, 100_000).await;
    cluster.propose(&create("app")).await.unwrap();
    cluster.node(1).state.flush().unwrap();
    cluster.stop(1).await;
    let fresh = fresh(&cluster);
    replace_folder(&fresh.path().join("log"), &cluster.path(1).join("log"));
    let refused = cluster.try_start(1).await.err().expect("it must not start");
    assert!(matches!(refused, ConsensusError::LogLost { .. }), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_state_is_replayed_from_a_log_that_was_never_cut() {
    let mut cluster = Cluster::form(1, 100_000).await;
    for number in 0..10 {
        cluster.propose(&put_number("app", number)).await.unwrap();
    }
    let revision = cluster.node(1).state.read(conclave_mvcc::newest_revision).unwrap();
    cluster.stop(1).await;
    let fresh = fresh(&cluster);
    replace_folder(&fresh.path().join("state"), &cluster.path(1).join("state"));
    cluster.start(1).await;
    cluster.node(1).consensus.wait_recovered().await;
    assert_eq!(cluster.node(1).state.read(conclave_mvcc::newest_revision).unwrap(), revision);
}
