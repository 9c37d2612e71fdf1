//! Followers that are too far behind for the log.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use crate::nodes::{Cluster, Setup, TestNode, put, put_number, soon};

/// After so many entries the log is cut.
const SNAPSHOT_ENTRIES: u64 = 50;

/// Writes until the leader has dropped entries that the stopped node lacks, and tells the next number to write.
///
/// As few as it takes: each cut is waited for, since a fast machine writes hundreds before the first.
async fn outrun(cluster: &Cluster, last_index: u64) -> u64 {
    let mut next = 0;
    for _ in 0..20 {
        for _ in 0..=SNAPSHOT_ENTRIES {
            cluster.propose(&put_number("app", next)).await.unwrap();
            next += 1;
        }
        let leader = cluster.node(cluster.leader().await);
        if is_cut_after(leader, last_index, Instant::now() + Duration::from_secs(2)).await {
            return next;
        }
    }
    panic!("the log was never cut");
}

/// Waits until the node's log begins later than after this entry, or the deadline has passed.
async fn is_cut_after(node: &TestNode, last_index: u64, deadline: Instant) -> bool {
    while node.log.purged().is_none_or(|(purged, _)| purged <= last_index) {
        if Instant::now() >= deadline {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    true
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_that_is_too_far_behind_takes_over_a_snapshot() {
    let mut cluster = Cluster::form(3, SNAPSHOT_ENTRIES).await;
    cluster.propose(&put("big", 1, Bytes::from(vec![7; 3 << 20]))).await.unwrap();
    cluster.agree().await;
    let behind = cluster.followers().await[0];
    let last_index = cluster.node(behind).consensus.status().last_log_index;
    cluster.stop(behind).await;
    let next = outrun(&cluster, last_index).await;

    cluster.start(behind).await;
    cluster.agree().await;
    let node = cluster.node(behind);
    assert!(node.observed.replaced.load(Ordering::SeqCst) > 0, "no snapshot came");
    // The engine cuts it when the state has been replaced.
    assert!(is_cut_after(node, last_index, soon()).await, "the log before the snapshot stays");

    for number in next..next + 20 {
        cluster.propose(&put_number("app", number)).await.unwrap();
    }
    cluster.agree().await;
    cluster.stop(behind).await;
    cluster.start(behind).await;
    cluster.agree().await;
    tokio::time::timeout_at(soon(), cluster.node(behind).consensus.wait_recovered()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_that_lacks_large_entries_is_sent_them_in_bounded_messages() {
    let mut cluster = Cluster::form(3, 100_000).await;
    cluster.propose(&put_number("app", 0)).await.unwrap();
    let behind = cluster.followers().await[0];
    cluster.stop(behind).await;
    for number in 1..=8 {
        let value = Bytes::from(vec![u8::try_from(number).unwrap(); 3 << 20]);
        cluster.propose(&put("app", number, value)).await.unwrap();
    }
    cluster.start(behind).await;
    cluster.agree().await;
}

/// A value that compression makes no smaller.
fn noise(seed: u64, size_bytes: usize) -> Bytes {
    let mut state = seed ^ 0x9e37_79b9_7f4a_7c15;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_be_bytes()[0]
    };
    (0..size_bytes).map(|_| next()).collect::<Vec<u8>>().into()
}

fn files(folder: &Path) -> Vec<(PathBuf, fs::Metadata)> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries
        .filter_map(|entry| entry.ok().and_then(|entry| Some((entry.path(), entry.metadata().ok()?))))
        .collect()
}

/// Waits until so much of a snapshot has come to a node.
async fn has_come(incoming: &Path, size_bytes: u64) {
    let deadline = soon();
    while files(incoming).iter().map(|(_, file)| file.len()).sum::<u64>() < size_bytes {
        assert!(Instant::now() < deadline, "no snapshot comes");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A cluster with a follower that was stopped when it had 3 MiB of a snapshot of 10, and the next number to write.
async fn with_a_broken_transfer() -> (Cluster, u64, u64) {
    // Another leader would have other files, of which there is nothing yet.
    let (snapshot_rate_bytes_per_s, election_ms_min) = (4 << 20, 2_000);
    let setup = Setup {
        snapshot_entries: SNAPSHOT_ENTRIES,
        snapshot_rate_bytes_per_s,
        election_ms_min,
        ..Setup::default()
    };
    let mut cluster = Cluster::form_with(3, setup).await;
    for number in 1..=5 {
        cluster.propose(&put(&format!("big-{number}"), number, noise(number, 2 << 20))).await.unwrap();
    }
    cluster.agree().await;
    let behind = cluster.followers().await[0];
    let last_index = cluster.node(behind).consensus.status().last_log_index;
    cluster.stop(behind).await;
    let next = outrun(&cluster, last_index).await;
    cluster.start(behind).await;
    has_come(&cluster.path(behind).join("state/incoming"), 3 << 20).await;
    cluster.stop(behind).await;
    (cluster, behind, next)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_after_which_the_log_is_gone_is_not_gone_on_with() {
    let (mut cluster, behind, next) = with_a_broken_transfer().await;
    for number in next..next + 10 * SNAPSHOT_ENTRIES {
        cluster.propose(&put_number("app", number)).await.unwrap();
    }
    cluster.start(behind).await;
    cluster.agree().await;
    let replaced = cluster.node(behind).observed.replaced.load(Ordering::SeqCst);
    assert_eq!(replaced, 1, "it was sent one that was of no use, and then another");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_that_broke_goes_on_where_it_ended() {
    let (mut cluster, behind, next) = with_a_broken_transfer().await;
    let leader = cluster.leader().await;
    let incoming = cluster.path(behind).join("state/incoming");

    // Kept by another name as well, to see what becomes of it: it grows if it is gone on with.
    let is_part = |(path, _): &(PathBuf, fs::Metadata)| path.extension().is_some_and(|kind| kind == "part");
    let (part, before) = files(&incoming).into_iter().find(is_part).expect("a file is on its way");
    let link = cluster.path(behind).join("link");
    fs::hard_link(&part, &link).unwrap();
    for number in next..next + 120 {
        cluster.propose(&put_number("app", number)).await.unwrap();
    }
    cluster.start(behind).await;
    cluster.agree().await;
    assert_eq!(
        cluster.leader().await,
        leader,
        "the leader was replaced: the machine is too slow for this test"
    );
    let node = cluster.node(behind);
    assert_eq!(node.observed.replaced.load(Ordering::SeqCst), 1, "one snapshot was enough");
    let after = fs::metadata(&link).unwrap();
    assert!(
        part.to_str().unwrap().ends_with(&format!("-{}.part", after.len())),
        "the leader sent other files instead of the rest: {after:?}"
    );
    assert!(after.len() > before.len(), "it was sent anew");
    assert!(!incoming.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_cut_by_its_bytes_too() {
    let setup = Setup { snapshot_log_bytes: 2 << 20, ..Setup::default() };
    let cluster = Cluster::form_with(1, setup).await;
    let log = &cluster.node(1).log;
    let deadline = soon();
    let mut number = 0;
    while log.purged().is_none() {
        number += 1;
        cluster.propose(&put("app", number, noise(number, 64 << 10))).await.unwrap();
        assert!(Instant::now() < deadline, "the log was never cut: {} bytes", log.size_bytes_from(0));
    }
    assert!(number >= 31, "{number} values are less than 2 MiB");
    let (purged, _) = log.purged().unwrap();
    let snapshot_bytes_kept = log.size_bytes_from(purged + 1);
    assert!(number * (64 << 10) > snapshot_bytes_kept, "something is gone");
}
