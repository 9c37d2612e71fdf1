//! Nodes that go and come back, and leadership that moves.

use std::sync::atomic::Ordering;

use conclave_raft::{ProposeError, Role};
use tokio::time::Instant;

use crate::nodes::{Cluster, create, put_number, soon};

#[tokio::test(flavor = "multi_thread")]
async fn leadership_is_handed_over() {
    let cluster = Cluster::form(3, 100_000).await;
    cluster.propose(&create("app")).await.unwrap();
    let before = cluster.leader().await;
    assert!(cluster.node(before).consensus.hand_over(soon()).await);
    let after = cluster.leader().await;
    assert_ne!(before, after);
    assert_eq!(cluster.node(before).consensus.status().role, Role::Follower);
    cluster.propose(&put_number("app", 1)).await.unwrap();
    cluster.agree().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_nobody_to_hand_over_to_in_a_cluster_of_one() {
    let cluster = Cluster::form(1, 100_000).await;
    let leader = cluster.leader().await;
    let deadline = Instant::now() + std::time::Duration::from_millis(200);
    assert!(!cluster.node(leader).consensus.hand_over(deadline).await);
    cluster.propose(&create("app")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_others_go_on_without_the_leader_and_it_catches_up() {
    let mut cluster = Cluster::form(3, 100_000).await;
    cluster.propose(&create("app")).await.unwrap();
    let lost = cluster.leader().await;
    cluster.stop(lost).await;
    for number in 0..50 {
        cluster.propose(&put_number("app", number)).await.unwrap();
    }
    cluster.agree().await;
    for node in cluster.nodes.values() {
        let deadline = soon();
        // The connection that broke may leave doubt; one that cannot be made does not.
        while node.consensus.forward_propose(lost, create("b"), deadline).await != Err(ProposeError::NoLeader)
        {
            assert!(Instant::now() < deadline, "a node that is away is taken for one that may have heard");
        }
    }
    cluster.start(lost).await;
    cluster.agree().await;
    tokio::time::timeout_at(soon(), cluster.node(lost).consensus.wait_recovered()).await.unwrap();
    assert!(cluster.node(lost).consensus.recovered());
    assert_eq!(cluster.node(lost).observed.replaced.load(Ordering::SeqCst), 0, "the log was enough");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_cluster_restarts_and_replays_its_log() {
    let mut cluster = Cluster::form(3, 100_000).await;
    for number in 0..100 {
        cluster.propose(&put_number("app", number)).await.unwrap();
    }
    cluster.agree().await;
    let (before, revision) =
        (cluster.node(1).digest(), cluster.node(1).observed.newest.load(Ordering::SeqCst));
    for id in 1..=3 {
        cluster.stop(id).await;
    }
    for id in 1..=3 {
        cluster.start(id).await;
    }
    for node in cluster.nodes.values() {
        tokio::time::timeout_at(soon(), node.consensus.wait_recovered()).await.unwrap();
    }
    cluster.agree().await;
    assert_ne!(cluster.node(1).digest(), before, "the new leader's first entry is in the digest");
    cluster.propose(&put_number("app", 100)).await.unwrap();
    cluster.agree().await;
    assert_eq!(cluster.node(1).observed.newest.load(Ordering::SeqCst), revision + 1);
}
