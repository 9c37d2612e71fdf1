//! SIGTERM: leadership is handed over, what was begun is finished, every task ends, and the exit code is 0.

use std::time::Duration;

use conclave_testkit::{Follower, Writers, writers};
use tokio::time::Instant;

use crate::stage::{GAP_MAX, create, one, put, three};

/// The grace period is 10 s; threads that block may take another 2 s.
const STOP_LIMIT: Duration = Duration::from_secs(13);

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_hands_over_and_leaves() {
    let mut cluster = three().await;
    let client = cluster.client();
    let created = create(&client, "load").await;
    let mut follower = Follower::begin(&client, "load", created + 1);
    let load = Writers::begin(&client, "load", 8);
    load.commit_more(100).await;
    let leader = cluster.all_serve().await;

    let told = Instant::now();
    cluster.node(leader).terminate();
    let status = cluster.node(leader).ended(STOP_LIMIT).await;
    println!("the leader ended {:?} after SIGTERM", told.elapsed());
    assert_eq!(status.code(), Some(0), "an orderly end");
    let gap = load.next_after(told, GAP_MAX).await;
    println!("a write begun after the signal was acknowledged {gap:?} after it");
    let next = cluster.leader().await;
    assert_ne!(next, leader);
    let log = cluster.node(leader).log();
    assert!(log.contains("handed_over=true"), "leadership went to another node by request:\n{log}");

    cluster.start_node(leader);
    cluster.all_serve().await;
    load.finish_and_check().await;
    let versions = writers::history(&client, "load").await;
    follower.sees(versions[0].version).await.check(&versions, 1);
    cluster.agree().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_stands_alone_stops_also_while_it_is_watched() {
    let mut cluster = one().await;
    let client = cluster.client();
    let created = create(&client, "shop").await;
    put(&client, "shop", "a", "1").await;
    let mut follower = Follower::begin(&client, "shop", created + 1);
    follower.sees(1).await;

    let told = Instant::now();
    cluster.node(1).terminate();
    assert_eq!(cluster.node(1).ended(STOP_LIMIT).await.code(), Some(0));
    println!("it ended {:?} after SIGTERM, with a watch open", told.elapsed());
    assert!(told.elapsed() < Duration::from_secs(8), "a watch is ended, not waited for");

    cluster.start_node(1);
    put(&client, "shop", "a", "2").await;
    let versions = writers::history(&client, "shop").await;
    follower.sees(2).await.check(&versions, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_nodes_stop_together() {
    let mut cluster = three().await;
    create(&cluster.client(), "shop").await;
    for id in cluster.ids() {
        cluster.node(id).terminate();
    }
    for id in cluster.ids() {
        assert_eq!(cluster.node(id).ended(STOP_LIMIT).await.code(), Some(0), "node {id}");
    }
    cluster.start_all();
    cluster.all_serve().await;
    put(&cluster.client(), "shop", "a", "1").await;
    cluster.agree().await;
}
