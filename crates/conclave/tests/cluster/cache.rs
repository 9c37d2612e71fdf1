//! The SDK's cache, against nodes that are killed: programs go on reading, and become current again.

use std::time::Duration;

use conclave_client::{CacheOptions, Client, ClientOptions, ConfigCache, edits};
use conclave_testkit::{Cluster, wait};
use futures::StreamExt as _;
use serde::Deserialize;

use crate::stage::{commit_of, create, put, three};

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
