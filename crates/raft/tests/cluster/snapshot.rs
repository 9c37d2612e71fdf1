//! Followers that are too far behind for the log.

use std::sync::atomic::Ordering;

use bytes::Bytes;

use crate::nodes::{Cluster, put, put_number, soon};

/// Writes until the leader has dropped entries that the stopped node lacks.
async fn outrun(cluster: &Cluster, last_index: u64) -> u64 {
    for number in 0..100_000 {
        cluster.propose(&put_number("app", number)).await.unwrap();
        let leader = cluster.node(cluster.leader().await);
        if leader.log.purged().is_some_and(|(purged, _)| purged > last_index) {
            return number + 1;
        }
    }
    panic!("the log was never cut");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_that_is_too_far_behind_takes_over_a_snapshot() {
    let mut cluster = Cluster::form(3, 50).await;
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
    assert!(node.log.purged().is_some_and(|(purged, _)| purged > last_index));

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
