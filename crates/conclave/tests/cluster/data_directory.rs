//! Data directories that a node must not run on: another node's, another cluster's, damaged ones. It stops with a
//! clear message and exit code 1, the directory stays as it was, and nothing that was acknowledged is lost.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use conclave_testkit::{Cluster, ClusterOptions, wait, writers};

use crate::stage::{BINARY, create, items, one, put, three};
use crate::start_refused::refusal;

async fn one_with_data() -> Cluster {
    let mut cluster = one().await;
    let client = cluster.client();
    create(&client, "shop").await;
    for number in 1..=40 {
        put(&client, "shop", "price", &number.to_string()).await;
    }
    cluster.node(1).kill();
    cluster
}

async fn holds_all(cluster: &mut Cluster) {
    cluster.start_node(1);
    cluster.all_serve().await;
    assert_eq!(items(&cluster.client(), "shop").await["price"], "40");
    assert_eq!(writers::history(&cluster.client(), "shop").await.len(), 40);
}

#[tokio::test]
async fn another_nodes_directory() {
    let mut cluster = one_with_data().await;
    let data = cluster.node(1).data_dir();
    let peer = cluster.node(1).peer_address();
    cluster.node(1).set("node_id", 2);
    cluster.node(1).set("initial_cluster", format!("2={peer}"));
    let told = refusal(&mut cluster, 1).await;
    assert!(told.contains(&data.display().to_string()) && told.contains("node 1"), "{told}");
    assert!(told.contains("node 2"), "{told}");
    cluster.node(1).set("node_id", 1);
    cluster.node(1).set("initial_cluster", format!("1={peer}"));
    holds_all(&mut cluster).await;
}

#[tokio::test]
async fn another_clusters_directory() {
    let mut cluster = one_with_data().await;
    let data = cluster.node(1).data_dir();
    cluster.node(1).set("cluster_name", "other");
    let told = refusal(&mut cluster, 1).await;
    assert!(told.contains(&data.display().to_string()) && told.contains("cluster"), "{told}");
    cluster.node(1).set("cluster_name", "conclave");
    holds_all(&mut cluster).await;
}

#[tokio::test]
async fn a_node_that_was_given_the_directory_of_its_neighbour() {
    let mut cluster = three().await;
    let client = cluster.client();
    create(&client, "shop").await;
    cluster.agree().await;
    let (own, neighbours) = (cluster.node(3).data_dir(), cluster.node(2).data_dir());
    cluster.node(3).kill();
    cluster.node(2).kill();
    cluster.node(3).set("data_dir", neighbours.display());
    let told = refusal(&mut cluster, 3).await;
    assert!(told.contains("node 2") && told.contains("node 3"), "{told}");
    cluster.node(3).set("data_dir", own.display());
    cluster.start_all();
    cluster.all_serve().await;
    put(&client, "shop", "price", "1").await;
    cluster.agree().await;
}

#[tokio::test]
async fn a_damaged_identity() {
    let mut cluster = one_with_data().await;
    let path = cluster.node(1).data_dir().join("identity");
    let whole = fs::read(&path).expect("it is there");
    for damage in [&b""[..], &whole[..whole.len() / 2], b"\xff\xff\xff\xff\xff\xff\xff\xff"] {
        fs::write(&path, damage).expect("it is ours");
        let told = refusal(&mut cluster, 1).await;
        assert!(told.contains(&path.display().to_string()), "{told}");
        assert_eq!(fs::read(&path).expect("it is there"), damage, "it is left as it was");
    }
    fs::write(&path, &whole).expect("it is ours");
    holds_all(&mut cluster).await;
}

#[tokio::test]
async fn an_identity_that_is_gone_is_not_made_anew_over_data() {
    let mut cluster = one_with_data().await;
    let path = cluster.node(1).data_dir().join("identity");
    let whole = fs::read(&path).expect("it is there");
    fs::remove_file(&path).expect("it is ours");
    let told = refusal(&mut cluster, 1).await;
    assert!(told.contains(&cluster.node(1).data_dir().display().to_string()), "{told}");
    assert!(!path.exists(), "no other one was made: {told}");
    fs::write(&path, &whole).expect("it is ours");
    holds_all(&mut cluster).await;
}

/// Files below a folder whose names end so, the largest first.
fn files(folder: &Path, end: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).expect("it is a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else if path.to_string_lossy().ends_with(end) {
                found.push((entry.metadata().expect("it is there").len(), path));
            }
        }
    }
    found.sort();
    found.into_iter().rev().map(|(_, path)| path).collect()
}

