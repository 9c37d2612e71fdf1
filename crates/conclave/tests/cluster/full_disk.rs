//! A disk without space: the node stops with a clear message and exit code 1; with space again, or on another disk,
//! everything that was acknowledged is there.

use std::process::Command;
use std::time::Duration;

use conclave_client::Code;
use conclave_client::config::CommitRequest;
use conclave_client::edits;
use conclave_testkit::{Cluster, ClusterOptions, wait, writers};

use crate::small_disk::SmallDisk;
use crate::stage::{BINARY, commit_under, create, items, noise};

/// Large enough to start on, small enough to be filled in seconds.
const SIZE_MIB: u32 = 64;
const VALUE_SIZE_BYTES: usize = 256 << 10;
/// More than fits, whatever is compressed or kept twice.
const WRITES_MAX: usize = 2_000;

/// Nodes that write until the disk is full.
fn without_reserve(nodes: u64) -> ClusterOptions {
    ClusterOptions::new(BINARY, nodes).set("space_reserve_bytes", 0)
}

/// Writes until a write is not acknowledged; tells how many were.
async fn fill(cluster: &mut Cluster) -> usize {
    let own = cluster.client_of(1, 10_000);
    for number in 0..WRITES_MAX {
        let edit = edits::put(format!("item-{number}"), noise(number, VALUE_SIZE_BYTES));
        let commit: CommitRequest = commit_under(&format!("write-{number}"), "shop", vec![edit]);
        if let Err(error) = own.commit(commit).await {
            println!("after {number} writes: {error} ({})", error.reason());
            assert!(matches!(error.code(), Code::Unavailable | Code::DeadlineExceeded), "{error}");
            return number;
        }
    }
    panic!("the disk was never full");
}

