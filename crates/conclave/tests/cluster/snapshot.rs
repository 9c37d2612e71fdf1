//! A follower that was away for longer than the log reaches back catches up by a snapshot.

use conclave_client::config::{Consistency, GetRequest};
use conclave_testkit::{Cluster, ClusterOptions, Writers, wait, writers};

use crate::stage::{BINARY, create, items, put};

const SNAPSHOT_ENTRIES: usize = 200;

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_that_was_away_for_long_catches_up() {
    let options = ClusterOptions::new(BINARY, 3).set("snapshot_entries", SNAPSHOT_ENTRIES);
    let mut cluster = Cluster::start(options).await;
    let client = cluster.client();
    create(&client, "load").await;
    create(&client, "shop").await;
    put(&client, "shop", "before", "1").await;
    let leader = cluster.all_serve().await;
    let away = cluster.ids().into_iter().find(|id| *id != leader).expect("there are three");
    let agreed_before = cluster.agree().await;
    let before = generation(&mut cluster, away);
    cluster.node(away).kill();

    let load = Writers::begin(&client, "load", 8);
    load.commit_more(6 * SNAPSHOT_ENTRIES).await;
    // What the node that is away needs next is gone.
    let needed = agreed_before.applied_index + 1;
    let cut = async || (first_log_index(&cluster, leader).await? > needed).then_some(());
    wait::until("the log is cut", cut).await;
    cluster.start_node(away);
    load.commit_more(SNAPSHOT_ENTRIES).await;
    load.finish_and_check().await;
    put(&client, "shop", "after", "2").await;
    let agreed = cluster.agree().await;
    println!("caught up at index {}", agreed.applied_index);
    assert_ne!(generation(&mut cluster, away), before, "its state was replaced by a snapshot as a whole");

    // What it serves is its own by now, also the history from before and after the snapshot.
    let own = cluster.client_of(away, 10_000);
    let consistency = Consistency::Local.into();
    let get = GetRequest { namespace: "shop".into(), key: "before".into(), consistency, at: None };
    let item = wait::until("it serves", async || own.get(get.clone()).await.ok()).await;
    assert_eq!(&item.item.expect("it is there").value[..], b"1");
    assert_eq!(items(&own, "shop").await.len(), 2);
    assert_eq!(writers::history(&own, "load").await, writers::history(&client, "load").await);

    // And it lasts: the snapshot is on its disk as well.
    cluster.kill_all();
    cluster.start_all();
    cluster.all_serve().await;
    assert_eq!(items(&cluster.client_of(away, 10_000), "shop").await.len(), 2);
    cluster.agree().await;
}

/// With all nodes there the log is cut, and a new node can only have what it lacks as a snapshot.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_node_gets_the_state_as_a_whole() {
    let options = ClusterOptions::new(BINARY, 3).set("snapshot_entries", SNAPSHOT_ENTRIES);
    let mut cluster = Cluster::start(options).await;
    let client = cluster.client();
    create(&client, "load").await;
    let leader = cluster.all_serve().await;
    let load = Writers::begin(&client, "load", 8);
    load.commit_more(3 * SNAPSHOT_ENTRIES).await;
    let cut = async || cluster.node(leader).log().contains("the log is cut").then_some(());
    wait::until("the log is cut", cut).await;
    load.commit_more(SNAPSHOT_ENTRIES).await;
    load.finish_and_check().await;
    let new = cluster.join(&client).await;
    cluster.agree().await;
    assert_ne!(generation(&mut cluster, new), b"1\n", "its state was replaced by a snapshot as a whole");
}

/// Index of the first entry in the leader's log, as it tells.
async fn first_log_index(cluster: &Cluster, leader: u64) -> Option<u64> {
    let status = cluster.status_of(leader).await?;
    let member = status.members.into_iter().find(|member| member.id == leader)?;
    Some(member.disk?.first_log_index)
}

/// Which of the states in its folder a node uses.
fn generation(cluster: &mut Cluster, id: u64) -> Vec<u8> {
    std::fs::read(cluster.node(id).data_dir().join("state/CURRENT")).expect("every node has one")
}

#[tokio::test(flavor = "multi_thread")]
async fn snapshots_are_taken_under_load_and_nothing_is_lost_with_the_log() {
    let options = ClusterOptions::new(BINARY, 1).set("snapshot_entries", 100);
    let mut cluster = Cluster::start(options).await;
    let client = cluster.client();
    create(&client, "load").await;
    let load = Writers::begin(&client, "load", 4);
    for _ in 0..3 {
        load.commit_more(350).await;
        cluster.kill_all();
        cluster.start_all();
    }
    load.finish_and_check().await;
}
