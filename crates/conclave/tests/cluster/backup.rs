//! A cluster is backed up, destroyed with all that its nodes had, and restored.

use std::fs;
use std::path::Path;

use conclave_client::config::GetRequest;
use conclave_client::{Client, SessionOptions, WatchEvent, WatchOptions};
use conclave_testkit::{Cluster, ClusterOptions, CommandLine, Writers, wait, writers};
use serde_json::Value;

use crate::fake_bucket::FakeBucket;
use crate::stage::{BINARY, create, items, one, put, three};

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
pub(crate) fn destroy(cluster: &mut Cluster) {
    cluster.kill_all();
    for id in cluster.ids() {
        fs::remove_dir_all(cluster.node(id).data_dir()).expect("the folder is ours");
    }
}

/// Restores one node; tells what the command tells.
async fn restore(cluster: &mut Cluster, id: u64, source: &[&str]) -> Value {
    let (cli, members) = (cluster.command_line(), members(cluster));
    let (dir, id) = (cluster.node(id).data_dir().display().to_string(), id.to_string());
    let as_whom = ["--data-dir", &dir, "--node-id", &id, "--initial-cluster", &members];
    json(&cli, &[&["backup", "restore"], source, &as_whom].concat()).await
}

/// Restores all nodes, the others as the first restore says, and starts them.
pub(crate) async fn restore_all(cluster: &mut Cluster, source: &[&str]) {
    let first = restore(cluster, 1, source).await;
    let commands = first["other_nodes"].as_array().expect("a list").clone();
    assert_eq!(commands.len(), 2);
    for (id, command) in [(2, &commands[0]), (3, &commands[1])] {
        let command = command.as_str().expect("a command");
        // Here each node has a folder of its own on one machine.
        let mut folder = |id| cluster.node(id).data_dir().display().to_string();
        let (ours, its) = (folder(1), folder(id));
        let words: Vec<&str> =
            command.split(' ').skip(1).map(|word| if word == ours { &its } else { word }).collect();
        cluster.command_line().run(&words).await.done();
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

/// Takes a lock and releases it; tells the token.
async fn token_of(client: &Client, lock: &str) -> u64 {
    let session = client.open_session(SessionOptions::default()).await.expect("it is opened");
    let guard = session.lock(lock).acquire().await.expect("nobody else wants it");
    let token = guard.token();
    guard.release().await.expect("it is released");
    session.close().await.expect("it is closed");
    token
}

#[tokio::test(flavor = "multi_thread")]
async fn fencing_tokens_go_on_growing_after_all_that_was_lost() {
    let mut cluster = three().await;
    let (cli, client) = (cluster.command_line(), cluster.client());
    let before = token_of(&client, "job").await;
    let session = client.open_session(SessionOptions::default()).await.expect("it is opened");
    let held = session.lock("held").acquire().await.expect("it is free");
    json(&cli, &["backup", "create", "all.conclave"]).await;
    let mut lost = held.token();
    for _ in 0..10 {
        let token = token_of(&client, "job").await;
        assert!(token > lost && lost > before);
        lost = token;
    }
    // Of the worker nothing is left either.
    cluster.kill_all();
    drop((held, session));

    destroy(&mut cluster);
    restore_all(&mut cluster, &["all.conclave"]).await;
    let client = cluster.client();
    let after = token_of(&client, "job").await;
    assert!(after > lost, "{after} after {lost}");
    // What was held when the backup was made is held until its session has ended, which nobody renews.
    let next = token_of(&client, "held").await;
    assert!(next > after);
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
        let backup = json(&cli, &["backup", "create", "backups/", "--endpoints", &endpoint]).await;
        revisions.push(backup["revision"].as_u64().expect("it is told").to_string());
        let (files, sent) = (backup["files"].as_u64(), backup["added"]["files"].as_u64());
        assert!(price == "1" || sent < files, "what is there is not sent again: {backup}");
    }
    let listed = json(&cli, &["backup", "list", "backups"]).await;
    assert!(listed["backups"][0]["made"].as_str() < listed["backups"][1]["made"].as_str(), "{listed}");
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
async fn nodes_of_two_restores_make_no_cluster() {
    let mut cluster = three().await;
    let (cli, client) = (cluster.command_line(), cluster.client());
    create(&client, "shop").await;
    put(&client, "shop", "price", "1").await;
    cli.run(&["backup", "create", "all.conclave"]).await.done();
    destroy(&mut cluster);
    let first = restore(&mut cluster, 1, &["all.conclave"]).await;
    let id = first["restore_id"].as_str().expect("it is told").to_owned();
    let with_id = ["all.conclave", "--restore-id", &id];
    let second = restore(&mut cluster, 2, &with_id).await;
    assert_eq!(first["cluster_id"], second["cluster_id"]);
    assert_eq!(second["other_nodes"], serde_json::json!([]), "only the first tells how");
    for of_another in [&["all.conclave"][..], &[&with_id[..], &["--revision-gap", "5"]].concat()] {
        let third = restore(&mut cluster, 3, of_another).await;
        assert_ne!(third["cluster_id"], first["cluster_id"], "{of_another:?}");
        cluster.start_all();
        put(&client, "shop", "price", "2").await;
        let own = third["cluster_id"].as_str().expect("it is told").to_owned();
        let refused = wait::until("a peer refuses the node", async || {
            let log = cluster.node(3).log();
            log.lines().find(|line| line.contains("cluster") && line.contains(&own)).map(str::to_owned)
        });
        refused.await;
        let status = cluster.status_of(3).await.expect("it answers");
        assert_eq!((status.cluster_id, status.leader_id), (own, 0));
        assert_ne!(cluster.status_of(1).await.expect("it answers").leader_id, 0);
        cluster.kill_all();
        fs::remove_dir_all(cluster.node(3).data_dir()).expect("the folder is ours");
    }
    restore(&mut cluster, 3, &with_id).await;
    cluster.start_all();
    cluster.all_serve().await;
    cluster.agree().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_of_nothing_is_warned_of() {
    let cluster = one().await;
    let cli = cluster.command_line();
    create(&cluster.client(), "shop").await;
    cli.run(&["backup", "create", "all.conclave"]).await.done();
    let restore =
        ["backup", "restore", "all.conclave", "--initial-cluster", "1=127.0.0.1:1", "--node-id", "1"];
    let ran = cli.run(&[&restore[..], &["--data-dir", "new", "--revision-gap", "0"]].concat()).await;
    assert!(ran.stderr.contains("warning: with --revision-gap 0"), "{}", ran.stderr);
    assert!(ran.done().contains("node 1 of cluster"));
}

#[tokio::test(flavor = "multi_thread")]
async fn backups_of_two_clusters_in_one_place_are_told_apart() {
    let cluster = one().await;
    let drill = Cluster::start(ClusterOptions::new(BINARY, 1).set("cluster_name", "drill")).await;
    let (cli, client) = (cluster.command_line(), cluster.client());
    create(&client, "shop").await;
    let ours = json(&cli, &["backup", "create", "backups/"]).await;
    create(&drill.client(), "drill").await;
    let of_drill = drill.endpoints();
    let its = json(&cli, &["backup", "create", "backups", "--endpoints", &of_drill]).await;
    let id = |backup: &Value, name: &str| backup[name].as_str().expect("it is told").to_owned();
    assert_ne!(id(&ours, "cluster_id"), id(&its, "cluster_id"));
    let restore = ["backup", "restore", "backups", "--initial-cluster", "1=127.0.0.1:1", "--node-id", "1"];
    let told = cli.run(&[&restore[..], &["--data-dir", "new"]].concat()).await.failed(2);
    for part in [&id(&ours, "cluster_id"), &id(&its, "cluster_id"), "--cluster-id"] {
        assert!(told.contains(part), "{told}");
    }
    assert!(!cluster.folder().join("new").exists());
    let chosen = ["--data-dir", "new", "--cluster-id", &id(&ours, "cluster_id")];
    let restored = json(&cli, &[&restore[..], &chosen].concat()).await;
    assert_eq!(restored["backup"], ours["id"]);
    let chosen = ["--data-dir", "other", "--backup", &id(&its, "id")];
    let restored = json(&cli, &[&restore[..], &chosen].concat()).await;
    assert_eq!(restored["backup"], its["id"]);

    let verified = cli.run(&["backup", "verify", "backups", "--all"]).await.done();
    assert_eq!(verified.matches(": intact, ").count(), 2, "{verified}");
    create(&client, "stock").await;
    cli.run(&["backup", "create", "backups"]).await.done();
    let dry = json(&cli, &["backup", "prune", "backups", "--keep", "1", "--dry-run"]).await;
    assert_eq!((&dry["backups"][0]["id"], &dry["kept"]), (&ours["id"], &2.into()), "{dry}");
    let pruned = cli.run(&["backup", "prune", "backups", "--keep", "1"]).await.done();
    assert!(pruned.contains("1 backup removed, 2 kept"), "{pruned}");
    let listed = json(&cli, &["backup", "list", "backups"]).await;
    assert_eq!(listed["backups"].as_array().map(Vec::len), Some(2));
    cli.run(&["backup", "prune", "backups", "--keep", "0"]).await.failed(2);
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
    for none in ["none.conclave", "none"] {
        let told = cli.run(&["backup", "verify", none]).await.failed(3);
        assert!(told.contains(&format!("there is no {none}")), "{told}");
    }
    let told = cli.run(&["backup", "create", "b2.tar"]).await.failed(2);
    assert!(told.contains("--directory") && !cluster.folder().join("b2.tar").exists(), "{told}");
    cli.run(&["backup", "create", "b2.tar", "--directory"]).await.done();
    assert!(cluster.folder().join("b2.tar/backups").is_dir());
    cli.run(&["backup", "create", "backups/"]).await.done();
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
    let ran = cli.run(&["backup", "verify", "backups", "--all"]).await;
    assert!(ran.code == Some(7) && ran.stderr.contains("objects/"), "{}", ran.stderr);
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
    let nobody = cluster.command_line().with("AWS_ENDPOINT", bucket.url()).with("AWS_ALLOW_HTTP", "true");
    // Nobody answers for the machine either.
    let nobody = nobody.with("AWS_METADATA_ENDPOINT", "http://127.0.0.1:9");
    let told = nobody.run(&["backup", "list", "s3://company/conclave"]).await.failed(1);
    assert!(told.contains("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set"), "{told}");
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
    let before = bucket.names().len();
    let pruned = cli.run(&["backup", "prune", place, "--keep", "1"]).await.done();
    assert!(pruned.contains("1 backup removed, 1 kept"), "{pruned}");
    assert!(bucket.names().len() < before - 1, "objects went, too: {pruned}");
    cli.run(&["backup", "verify", place, "--all"]).await.done();

    let restore = ["backup", "restore", place, "--initial-cluster", "1=127.0.0.1:1"];
    cli.run(&[&restore[..], &["--data-dir", "new", "--node-id", "1"]].concat()).await.done();
    assert!(cluster.folder().join("new/identity").is_file());
    bucket.flip_a_byte("/company/conclave/objects/");
    let told = cli.run(&["backup", "verify", place]).await.failed(7);
    assert!(told.contains("objects/"), "{told}");
}
