//! A node whose state was damaged, and whose log was cut, has another one give it its own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use conclave_raft::{FetchError, StateSources, TcpNetwork, fetch_state, lacks_entries};
use conclave_storage::{LogStore, StateStore};
use tokio::time::Instant;

use crate::nodes::{CLUSTER_ID, Cluster, open_dir, put_number, soon};

/// A cluster of which one node, which does not run, has a log that was cut.
async fn with_a_cut_log() -> (Cluster, u64) {
    let mut cluster = Cluster::form(3, 50).await;
    let follower = cluster.followers().await[0];
    let mut number = 0;
    while cluster.node(follower).log.purged().is_none() {
        cluster.propose(&put_number("app", number)).await.unwrap();
        number += 1;
    }
    cluster.agree().await;
    cluster.stop(follower).await;
    (cluster, follower)
}

fn sources(cluster: &Cluster) -> StateSources {
    let addresses: BTreeMap<_, _> =
        cluster.nodes.keys().map(|id| (*id, cluster.address(*id).to_string())).collect();
    StateSources { network: Arc::new(TcpNetwork), cluster_id: CLUSTER_ID, addresses }
}

/// Its log, and a state that holds nothing.
fn without_state(cluster: &Cluster, id: u64) -> (LogStore, StateStore) {
    let dir = open_dir(&cluster.path(id), id).unwrap();
    (LogStore::open(&dir).unwrap(), StateStore::set_aside(&dir).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn it_goes_on_with_the_state_of_another_node_and_its_own_log() {
    let (mut cluster, follower) = with_a_cut_log().await;
    let (log, state) = without_state(&cluster, follower);
    let vote = log.vote().unwrap();
    assert!(lacks_entries(&log, &state).unwrap());
    let aside = cluster.path(follower).join("state/damaged");
    assert!(aside.is_dir(), "it is the only state that this node has, until there is another one");
    fetch_state(&log, &state, &sources(&cluster), soon()).await.unwrap();
    assert!(!lacks_entries(&log, &state).unwrap() && !aside.exists());
    assert_eq!(log.vote().unwrap(), vote);
    drop(state);
    log.close();

    cluster.start(follower).await;
    cluster.propose(&put_number("app", 1_000_000)).await.unwrap();
    cluster.agree().await;
    tokio::time::timeout_at(soon(), cluster.node(follower).consensus.wait_recovered()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_has_a_state_from_a_node_that_knows_its_own_to_be_wrong() {
    let (cluster, follower) = with_a_cut_log().await;
    for node in cluster.nodes.values() {
        node.vouches.store(false, Ordering::SeqCst);
    }
    let (log, state) = without_state(&cluster, follower);
    let refused = fetch_state(&log, &state, &sources(&cluster), Instant::now()).await.unwrap_err();
    assert!(
        matches!(&refused, FetchError::NoState { told, .. } if told.contains("own state is damaged")),
        "{refused}"
    );
    assert!(lacks_entries(&log, &state).unwrap(), "it has none");

    // As soon as one does, it is had from there.
    let honest = cluster.nodes.values().next_back().unwrap();
    honest.vouches.store(true, Ordering::SeqCst);
    let deadline = Instant::now() + Duration::from_secs(10);
    fetch_state(&log, &state, &sources(&cluster), deadline).await.unwrap();
    assert!(!lacks_entries(&log, &state).unwrap());
}
