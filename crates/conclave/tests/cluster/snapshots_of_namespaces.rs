//! Snapshots on the command line: many namespaces named, compared and brought back at once.

use std::time::Duration;

use conclave_client::config::{
    CommitRequest, CreateSnapshotRequest, NamespaceEdits, RollbackSnapshotRequest,
};
use conclave_client::{Client, edits};
use conclave_testkit::{Cluster, CommandLine};
use serde_json::Value;

use crate::stage::{items, three};

async fn json(cli: &CommandLine, arguments: &[&str]) -> Value {
    let text = cli.run(&[arguments, &["--output", "json"]].concat()).await.done();
    serde_json::from_str(&text).expect("the output is JSON")
}

/// Three namespaces, a snapshot of all, and then changes in two, the deletion of one, and a new one.
async fn with_a_snapshot() -> (Cluster, CommandLine) {
    let cluster = three().await;
    let cli = cluster.command_line();
    for namespace in ["a", "b/c", "d"] {
        cli.run(&["config", "put", namespace, "k=1", "--create-namespace"]).await.done();
    }
    let told = cli.run(&["snapshot", "create", "before", "--all", "-m", "before 4.2"]).await.done();
    assert!(told.starts_with("before: 3 namespaces (all) at revision "), "{told}");
    cli.run(&["config", "put", "a", "k=2", "l=3"]).await.done();
    cli.run(&["config", "delete", "d", "--namespace", "--yes"]).await.done();
    cli.run(&["config", "put", "late", "k=1", "--create-namespace"]).await.done();
    (cluster, cli)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_brings_all_back_in_one_commit() {
    let (_cluster, cli) = with_a_snapshot().await;
    let shown = json(&cli, &["snapshot", "show", "before"]).await;
    let namespaces = shown["namespaces"].as_array().expect("a list");
    let names: Vec<_> =
        namespaces.iter().map(|it| (it["namespace"].as_str(), it["deleted"].as_bool())).collect();
    assert_eq!(names, [(Some("a"), Some(false)), (Some("b/c"), Some(false)), (Some("d"), Some(true))]);
    let diff = cli.run(&["snapshot", "diff", "before"]).await.done();
    assert!(diff.starts_with("a version 1 -> 2\n  ~ k\n      - 1\n      + 2\n  + l: 3\n"), "{diff}");
    assert!(diff.contains("d version 1 -> 2 (deleted)\n  - k: 1\n"), "{diff}");
    assert_eq!(cli.run(&["config", "get", "a", "k", "--snapshot", "before"]).await.done(), "1");
    cli.run(&["config", "get", "late", "--snapshot", "before"]).await.failed(3);

    let dry = cli.run(&["snapshot", "rollback", "before", "--dry-run"]).await.done();
    assert!(
        dry.contains("a would become version 3") && dry.contains("2 would be rolled back, 1 as in it"),
        "{dry}"
    );
    assert_eq!(cli.run(&["config", "get", "a", "k"]).await.done(), "2");
    let done = json(&cli, &["snapshot", "rollback", "before", "-m", "4.2 broke it"]).await;
    assert_eq!(
        (done["namespaces_changed"].as_u64(), done["namespaces_unchanged"].as_u64()),
        (Some(2), Some(1))
    );
    let versions = done["versions"].as_array().expect("a list");
    assert!(versions.iter().all(|it| it["revision"] == done["revision"]), "one commit: {done}");
    assert_eq!(cli.run(&["config", "get", "a"]).await.done().lines().count(), 2);
    assert_eq!(cli.run(&["config", "get", "d", "k"]).await.done(), "1");
    assert_eq!(cli.run(&["config", "get", "late", "k"]).await.done(), "1");
    let ran = cli.run(&["snapshot", "diff", "before"]).await.done();
    assert!(ran.lines().all(|line| line.ends_with(": the same items")), "{ran}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_a_snapshot_and_its_end() {
    let (cluster, cli) = with_a_snapshot().await;
    let done = cli.run(&["snapshot", "rollback", "before", "--namespace", "d"]).await.done();
    assert!(done.contains("d version 3: 1 added") && done.contains("before: 1 rolled back"), "{done}");
    assert_eq!(cli.run(&["config", "get", "a", "k"]).await.done(), "2");
    cli.run(&["snapshot", "rollback", "before", "--namespace", "late"]).await.failed(3);

    let folder = cluster.folder().join("then").display().to_string();
    let told = cli.run(&["config", "export", "--all", &folder, "--snapshot", "before"]).await.done();
    assert!(told.contains("3 namespaces: 3 files written"), "{told}");
    let text = std::fs::read_to_string(cluster.folder().join("then/a.yaml")).expect("it was written");
    assert_eq!(text, "k: \"1\"\n");

    cli.run(&["snapshot", "create", "before", "a"]).await.failed(4);
    cli.run(&["snapshot", "create", "some", "a", "b/c"]).await.done();
    let list = json(&cli, &["snapshot", "list"]).await;
    let names: Vec<_> =
        list["snapshots"].as_array().expect("a list").iter().map(|it| it["name"].as_str()).collect();
    assert_eq!(names, [Some("before"), Some("some")]);
    let gone = cli.run(&["snapshot", "delete", "before"]).await.done();
    assert!(gone.starts_with("before: deleted; it named 3 namespaces (all) at revision "), "{gone}");
    let told = cli.run(&["snapshot", "show", "before"]).await.failed(3);
    assert!(told.contains("no snapshot \"before\"") && told.contains("conclave snapshot list"), "{told}");
}

const NAMESPACES: usize = 1_000;
const ITEMS_EACH: usize = 100;
/// A thousand edits: as many as one commit may have.
const NAMESPACES_A_COMMIT: usize = 10;

/// Sets all items of all namespaces to this value.
async fn set_all(client: &Client, value: &str) {
    for first in (0..NAMESPACES).step_by(NAMESPACES_A_COMMIT) {
        let edits = || (0..ITEMS_EACH).map(|item| edits::put(format!("item-{item:03}"), value)).collect();
        let namespaces = (first..first + NAMESPACES_A_COMMIT).map(|number| NamespaceEdits {
            namespace: format!("many/n{number:04}"),
            edits: edits(),
            create_if_missing: true,
            ..Default::default()
        });
        let request = CommitRequest { namespaces: namespaces.collect(), ..Default::default() };
        client.commit(request).await.expect("it is acknowledged");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_namespaces_come_back_in_one_commit() {
    let mut cluster = three().await;
    let client = cluster.client().with_timeout(Duration::from_secs(60));
    set_all(&client, "before").await;
    let create =
        CreateSnapshotRequest { snapshot: "before".into(), all_namespaces: true, ..Default::default() };
    client.create_snapshot(create).await.expect("it is made");
    set_all(&client, "after").await;
    let rollback = RollbackSnapshotRequest { snapshot: "before".into(), ..Default::default() };
    let done = client.rollback_snapshot(rollback).await.expect("100,000 items are within the bound");
    assert_eq!((done.namespaces_changed, done.namespaces_unchanged), (NAMESPACES as u64, 0));
    assert_eq!(done.versions.len(), NAMESPACES, "each has a version, all at one revision");
    for number in [0, 499, 999] {
        let items = items(&client, &format!("many/n{number:04}")).await;
        assert_eq!((items.len(), items.values().all(|value| value == "before")), (ITEMS_EACH, true));
    }
    cluster.agree().await;
}
