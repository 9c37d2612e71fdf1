//! A node whose state was damaged, and whose log was cut, has another node give it its own: unasked, whatever was damaged,
//! and whether that is found at the start or by a read.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use conclave_client::config::ListRequest;
use conclave_testkit::{Cluster, ClusterOptions, Writers, wait};

use crate::stage::{BINARY, create, items, put};

const SNAPSHOT_ENTRIES: usize = 100;
const ITEMS: usize = 20;

/// Three nodes with some data, and a follower of theirs whose log was cut.
async fn with_a_cut_log() -> (Cluster, u64) {
    let options = ClusterOptions::new(BINARY, 3).set("snapshot_entries", SNAPSHOT_ENTRIES);
    let mut cluster = Cluster::start(options).await;
    let client = cluster.client();
    create(&client, "shop").await;
    create(&client, "load").await;
    for number in 0..ITEMS {
        put(&client, "shop", &format!("item-{number}"), &"x".repeat(3_000)).await;
    }
    let leader = cluster.all_serve().await;
    let follower = cluster.ids().into_iter().find(|id| *id != leader).expect("there are three");
    let load = Writers::begin(&client, "load", 4);
    load.commit_more(4 * SNAPSHOT_ENTRIES).await;
    load.finish_and_check().await;
    wait::until("the log is cut", async || is_cut(&mut cluster, follower).then_some(())).await;
    cluster.agree().await;
    (cluster, follower)
}

fn is_cut(cluster: &mut Cluster, id: u64) -> bool {
    cluster.node(id).log().contains("the log is cut")
}

/// The files of a node's state that hold rows, the largest first.
fn tables(cluster: &mut Cluster, id: u64) -> Vec<PathBuf> {
    let state = cluster.node(id).data_dir().join("state");
    let generations =
        fs::read_dir(state).expect("it is there").flatten().filter(|entry| entry.path().is_dir());
    let files = generations.flat_map(|folder| fs::read_dir(folder.path()).expect("it is there").flatten());
    let mut tables: Vec<_> = files
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "sst"))
        .collect();
    tables.sort_by_key(|path| std::cmp::Reverse(fs::metadata(path).map_or(0, |file| file.len())));
    tables
}

/// Starts it, and again if it stops itself, until it serves.
async fn serves(cluster: &mut Cluster, id: u64) {
    cluster.start_node(id);
    wait::until("it serves", async || {
        if !cluster.node(id).is_running() {
            cluster.start_node(id);
        }
        let request = ListRequest { namespace: "shop".into(), ..Default::default() };
        let listed = cluster.client_of(id, 1_000).list_all(request).await.ok()?;
        (listed.items.len() == ITEMS + 1).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_is_gone_is_had_from_another_node() {
    let (mut cluster, follower) = with_a_cut_log().await;
    cluster.node(follower).kill();
    let state = cluster.node(follower).data_dir().join("state");
    fs::rename(&state, state.with_extension("moved")).expect("it is ours");
    put(&cluster.client(), "shop", "meanwhile", "1").await;
    serves(&mut cluster, follower).await;
    let log = cluster.node(follower).log();
    assert!(log.contains("the state was had from another node"), "{log}");
    assert_eq!(items(&cluster.client_of(follower, 10_000), "shop").await["meanwhile"], "1");
    cluster.agree().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whichever_byte_is_damaged_it_is_found_or_of_no_account() {
    let (mut cluster, follower) = with_a_cut_log().await;
    put(&cluster.client(), "shop", "one-more", "1").await;
    let mut healed = 0;
    for ninth in 0..9 {
        cluster.agree().await;
        cluster.node(follower).terminate();
        cluster.node(follower).ended(Duration::from_secs(15)).await;
        let before = cluster.node(follower).log().matches("the state was had from another node").count();
        let table = tables(&mut cluster, follower).into_iter().next().expect("it has rows on disk");
        let mut bytes = fs::read(&table).expect("it is there");
        let at = bytes.len() * ninth / 9;
        bytes[at] ^= 0x11;
        fs::write(&table, &bytes).expect("it is ours");
        serves(&mut cluster, follower).await;
        cluster.agree().await;
        let log = cluster.node(follower).log();
        let is_healed = log.matches("the state was had from another node").count() > before;
        healed += usize::from(is_healed);
        println!("byte {at} of {}: healed {is_healed}", bytes.len());
        let aside = cluster.node(follower).data_dir().join("state/damaged");
        assert!(!aside.exists(), "what was damaged is kept no longer than it must be");
    }
    assert!(healed > 0, "damage is noticed");
}