/// A byte of the log that was promised to be kept is another one now. The node must not forget in silence what
/// came after it: it stops, or it can show all that was acknowledged.
#[tokio::test]
async fn a_damaged_log() {
    let mut cluster = one_with_data().await;
    let data = cluster.node(1).data_dir();
    let whole = cluster.folder().join("whole");
    copy(&data, &whole);
    let mut refused = 0;
    for eighth in 1..8 {
        let place = damage_log(&data.join("log"), eighth);
        cluster.start_node(1);
        let ended = wait::until("it serves or ends", async || {
            if !cluster.node(1).is_running() {
                return Some(true);
            }
            let status = cluster.status_of(1).await?;
            (status.leader_id == 1).then_some(false)
        });
        if ended.await {
            let last = cluster.node(1).log().lines().last().unwrap_or_default().to_owned();
            assert!(
                last.contains(&data.join("log").display().to_string()) && last.contains("damaged"),
                "{last}"
            );
            refused += 1;
        } else {
            let held = writers::history(&cluster.client(), "shop").await.len();
            assert_eq!(held, 40, "with {place} damaged the node forgot in silence");
        }
        cluster.node(1).kill();
        fs::remove_dir_all(&data).expect("it is ours");
        copy(&whole, &data);
    }
    println!("refused to start {refused} times of 7");
    assert!(refused > 0, "damage is noticed");
    holds_all(&mut cluster).await;
}

/// Changes a byte within the used part of the newest file that the log is written to; tells which.
fn damage_log(log: &Path, eighth: usize) -> String {
    let path = files(log, ".log").into_iter().next().expect("the log has a file");
    let mut bytes = fs::read(&path).expect("it is there");
    let used = bytes.iter().rposition(|byte| *byte != 0).expect("it is not empty");
    bytes[used * eighth / 8] ^= 0x55;
    fs::write(&path, &bytes).expect("it is ours");
    format!("byte {} of {}", used * eighth / 8, path.display())
}

fn copy(from: &Path, to: &Path) {
    let copied = std::process::Command::new("cp").arg("-a").args([from, to]).status();
    assert!(copied.is_ok_and(|status| status.success()), "{} can be copied", from.display());
}

/// The state can be had again: from the log, as docs/operations.md says.
#[tokio::test]
async fn a_damaged_or_missing_state_is_told_and_made_anew_from_the_log() {
    let mut cluster = one_with_data().await;
    holds_all(&mut cluster).await;
    let before = cluster.agree().await;
    cluster.node(1).terminate();
    cluster.node(1).ended(Duration::from_secs(15)).await;
    let state = cluster.node(1).data_dir().join("state");
    let tables = files(&state, ".sst");
    let path = tables.first().expect("a shutdown in order writes the state out");
    let whole = fs::read(path).expect("it is there");
    fs::write(path, &whole[..whole.len() / 3]).expect("it is ours");
    holds_all(&mut cluster).await;
    let log = cluster.node(1).log();
    assert!(log.contains("the state is made anew from the log") && log.contains("is damaged"), "{log}");

    cluster.node(1).kill();
    fs::rename(&state, state.with_extension("moved")).expect("it is ours");
    holds_all(&mut cluster).await;
    assert_eq!(cluster.agree().await.revision, before.revision);
}

/// Where the log was cut, the state cannot be made from it, and the node says what to do.
#[tokio::test]
async fn a_damaged_state_over_a_cut_log_is_told() {
    let options = ClusterOptions::new(BINARY, 1).set("snapshot_entries", 100);
    let mut cluster = Cluster::start(options).await;
    let client = cluster.client();
    create(&client, "shop").await;
    for number in 1..=250 {
        put(&client, "shop", "price", &number.to_string()).await;
    }
    wait::until("the log is cut", async || cluster.node(1).log().contains("the log is cut").then_some(()))
        .await;
    // Written after the cut: when it is answered, that is done.
    put(&client, "shop", "price", "250").await;
    cluster.node(1).terminate();
    cluster.node(1).ended(Duration::from_secs(15)).await;
    let state = cluster.node(1).data_dir().join("state");
    let moved = state.with_extension("moved");
    fs::rename(&state, &moved).expect("it is ours");
    fs::create_dir(&state).expect("it is ours");
    let told = refusal(&mut cluster, 1).await;
    assert!(told.contains(&state.display().to_string()) && told.contains("damaged"), "{told}");
    fs::remove_dir(&state).expect("nothing was made in it");
    fs::rename(&moved, &state).expect("it is ours");
    cluster.start_node(1);
    cluster.all_serve().await;
    assert_eq!(items(&client, "shop").await["price"], "250");
}
