//! The SDK's cache, against nodes that are killed or cut off: programs go on reading, and become current again.

use std::time::Duration;

use conclave_client::{
    CacheOptions, Client, ClientOptions, ConfigCache, WatchEvent, WatchOptions, edits, reason,
};
use conclave_testkit::{Cluster, Way, wait};
use futures::StreamExt as _;
use serde::Deserialize;

use crate::stage::{commit_of, create, put, three, three_with_links};

#[derive(Debug, PartialEq, Deserialize)]
struct Settings {
    db: Database,
    hosts: Vec<String>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Database {
    url: String,
    pool: u16,
}

/// A client as programs have it: one of many, with an id of its own.
fn client_of(cluster: &Cluster, client_id: &str) -> Client {
    let endpoints = cluster.endpoints();
    let options = ClientOptions {
        client_id: client_id.into(),
        timeout_ms: 30_000,
        ..ClientOptions::new(endpoints.split(','))
    };
    Client::connect(options).expect("the options can be used")
}

#[tokio::test(flavor = "multi_thread")]
async fn it_follows_through_the_loss_of_every_node_in_turn() {
    let mut cluster = three().await;
    let client = cluster.client();
    create(&client, "shop").await;
    let put_all = [("db.url", "postgres://one"), ("db.pool", "8"), ("hosts[0]", "a"), ("hosts[1]", "b")];
    let put_all = put_all.iter().map(|(key, value)| edits::put(*key, *value)).collect();
    client.commit(commit_of("shop", put_all)).await.expect("it is acknowledged");

    let options = CacheOptions { start_timeout_ms: 30_000, ..CacheOptions::of("shop") };
    let cache = ConfigCache::open(client_of(&cluster, "a"), options).await.expect("the cluster is there");
    let settings: Settings = cache.view().expect("the items fit");
    let db = Database { url: "postgres://one".into(), pool: 8 };
    assert_eq!(settings, Settings { db, hosts: vec!["a".into(), "b".into()] });

    let mut changes = cache.changes();
    for id in cluster.ids() {
        cluster.node(id).kill();
        put(&client, "shop", "db.pool", &id.to_string()).await;
        let change = tokio::time::timeout(Duration::from_secs(30), changes.next()).await;
        let change = change.expect("it is heard").expect("the cache lives");
        assert_eq!(change.keys, ["db.pool"], "node {id}");
        assert_eq!(cache.get_as::<u64>("db.pool"), Ok(Some(id)));
        cluster.start_node(id);
        cluster.all_serve().await;
    }
    cache.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_starts_while_all_nodes_are_away() {
    let mut cluster = three().await;
    let client = cluster.client();
    create(&client, "shop").await;
    put(&client, "shop", "price", "1").await;
    let file = cluster.folder().join("last-good");
    let options = CacheOptions { start_timeout_ms: 1_000, ..CacheOptions::of("shop").with_file(&file) };
    let open = async |id: &str| ConfigCache::open(client_of(&cluster, id), options.clone()).await;
    open("a").await.expect("the cluster is there").close().await;

    let ids = cluster.ids();
    for id in &ids {
        cluster.node(*id).kill();
    }
    let cache = ConfigCache::open(client_of(&cluster, "b"), options.clone()).await.expect("there is a copy");
    assert!(!cache.state().is_fresh() && cache.get_as::<u8>("price") == Ok(Some(1)));
    for id in &ids {
        cluster.start_node(*id);
    }
    cluster.all_serve().await;
    put(&client, "shop", "price", "2").await;
    wait::until("the cache is current", async || {
        (cache.state().is_fresh() && cache.get_as::<u8>("price") == Ok(Some(2))).then_some(())
    })
    .await;
    cache.close().await;
}

/// A client that turns to this node first.
fn client_of_first(cluster: &mut Cluster, first: u64) -> Client {
    let mut ids = cluster.ids();
    ids.sort_by_key(|id| *id != first);
    let endpoints: Vec<_> = ids.iter().map(|id| cluster.node(*id).client_address().to_string()).collect();
    let options =
        ClientOptions { client_id: String::new(), timeout_ms: 30_000, ..ClientOptions::new(endpoints) };
    Client::connect(options).expect("the options can be used")
}

/// A node that is cut off goes on sending heartbeats for a while: they must not pass for "nothing happens".
#[tokio::test(flavor = "multi_thread")]
async fn a_follower_that_is_cut_off_keeps_no_cache_fresh() {
    let mut cluster = three_with_links().await;
    let client = cluster.client();
    let created = create(&client, "shop").await;
    put(&client, "shop", "price", "1").await;
    let leader = cluster.all_serve().await;
    let lost = cluster.ids().into_iter().find(|id| *id != leader).expect("there are three");
    let own = client_of_first(&mut cluster, lost);
    let options = CacheOptions { heartbeat_interval_ms: 1_000, ..CacheOptions::of("shop") };
    let cache = ConfigCache::open(own.clone(), options).await.expect("the cluster is there");
    let mut watch = own.watch(WatchOptions::of(["shop"]).from_revision(created + 1));
    assert!(matches!(watch.next().await, Ok(WatchEvent::Version(_))), "the first price");

    cluster.links().cut(lost, Way::Silent);
    put(&cluster.client_of(leader, 10_000), "shop", "price", "2").await;
    let ended = tokio::time::timeout(wait::PATIENCE, async {
        loop {
            if let WatchEvent::Interrupted { cause } = watch.next().await.expect("it goes on") {
                return cause;
            }
        }
    });
    let cause = ended.await.expect("the node that is cut off ends it");
    assert_eq!(cause.reason(), reason::NO_LEADER);
    let told = tokio::time::timeout(wait::PATIENCE, watch.next()).await.expect("another node goes on");
    assert!(matches!(told, Ok(WatchEvent::Version(_))), "the second price: {told:?}");
    wait::until("the cache is current by another node", async || {
        (cache.state().is_fresh() && cache.get_as::<u8>("price") == Ok(Some(2))).then_some(())
    })
    .await;

    cluster.ids().into_iter().for_each(|id| cluster.links().cut(id, Way::Silent));
    wait::until("no node can say any more what is current", async || {
        (!cache.state().is_fresh()).then_some(())
    })
    .await;
    cluster.links().heal();
    cluster.all_serve().await;
    wait::until("it is current again", async || cache.state().is_fresh().then_some(())).await;
    cache.close().await;
}
