//! How a node ends: when it is told, and when its disk fails.

use std::time::Duration;

use conclave_raft::{Consensus, ProposeError, ReadIndexError, Stopped};
use tokio::time::{Instant, timeout_at};

use crate::nodes::{Cluster, create, open_stores, put_number, soon};

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_node_says_so_and_leaves_its_folder_free() {
    let mut cluster = Cluster::form(3, 100_000).await;
    cluster.propose(&create("app")).await.unwrap();
    let leader = cluster.leader().await;
    let consensus = cluster.node(leader).consensus.clone();
    let mut failed = consensus.failed();
    cluster.stop(leader).await;

    assert_eq!(consensus.propose(create("other")).await, Err(ProposeError::ShuttingDown));
    assert_eq!(consensus.read_index(soon()).await, Err(ReadIndexError::ShuttingDown));
    assert_eq!(no_other_leader(&consensus).await, Stopped::AsTold);
    assert!(failed.changed().await.is_err() && failed.borrow().is_none(), "a shutdown is no failure");
    drop(consensus);
    open_stores(&cluster.path(leader), leader).expect("nothing uses the folder any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_fails_stops_the_node() {
    let mut cluster = Cluster::form(3, 100_000).await;
    cluster.propose(&create("app")).await.unwrap();
    let leader = cluster.leader().await;
    let node = cluster.nodes.remove(&leader).unwrap();
    let mut failed = node.consensus.failed();
    node.log.clone().close();
    let outcome = node.consensus.propose(put_number("app", 1)).await;
    assert!(matches!(outcome, Err(ProposeError::OutcomeUnknown | ProposeError::Fatal(_))), "{outcome:?}");
    let cause = timeout_at(soon(), failed.wait_for(Option::is_some)).await.unwrap().unwrap().clone();
    assert!(cause.is_some_and(|cause| cause.contains("closed")));
    let refused = node.consensus.propose(put_number("app", 2)).await;
    assert!(matches!(refused, Err(ProposeError::Fatal(_))), "{refused:?}");
    let stopped = no_other_leader(&node.consensus).await;
    assert!(matches!(stopped, Stopped::ByItself(_)), "{stopped:?}");
    node.stop().await;

    cluster.propose(&put_number("app", 3)).await.unwrap();
    cluster.agree().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_quorum_nothing_is_confirmed() {
    let mut cluster = Cluster::form(3, 100_000).await;
    cluster.propose(&create("app")).await.unwrap();
    let leader = cluster.leader().await;
    for follower in cluster.followers().await {
        cluster.stop(follower).await;
    }
    let alone = &cluster.node(leader).consensus;
    let deadline = Instant::now() + Duration::from_secs(3);
    let read = alone.read_index(deadline).await;
    assert!(matches!(read, Err(ReadIndexError::NoLeader | ReadIndexError::Deadline)), "{read:?}");
    let refused = timeout_at(soon(), alone.propose(put_number("app", 1))).await.unwrap();
    assert_eq!(refused, Err(ProposeError::NoLeader), "its lease has run out");
}

/// What whoever waits for another leader is told by a node that has stopped: it would wait for nothing, and ask without
/// a pause.
async fn no_other_leader(consensus: &Consensus) -> Stopped {
    let mut leaders = consensus.leader_changes();
    loop {
        if let Err(stopped) = consensus.next_leader(&mut leaders, soon()).await {
            return stopped;
        }
    }
}
