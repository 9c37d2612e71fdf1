//! A disk without room in each phase of a snapshot: where it is taken, where it is received, where it is installed;
//! and for a backup. It is told, nothing is lost, and with room again all is well.

use std::fs;
use std::path::Path;
use std::time::Duration;

use conclave_testkit::{Cluster, ClusterOptions, Writers, wait};

use crate::small_disk::{PAGE_SIZE_BYTES, SmallDisk};
use crate::stage::{BINARY, create, items, put};
use crate::start_refused::refusal;
use crate::transfers::{has_come, received_bytes, sender, sendings, sizes_bytes, slow, with_cut_logs};

/// The log alone takes 35 MiB as it begins, and a snapshot leaves 32 MiB free.
const SIZE_MIB: u32 = 128;
/// Free space below which the alarm is raised.
const RESERVE_BYTES: u64 = 24 << 20;
/// So much has come when the disk becomes full.
const COME_BYTES: u64 = 3 << 20;
/// How long a node may take to find that it has no room, while a snapshot comes slowly.
const FOUND_MAX: Duration = Duration::from_secs(30);

/// Gives a node that does not run a small disk. None, where that cannot be had.
fn give_small_disk(cluster: &mut Cluster, id: u64) -> Option<SmallDisk> {
    let disk = SmallDisk::mount(&cluster.folder().join("small"), SIZE_MIB);
    match &disk {
        Some(disk) => cluster.node(id).set("data_dir", disk.path().join("data").display()),
        None => println!("skipped: mounting a small tmpfs needs root"),
    }
    disk
}

async fn says(cluster: &mut Cluster, id: u64, what: &str) {
    let said = async || cluster.node(id).log().contains(what).then_some(());
    wait::until(&format!("node {id} says: {what}"), said).await;
}

/// Waits until a node has stopped itself for want of room, and checks that without any it does not start.
async fn stops(cluster: &mut Cluster, id: u64, disk: &SmallDisk) {
    let status = cluster.node(id).ended(FOUND_MAX).await;
    assert_eq!(status.code(), Some(1), "it says by its exit code that it did not end in order");
    let log = cluster.node(id).log();
    let told = log.lines().find(|line| line.contains("the node has stopped itself")).expect("it says so");
    println!("{told}");
    // Ending it gave some room back.
    disk.fill_but(0);
    let told_again = refusal(cluster, id).await;
    println!("{told_again}");
    for told in [told, &told_again] {
        assert!(told.contains("the disk is full") && told.contains("free space"), "{told}");
        assert!(told.contains(&disk.path().display().to_string()), "{told}");
    }
}

