//! Old versions go by themselves: the leader drops what need not be kept, all nodes alike, and whoever leads
//! next goes on with it.

use conclave_client::Client;
use conclave_testkit::wait::until;
use conclave_testkit::writers;

use crate::stage::{create, put, three};

/// Waits until exactly these versions are left.
async fn left(client: &Client, versions: &[u64]) {
    until("the others are dropped", async || {
        let told: Vec<_> = writers::history(client, "shop/prod").await.iter().map(|it| it.version).collect();
        (told == versions).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn old_versions_are_dropped_whoever_leads() {
    let mut cluster = three().await;
    let (client, cli) = (cluster.client(), cluster.command_line());
    create(&client, "shop/prod").await;
    for price in 1..=4 {
        put(&client, "shop/prod", "price", &price.to_string()).await;
    }
    cli.run(&["config", "tag", "shop/prod", "stable", "--version", "2"]).await.done();
    cli.run(&["config", "update", "shop/prod", "--keep-versions", "2", "--keep-days", "0"]).await.done();
    left(&client, &[4, 3, 2]).await;
    let dropped = cli.run(&["config", "get", "shop/prod", "price", "--version", "1"]).await.failed(3);
    assert!(dropped.contains("no longer kept"), "{dropped}");
    let tagged = cli.run(&["config", "get", "shop/prod", "price", "--tag", "stable"]).await.done();
    assert_eq!(tagged, "2");

    let leader = cluster.leader().await;
    cluster.node(leader).kill();
    for price in 5..=6 {
        put(&client, "shop/prod", "price", &price.to_string()).await;
    }
    left(&client, &[6, 5, 2]).await;
    cluster.start_node(leader);
    cluster.all_serve().await;
    // The same on all nodes: their digests are equal.
    cluster.agree().await;
    left(&cluster.client_of(leader, 10_000), &[6, 5, 2]).await;
}
