//! The restart of every node in turn under load, as an upgrade does it.

use std::time::Duration;

use conclave_testkit::{Follower, Writers, writers};

use crate::stage::{create, three};

#[tokio::test(flavor = "multi_thread")]
async fn every_node_is_restarted_in_turn_under_load() {
    let mut cluster = three().await;
    let client = cluster.client();
    let created = create(&client, "load").await;
    let mut follower = Follower::begin(&client, "load", created + 1);
    let load = Writers::begin(&client, "load", 8);
    for id in cluster.ids() {
        load.commit_more(60).await;
        cluster.node(id).terminate();
        let status = cluster.node(id).ended(Duration::from_secs(15)).await;
        assert_eq!(status.code(), Some(0), "node {id} stops in order");
        load.commit_more(30).await;
        cluster.start_node(id);
        cluster.all_serve().await;
    }
    let acknowledged = load.finish_and_check().await;
    let mut answered: Vec<_> = acknowledged.iter().map(|it| it.answered).collect();
    answered.sort_unstable();
    let gap = answered.windows(2).map(|pair| pair[1].duration_since(pair[0])).max();
    println!("{} commits; the longest time between two answers was {gap:?}", acknowledged.len());
    let versions = writers::history(&client, "load").await;
    follower.sees(versions[0].version).await.check(&versions, 1);
    cluster.agree().await;
}