async fn holds_all(cluster: &Cluster, id: u64) {
    let (own, all) = (cluster.client_of(id, 10_000), cluster.client());
    let same = items(&own, "shop").await == items(&all, "shop").await;
    assert!(same, "node {id} holds other values than the cluster");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_has_no_room_for_a_snapshot_takes_it_when_there_is_some() {
    let options = ClusterOptions::new(BINARY, 3).set("snapshot_entries", 200).set("space_reserve_bytes", 0);
    let mut cluster = Cluster::prepare(options).await;
    let Some(disk) = give_small_disk(&mut cluster, 1) else { return };
    cluster.start_all();
    cluster.all_serve().await;
    let client = cluster.client();
    create(&client, "load").await;
    let load = Writers::begin(&client, "load", 4);
    load.commit_more(50).await;
    client.transfer_leader(1).await.expect("it is well");
    disk.fill_but(0);
    says(&mut cluster, 1, "no snapshot is taken").await;
    let cut_before = cuts(&mut cluster);
    // The log has room of its own.
    load.commit_more(300).await;
    assert!(cluster.node(1).is_running() && cuts(&mut cluster) == cut_before);

    disk.clear();
    let cut = async || (cuts(&mut cluster) > cut_before).then_some(());
    wait::until("a snapshot is taken, and the log is cut", cut).await;
    load.finish_and_check().await;
    cluster.agree().await;
}

/// How often node 1 has cut its log.
fn cuts(cluster: &mut Cluster) -> usize {
    cluster.node(1).log().matches("the log is cut").count()
}

/// Were it to try, its engine would take no write any more, even with room again.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_for_which_there_is_no_room_is_refused_and_the_node_goes_on() {
    let options = ClusterOptions::new(BINARY, 1).set("space_reserve_bytes", RESERVE_BYTES);
    let mut cluster = Cluster::prepare(options).await;
    let Some(disk) = give_small_disk(&mut cluster, 1) else { return };
    cluster.start_all();
    cluster.all_serve().await;
    let (client, cli) = (cluster.client(), cluster.command_line());
    create(&client, "shop").await;
    put(&client, "shop", "price", "1").await;
    disk.fill_but(0);
    says(&mut cluster, 1, "alarm raised alarm=no-space").await;
    let told = cli.run(&["backup", "create", "all.conclave"]).await.failed(5);
    assert!(told.contains("the disk of this node has no room"), "{told}");
    assert_eq!(items(&client, "shop").await["price"], "1");

    disk.clear();
    says(&mut cluster, 1, "alarm ended alarm=no-space").await;
    put(&client, "shop", "price", "2").await;
    cli.run(&["backup", "create", "all.conclave"]).await.done();
    assert!(cluster.node(1).is_running());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_finds_no_room_on_its_way_comes_when_there_is_some() {
    let mut cluster = with_cut_logs(slow().set("space_reserve_bytes", RESERVE_BYTES)).await;
    let client = cluster.client();
    let new = cluster.admit(&client).await;
    let Some(disk) = give_small_disk(&mut cluster, new) else { return };
    cluster.start_node(new);
    has_come(&mut cluster, new, COME_BYTES).await;
    let process = cluster.node(new).process();
    disk.fill_but(0);
    says(&mut cluster, new, "the disk is full: writing a received snapshot failed").await;
    says(&mut cluster, new, "has no room for the snapshot").await;
    says(&mut cluster, new, "alarm raised alarm=no-space").await;
    assert_eq!(received_bytes(&cluster.node(new).data_dir()), 0, "it takes no room that others need more");
    put(&client, "shop", "meanwhile", "1").await;

    disk.clear();
    cluster.all_serve().await;
    assert!(cluster.node(new).is_running() && cluster.node(new).process() == process, "it never stopped");
    says(&mut cluster, new, "alarm ended alarm=no-space").await;
    cluster.agree().await;
    holds_all(&cluster, new).await;
}

/// What files take on the disk.
fn taken_bytes(folder: &Path) -> u64 {
    sizes_bytes(folder).into_iter().map(|size_bytes| size_bytes.next_multiple_of(PAGE_SIZE_BYTES)).sum()
}

/// What the snapshot that is on its way to a node will still take on its disk.
fn missing_bytes(cluster: &mut Cluster, id: u64) -> u64 {
    let from = sender(cluster);
    let sent = sendings(cluster, from)[0].size_bytes;
    let snapshots = fs::read_dir(cluster.node(from).data_dir().join("snapshots")).expect("it is there");
    let mut folders = snapshots.flatten().map(|entry| entry.path());
    let folder = folders.find(|folder| sizes_bytes(folder).iter().sum::<u64>() == sent);
    let come = taken_bytes(&cluster.node(id).data_dir().join("state/incoming"));
    taken_bytes(&folder.expect("it is kept while it is sent")) - come
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_cannot_be_installed_leaves_the_state_as_it_was() {
    let mut cluster = with_cut_logs(slow().set("space_reserve_bytes", 0)).await;
    let client = cluster.client();
    let new = cluster.admit(&client).await;
    let Some(disk) = give_small_disk(&mut cluster, new) else { return };
    cluster.start_node(new);
    has_come(&mut cluster, new, COME_BYTES).await;
    cluster.node(new).pause();
    // Its files fit, and nothing beside them.
    let missing_bytes = missing_bytes(&mut cluster, new);
    disk.fill_but(missing_bytes + PAGE_SIZE_BYTES);
    cluster.node(new).resume();
    stops(&mut cluster, new, &disk).await;
    let current = disk.path().join("data/state/CURRENT");
    assert_eq!(fs::read(current).expect("it is there"), b"1\n", "the state is the one before");

    disk.clear();
    cluster.start_node(new);
    cluster.all_serve().await;
    cluster.agree().await;
    holds_all(&cluster, new).await;
}
