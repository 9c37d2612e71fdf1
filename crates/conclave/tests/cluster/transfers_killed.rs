//! Either end of a snapshot's transfer is killed in the middle of it, or both; and what lies on the disk meanwhile is
//! damaged.

use std::fs;
use std::path::{Path, PathBuf};

use conclave_testkit::{Cluster, Writers, wait};

use crate::stage::{create, items};
use crate::transfers::{has_come, received_bytes, sender, sendings, slow, with_cut_logs};

/// So much has come when something happens.
const COME_BYTES: u64 = 3 << 20;

/// What a node holds itself is what the cluster holds.
async fn holds_all(cluster: &Cluster, id: u64) {
    let (own, all) = (cluster.client_of(id, 10_000), cluster.client());
    let same = items(&own, "shop").await == items(&all, "shop").await;
    assert!(same, "node {id} holds other values than the cluster");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_is_killed_goes_on_where_it_was() {
    // The leader stays the same on a machine that is busy, too.
    let options = slow().set("election_ms_min", 3_000).set("election_ms_max", 5_000);
    let mut cluster = with_cut_logs(options).await;
    let client = cluster.client();
    create(&client, "load").await;
    let load = Writers::begin(&client, "load", 4);
    let new = cluster.admit(&client).await;
    cluster.start_node(new);
    has_come(&mut cluster, new, COME_BYTES).await;
    cluster.node(new).kill();
    let come_bytes = received_bytes(&cluster.node(new).data_dir());
    load.commit_more(50).await;
    cluster.start_node(new);
    cluster.all_serve().await;
    load.finish_and_check().await;
    cluster.agree().await;

    let sender = sender(&mut cluster);
    let sendings = sendings(&mut cluster, sender);
    println!("{come_bytes} bytes had come: {sendings:?}");
    assert_eq!(sendings.len(), 2, "it was cut off once");
    assert_eq!(sendings[0].staged_bytes, 0);
    assert_eq!(sendings[1].staged_bytes, come_bytes, "it does not begin anew");
    assert_eq!(sendings[0].size_bytes, sendings[1].size_bytes, "it is the same snapshot");
    assert_eq!(received_bytes(&cluster.node(new).data_dir()), 0, "nothing is left over");
    holds_all(&cluster, new).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_sender_is_killed_the_next_leader_sends() {
    let mut cluster = with_cut_logs(slow()).await;
    let client = cluster.client();
    create(&client, "load").await;
    let load = Writers::begin(&client, "load", 4);
    load.commit_more(20).await;
    let new = cluster.admit(&client).await;
    cluster.start_node(new);
    has_come(&mut cluster, new, COME_BYTES).await;
    let first = sender(&mut cluster);
    cluster.node(first).kill();
    load.commit_more(50).await;
    let next = cluster.all_serve().await;
    assert_ne!(next, first);
    let sendings = sendings(&mut cluster, next);
    println!("the next leader: {sendings:?}");
    assert!(!sendings.is_empty(), "the first one did not come to its end");
    assert!(!cluster.node(new).log().contains("panicked"));
    load.finish_and_check().await;
    cluster.agree().await;
    holds_all(&cluster, new).await;

    cluster.start_node(first);
    cluster.all_serve().await;
    cluster.agree().await;
    assert_eq!(received_bytes(&cluster.node(new).data_dir()), 0, "nothing is left over");
}

/// From the moment when it is the state, the log that is there is older than the state.
#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_is_killed_as_it_installs_has_all_of_it() {
    let mut cluster = with_cut_logs(slow().set("snapshot_rate_bytes_per_s", 0)).await;
    let client = cluster.client();
    create(&client, "load").await;
    let load = Writers::begin(&client, "load", 4);
    let new = cluster.admit(&client).await;
    cluster.start_node(new);
    let current = cluster.node(new).data_dir().join("state/CURRENT");
    let replaced = async || (fs::read(&current).ok()? != b"1\n").then_some(());
    wait::until("the snapshot is the state", replaced).await;
    cluster.node(new).kill();
    let log = cluster.node(new).log();
    println!("it had told so before: {}", log.contains("snapshot installed"));
    load.commit_more(50).await;
    cluster.start_node(new);
    cluster.all_serve().await;
    load.finish_and_check().await;
    cluster.agree().await;
    holds_all(&cluster, new).await;
}

/// Nobody has a snapshot to offer then, and nobody writes, so that one would be taken.
#[tokio::test(flavor = "multi_thread")]
async fn all_nodes_are_killed_on_its_way_and_it_comes_all_the_same() {
    let mut cluster = with_cut_logs(slow()).await;
    let client = cluster.client();
    let new = cluster.admit(&client).await;
    cluster.start_node(new);
    has_come(&mut cluster, new, COME_BYTES).await;
    cluster.kill_all();
    cluster.start_all();
    cluster.all_serve().await;
    cluster.agree().await;
    holds_all(&cluster, new).await;
}

/// The largest file of what has come to a node.
fn largest_file(folder: &Path) -> PathBuf {
    let entries = fs::read_dir(folder).expect("it is there").flatten();
    let largest = entries.max_by_key(|entry| entry.metadata().map_or(0, |file| file.len()));
    largest.expect("something has come").path()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_had_come_and_is_damaged_is_sent_again() {
    let mut cluster = with_cut_logs(slow()).await;
    let client = cluster.client();
    let new = cluster.admit(&client).await;
    cluster.start_node(new);
    has_come(&mut cluster, new, COME_BYTES).await;
    cluster.node(new).kill();
    let file = largest_file(&cluster.node(new).data_dir().join("state/incoming"));
    let mut bytes = fs::read(&file).expect("it is there");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&file, bytes).expect("it is ours");
    cluster.start_node(new);
    cluster.all_serve().await;
    cluster.agree().await;
    holds_all(&cluster, new).await;
}
