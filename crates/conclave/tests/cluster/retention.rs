//! Old versions go by themselves: the leader drops what need not be kept, all nodes alike, and whoever leads
//! next goes on with it.

use conclave_client::Client;
use conclave_client::config::watch_response::Event;
use conclave_client::config::{WatchRequest, WatchReset, WatchResponse, WatchTarget};
use conclave_testkit::wait::until;
use conclave_testkit::writers;
use tonic::Streaming;

use crate::stage::{create, one, put, three};

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

/// The next message of a reset.
async fn reset(stream: &mut Streaming<WatchResponse>) -> WatchReset {
    match stream.message().await.expect("the watch goes on").and_then(|message| message.event) {
        Some(Event::Reset(reset)) => reset,
        other => panic!("no reset, but {other:?}"),
    }
}

/// A client so slow that what it is told is dropped before it has read all of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_reset_whose_revision_is_dropped_is_begun_anew() {
    let cluster = one().await;
    let (client, cli) = (cluster.client(), cluster.command_line());
    create(&client, "shop/prod").await;
    // More than what a connection takes in before somebody reads.
    let keys: Vec<_> = (0..24).map(|number| format!("page-{number:02}")).collect();
    for key in &keys {
        put(&client, "shop/prod", key, &"x".repeat(1 << 20)).await;
    }
    cli.run(&["config", "update", "shop/prod", "--keep-versions", "1", "--keep-days", "0"]).await.done();
    let target = WatchTarget { namespace: "shop/prod".into(), key_prefix: String::new() };
    let request = WatchRequest { targets: vec![target], start_revision: 0, heartbeat_interval_ms: 1_000 };
    let mut stream = cluster.service(1).watch(request).await.expect("it is opened").into_inner();
    let first = reset(&mut stream).await;
    assert!(first.more);

    let newest = put(&client, "shop/prod", "page-23", "new").await.revision;
    left(&client, &[25]).await;
    let mut items = Vec::new();
    loop {
        let part = reset(&mut stream).await;
        if part.revision == newest {
            items.extend(part.items);
        }
        if !part.more {
            assert_eq!(part.revision, newest, "the one that began was not told to its end");
            break;
        }
    }
    assert_eq!(items.iter().map(|item| &item.key).collect::<Vec<_>>(), keys.iter().collect::<Vec<_>>());
    assert_eq!(&items[23].value[..], b"new");
}