async fn is_all_there(cluster: &mut Cluster, acknowledged: usize) {
    let client = cluster.client();
    let there = items(&client, "shop").await;
    for number in 0..acknowledged {
        assert!(
            there.get(&format!("item-{number}")) == Some(&noise(number, VALUE_SIZE_BYTES)),
            "acknowledged write {number} is lost"
        );
    }
    // The one in doubt is settled by its id.
    let edit = edits::put(format!("item-{acknowledged}"), noise(acknowledged, VALUE_SIZE_BYTES));
    client
        .commit(commit_under(&format!("write-{acknowledged}"), "shop", vec![edit]))
        .await
        .expect("there is space");
    assert_eq!(writers::history(&client, "shop").await.len(), acknowledged + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_on_a_full_disk_stops_and_loses_nothing() {
    let mut cluster = Cluster::prepare(without_reserve(1)).await;
    let Some(disk) = SmallDisk::mount(&cluster.folder().join("small"), SIZE_MIB) else {
        println!("skipped: mounting a small tmpfs needs root");
        return;
    };
    cluster.node(1).set("data_dir", disk.path().join("data").display());
    cluster.start_node(1);
    cluster.all_serve().await;
    create(&cluster.client(), "shop").await;
    let acknowledged = fill(&mut cluster).await;
    assert!(acknowledged > 20, "it was filled by the writes");

    let status = cluster.node(1).ended(Duration::from_secs(20)).await;
    let log = cluster.node(1).log();
    assert_eq!(status.code(), Some(1), "{log}");
    let last = log.lines().last().unwrap_or_default();
    assert!(
        last.contains("disk is full") || last.contains("o space left on device"),
        "the last line says why: {last}"
    );

    // Still no space: it says so again, or starts and serves what it has.
    disk.grow();
    cluster.start_node(1);
    cluster.all_serve().await;
    is_all_there(&mut cluster, acknowledged).await;

    cluster.node(1).kill();
    let elsewhere = cluster.folder().join("elsewhere");
    let copied = Command::new("cp").arg("-a").arg(disk.path().join("data")).arg(&elsewhere).output();
    assert!(copied.is_ok_and(|output| output.status.success()), "the data can be copied");
    cluster.node(1).set("data_dir", elsewhere.display());
    cluster.start_node(1);
    cluster.all_serve().await;
    assert!(items(&cluster.client(), "shop").await.len() > acknowledged);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_other_nodes_go_on_without_one_whose_disk_is_full() {
    let mut cluster = Cluster::prepare(without_reserve(3)).await;
    let Some(disk) = SmallDisk::mount(&cluster.folder().join("small"), SIZE_MIB) else {
        println!("skipped: mounting a small tmpfs needs root");
        return;
    };
    cluster.node(1).set("data_dir", disk.path().join("data").display());
    cluster.start_all();
    cluster.all_serve().await;
    let client = cluster.client();
    create(&client, "shop").await;
    let mut number = 0;
    while cluster.node(1).is_running() {
        let edit = edits::put(format!("item-{}", number % 50), noise(number, VALUE_SIZE_BYTES));
        let commit = commit_under(&format!("write-{number}"), "shop", vec![edit]);
        client.commit(commit).await.expect("two of three are a majority");
        number += 1;
        assert!(number < WRITES_MAX, "the disk was never full");
    }
    println!("node 1 stopped after {number} writes");
    assert_eq!(cluster.node(1).ended(Duration::from_secs(1)).await.code(), Some(1));
    let more = edits::put("after", "1");
    client.commit(commit_under("after", "shop", vec![more])).await.expect("two of three are a majority");

    disk.grow();
    cluster.start_node(1);
    cluster.all_serve().await;
    cluster.agree().await;
    assert_eq!(writers::history(&client, "shop").await.len(), number + 1);
}

/// Small enough that a second of writes stays far below the reserve.
const PIECE_SIZE_BYTES: usize = 4 << 10;
const RESERVE_BYTES: u64 = 8 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn writes_are_refused_before_the_disk_is_full_and_go_on_by_themselves() {
    let options = ClusterOptions::new(BINARY, 1).set("space_reserve_bytes", RESERVE_BYTES);
    let mut cluster = Cluster::prepare(options).await;
    let Some(disk) = SmallDisk::mount(&cluster.folder().join("small"), SIZE_MIB) else {
        println!("skipped: mounting a small tmpfs needs root");
        return;
    };
    cluster.node(1).set("data_dir", disk.path().join("data").display());
    cluster.start_node(1);
    cluster.all_serve().await;
    let client = cluster.client_of(1, 3_000);
    create(&client, "shop").await;
    let mut acknowledged = 0;
    let refusal = loop {
        let edit = edits::put(format!("item-{acknowledged}"), noise(acknowledged, PIECE_SIZE_BYTES));
        match client.commit(commit_under(&format!("write-{acknowledged}"), "shop", vec![edit])).await {
            Ok(_) => acknowledged += 1,
            Err(error) => break error,
        }
        assert!(acknowledged < 10 * WRITES_MAX, "the disk was never full");
    };
    assert_eq!((refusal.code(), refusal.reason()), (Code::ResourceExhausted, "no-space"), "{refusal}");
    assert!(cluster.node(1).is_running(), "it goes on, and serves reads");
    assert_eq!(items(&client, "shop").await.len(), acknowledged);

    disk.grow();
    wait::until("writes go on by themselves", async || {
        let edit = edits::put("after", "1");
        client.commit(commit_under("after", "shop", vec![edit])).await.ok()
    })
    .await;
    assert_eq!(items(&client, "shop").await.len(), acknowledged + 1);
}

/// Three nodes, of which these are on small disks; none where that needs root.
async fn with_small_disks<const N: usize>(ids: [u64; N]) -> Option<(Cluster, [SmallDisk; N])> {
    let options = ClusterOptions::new(BINARY, 3).set("space_reserve_bytes", RESERVE_BYTES);
    let mut cluster = Cluster::prepare(options).await;
    let mut disks = Vec::new();
    for id in ids {
        let Some(disk) = SmallDisk::mount(&cluster.folder().join(format!("small{id}")), SIZE_MIB) else {
            println!("skipped: mounting a small tmpfs needs root");
            return None;
        };
        cluster.node(id).set("data_dir", disk.path().join("data").display());
        disks.push(disk);
    }
    cluster.start_all();
    cluster.all_serve().await;
    Some((cluster, disks.try_into().ok()?))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_without_room_hands_leadership_to_one_that_has_some() {
    let Some((cluster, [disk])) = with_small_disks([1]).await else { return };
    let client = cluster.client();
    create(&client, "shop").await;
    client.transfer_leader(1).await.expect("it is well");
    disk.take_but(RESERVE_BYTES / 2);
    let another_leads = async || {
        let status = cluster.status_of(1).await?;
        let full = status.members.iter().find(|member| member.id == 1)?;
        (full.alarms == ["no-space"] && ![0, 1].contains(&status.leader_id)).then_some(())
    };
    wait::until("another one leads", another_leads).await;
    client
        .commit(commit_under("after", "shop", vec![edits::put("after", "1")]))
        .await
        .expect("two have room");
    disk.clear();
    let is_well = async || {
        let status = cluster.status_of(1).await?;
        status.members.iter().all(|member| member.alarms.is_empty()).then_some(())
    };
    wait::until("the alarm ends by itself", is_well).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_room_on_most_disks_writes_are_refused_wherever_the_leader_is() {
    let Some((cluster, [one, another])) = with_small_disks([1, 2]).await else { return };
    let client = cluster.client();
    create(&client, "shop").await;
    client.transfer_leader(3).await.expect("it is well");
    one.take_but(RESERVE_BYTES / 2);
    another.take_but(RESERVE_BYTES / 2);
    let mut number = 0;
    let refusal = wait::until("writes are refused", async || {
        number += 1;
        let edit = edits::put("price", number.to_string());
        client.commit(commit_under(&format!("write-{number}"), "shop", vec![edit])).await.err()
    })
    .await;
    assert_eq!((refusal.code(), refusal.reason()), (Code::ResourceExhausted, "no-space"), "{refusal}");
    assert_eq!(cluster.status_of(3).await.expect("it answers").leader_id, 3, "nobody else had better lead");
    one.clear();
    wait::until("writes go on by themselves", async || {
        client.commit(commit_under("after", "shop", vec![edits::put("after", "1")])).await.ok()
    })
    .await;
}
