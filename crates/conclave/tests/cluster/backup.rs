//! A cluster is backed up, destroyed with all that its nodes had, and restored.

use std::fs;
use std::path::Path;

use conclave_client::config::GetRequest;
use conclave_client::{WatchEvent, WatchOptions};
use conclave_testkit::{Cluster, CommandLine, Writers, writers};
use serde_json::Value;

use crate::fake_bucket::FakeBucket;
use crate::stage::{create, items, one, put, three};

async fn json(cli: &CommandLine, arguments: &[&str]) -> Value {
    let text = cli.run(&[arguments, &["--output", "json"]].concat()).await.done();
    serde_json::from_str(&text).expect("the output is JSON")
}

/// The members, as the setting has them.
fn members(cluster: &mut Cluster) -> String {
    let member = |id| {
        let node = cluster.node(id);
        format!("{id}={}/http://{}", node.peer_address(), node.client_address())
    };
    [1, 2, 3].map(member).join(",")
}

/// Kills all nodes and removes all that they had.
fn destroy(cluster: &mut Cluster) {
    cluster.kill_all();
    for id in cluster.ids() {
        fs::remove_dir_all(cluster.node(id).data_dir()).expect("the folder is ours");
    }
}

/// Restores all nodes, and starts them.
async fn restore_all(cluster: &mut Cluster, source: &[&str]) {
    let (cli, members) = (cluster.command_line(), members(cluster));
    for id in cluster.ids() {
        let (dir, id) = (cluster.node(id).data_dir().display().to_string(), id.to_string());
        let as_whom = ["--data-dir", &dir, "--node-id", &id, "--initial-cluster", &members];
        cli.run(&[&["backup", "restore"], source, &as_whom].concat()).await.done();
    }
    cluster.start_all();
    cluster.all_serve().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_nodes_are_destroyed_and_restored() {
    let mut cluster = three().await;
    let (cli, client) = (cluster.command_line(), cluster.client());
    create(&client, "shop").await;
    put(&client, "shop", "price", "1").await;
    put(&client, "shop", "price", "2").await;
    create(&client, "load").await;
    let load = Writers::begin(&client, "load", 4);
    load.commit_more(100).await;
    // While others write.
    let backup = json(&cli, &["backup", "create", "all.conclave"]).await;
    load.finish_and_check().await;
    let versions = writers::history(&client, "load").await;
    let lost = put(&client, "shop", "price", "3").await;
    let revision = backup["revision"].as_u64().expect("it is told");
    assert!(revision >= 103 && revision < lost.revision, "{backup}");
    let before = cluster.status_of(1).await.expect("it answers");
    assert_eq!(backup["cluster_id"], before.cluster_id);
    let verified = cli.run(&["backup", "verify", "all.conclave"]).await.done();
    assert!(verified.contains(": intact, "), "{verified}");

    destroy(&mut cluster);
    restore_all(&mut cluster, &["all.conclave"]).await;

    let after = cluster.status_of(1).await.expect("it answers");
    assert_ne!(after.cluster_id, before.cluster_id, "no node of the old cluster fits in");
    assert_eq!(items(&client, "shop").await["price"], "2");
    let kept = writers::history(&client, "load").await;
    assert!(kept.len() >= 100 && versions.ends_with(&kept), "{} of {}", kept.len(), versions.len());
    assert_eq!(writers::history(&client, "shop").await.len(), 2);

    // Whoever saw what is lost is told everything anew.
    let mut watch = client.watch(WatchOptions::of(["shop"]).from_revision(lost.revision + 1));
    let reset = loop {
        match watch.next().await.expect("the watch goes on") {
            WatchEvent::Reset(reset) => break reset,
            WatchEvent::Progress { .. } | WatchEvent::Interrupted { .. } => {}
            WatchEvent::Version(seen) => panic!("a version before the reset: {seen:?}"),
        }
    };
    assert_eq!(reset.revision, revision + 1_000_000_000);

    let next = put(&client, "shop", "price", "4").await;
    assert_eq!(next.revision, revision + 1_000_000_001, "no revision is given out twice");
    cluster.agree().await;
    cluster.kill_all();
    cluster.start_all();
    cluster.all_serve().await;
    assert_eq!(items(&client, "shop").await["price"], "4");
    cluster.agree().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_holds_many_backups_and_one_of_them_is_restored() {
    let mut cluster = three().await;
    let (cli, client) = (cluster.command_line(), cluster.client());
    create(&client, "shop").await;
    let mut revisions = Vec::new();
    for price in ["1", "2", "3"] {
        put(&client, "shop", "price", price).await;
        // The same node every time: its files are those that it had.
        let endpoint = cluster.node(1).client_address().to_string();
        let backup = json(&cli, &["backup", "create", "backups", "--endpoints", &endpoint]).await;
        revisions.push(backup["revision"].as_u64().expect("it is told").to_string());
        let (files, sent) = (backup["files"].as_u64(), backup["added"]["files"].as_u64());
        assert!(price == "1" || sent < files, "what is there is not sent again: {backup}");
    }
    let listed = json(&cli, &["backup", "list", "backups"]).await;
    let told: Vec<_> = listed["backups"].as_array().expect("a list").iter().collect();
    assert_eq!(told.iter().map(|it| it["revision"].to_string()).collect::<Vec<_>>(), revisions);
    let shown = json(&cli, &["backup", "inspect", "backups", "--revision", &revisions[1]]).await;
    assert_eq!(&shown["id"], &told[1]["id"]);

    destroy(&mut cluster);
    restore_all(&mut cluster, &["backups", "--revision", &revisions[1]]).await;
    assert_eq!(items(&client, "shop").await["price"], "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_node_that_is_left_is_backed_up_and_restored_alone() {
    let mut cluster = three().await;
    let client = cluster.client();
    create(&client, "shop").await;
    put(&client, "shop", "price", "1").await;
    cluster.agree().await;
    cluster.node(1).kill();
    cluster.node(2).kill();
    let endpoint = cluster.node(3).client_address().to_string();
    let left = cluster.command_line().with("CONCLAVE_ENDPOINTS", endpoint);
    left.run(&["backup", "create", "left.conclave"]).await.done();

    let mut alone = one().await;
    destroy(&mut alone);
    let node = alone.node(1);
    let (dir, peer) = (node.data_dir().display().to_string(), format!("1={}", node.peer_address()));
    let source = cluster.folder().join("left.conclave").display().to_string();
    let restore = ["backup", "restore", &source, "--data-dir", &dir, "--node-id", "1"];
    left.run(&[&restore[..], &["--initial-cluster", &peer]].concat()).await.done();
    alone.start_all();
    alone.all_serve().await;
    let client = alone.client();
    assert_eq!(items(&client, "shop").await["price"], "1");
    put(&client, "shop", "price", "2").await;
    let get = GetRequest { namespace: "shop".into(), key: "price".into(), ..GetRequest::default() };
    assert_eq!(&client.get(get).await.expect("it is there").item.expect("it is").value[..], b"2");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_told_and_nothing_is_changed() {
    let mut cluster = one().await;
    let (cli, client) = (cluster.command_line(), cluster.client());
    create(&client, "shop").await;
    cli.run(&["backup", "create", "all.conclave"]).await.done();
    let told = cli.run(&["backup", "create", "all.conclave"]).await.failed(4);
    assert!(told.contains("is there already") && told.contains("--force"), "{told}");
    cli.run(&["backup", "create", "all.conclave", "--force"]).await.done();
    cli.run(&["backup", "create", "ftp://host/x"]).await.failed(2);
    cli.run(&["backup", "verify", "none.conclave"]).await.failed(1);
    cli.run(&["backup", "create", "backups"]).await.done();
    cli.run(&["backup", "restore", "backups", "--backup", "x", "--data-dir", "d", "--node-id", "1"])
        .await
        .failed(2);
    cli.run(&["backup", "inspect", "backups", "--backup", "x"]).await.failed(3);
    cli.run(&["backup", "inspect", "backups", "--revision", "0"]).await.failed(3);

    let dir = cluster.node(1).data_dir().display().to_string();
    let restore = ["backup", "restore", "all.conclave", "--initial-cluster", "1=127.0.0.1:1"];
    let told = cli.run(&[&restore[..], &["--data-dir", &dir, "--node-id", "1"]].concat()).await.failed(4);
    assert!(told.contains("is not empty"), "{told}");
    let told = cli.run(&[&restore[..], &["--data-dir", "new", "--node-id", "2"]].concat()).await.failed(2);
    assert!(told.contains("node 2 is none of the members"), "{told}");
    assert!(!cluster.folder().join("new").exists());

    flip_a_byte(&cluster.folder().join("all.conclave"));
    let told = cli.run(&["backup", "verify", "all.conclave"]).await.failed(7);
    assert!(told.contains("damaged"), "{told}");
    let told = cli.run(&[&restore[..], &["--data-dir", "new", "--node-id", "1"]].concat()).await.failed(7);
    assert!(told.contains("damaged"), "{told}");
    assert!(!cluster.folder().join("new/identity").exists());
    let objects = fs::read_dir(cluster.folder().join("backups/objects")).expect("it is there");
    let largest =
        objects.filter_map(|entry| entry.ok()).max_by_key(|it| it.metadata().map_or(0, |it| it.len()));
    flip_a_byte(&largest.expect("there are objects").path());
    let told = cli.run(&["backup", "verify", "backups"]).await.failed(7);
    assert!(told.contains("objects/") && told.contains("(file "), "{told}");
    assert_eq!(items(&client, "shop").await.len(), 0, "the node has not noticed");
}

/// In the middle of it.
fn flip_a_byte(path: &Path) {
    let mut bytes = fs::read(path).expect("it is there");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).expect("the folder is ours");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_holds_backups_as_a_directory_does() {
    let cluster = one().await;
    let client = cluster.client();
    let bucket = FakeBucket::start().await;
    let cli = cluster
        .command_line()
        .with("AWS_ENDPOINT", bucket.url())
        .with("AWS_ALLOW_HTTP", "true")
        .with("AWS_REGION", "here")
        .with("AWS_ACCESS_KEY_ID", "somebody")
        .with("AWS_SECRET_ACCESS_KEY", "secret");
    create(&client, "shop").await;
    let place = "s3://company/conclave";
    json(&cli, &["backup", "create", place]).await;
    put(&client, "shop", "price", "2").await;
    let second = json(&cli, &["backup", "create", place]).await;
    assert!(second["added"]["files"].as_u64() < second["files"].as_u64(), "{second}");
    let listed = json(&cli, &["backup", "list", place]).await;
    assert_eq!(listed["backups"].as_array().map(Vec::len), Some(2));
    assert!(bucket.names().iter().all(|name| name.starts_with("/company/conclave/")), "{:?}", bucket.names());
    cli.run(&["backup", "verify", place]).await.done();

    let restore = ["backup", "restore", place, "--initial-cluster", "1=127.0.0.1:1"];
    cli.run(&[&restore[..], &["--data-dir", "new", "--node-id", "1"]].concat()).await.done();
    assert!(cluster.folder().join("new/identity").is_file());
    bucket.flip_a_byte("/company/conclave/objects/");
    let told = cli.run(&["backup", "verify", place]).await.failed(7);
    assert!(told.contains("objects/"), "{told}");
}
