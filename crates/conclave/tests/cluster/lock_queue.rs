//! Queues of locks while nodes break: the order is kept, nobody waits for ever, no grant is lost.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use conclave_client::{Client, SessionOptions};
use conclave_testkit::{Cluster, wait};
use tokio::task::JoinSet;

use crate::stage::three;

const SESSIONS: u64 = 20;
const WAITERS_A_SESSION: u64 = 50;

/// The tickets in the order in which they were granted, with their tokens.
type Granted = Arc<Mutex<Vec<(u64, u64)>>>;

/// Waits for the lock many times at once, through one session.
async fn wait_many(client: Client, number: u64, granted: Granted) {
    let owner = format!("waiter-{number}");
    let ttl = Duration::from_secs(30);
    let session = client.open_session(SessionOptions { ttl, owner, ..SessionOptions::default() }).await;
    let session = Arc::new(session.expect("it is opened"));
    let mut waiting = JoinSet::new();
    for _ in 0..WAITERS_A_SESSION {
        let (session, granted) = (Arc::clone(&session), Arc::clone(&granted));
        waiting.spawn(async move {
            let guard = session.lock("queue").acquire().await.expect("its turn comes");
            granted.lock().expect("nobody panics").push((guard.grant().ticket, guard.token()));
            guard.release().await.expect("it is released");
        });
    }
    while let Some(ended) = waiting.join_next().await {
        ended.expect("a waiter ends");
    }
}

async fn waiters(cluster: &Cluster) -> Option<u64> {
    Some(cluster.client().get_lock("queue").await.ok()?.lock?.waiter_count)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_waiters_keep_their_order_when_the_leader_is_killed() {
    let mut cluster = three().await;
    let leader = cluster.all_serve().await;
    let session = cluster.client().open_session(SessionOptions::default()).await.expect("it is opened");
    let first = session.lock("queue").acquire().await.expect("it is free");
    let granted = Granted::default();
    let mut all = JoinSet::new();
    for number in 0..SESSIONS {
        all.spawn(wait_many(cluster.client(), number, Arc::clone(&granted)));
    }
    let expected = SESSIONS * WAITERS_A_SESSION;
    wait::within(Duration::from_secs(120), "all wait", async || {
        (waiters(&cluster).await? == expected).then_some(())
    })
    .await;
    cluster.node(leader).kill();
    first.release().await.expect("it is released, by whoever leads now");
    wait::until("some have got it", async || {
        (granted.lock().expect("nobody panics").len() > 100).then_some(())
    })
    .await;
    cluster.start_node(leader);
    while let Some(ended) = all.join_next().await {
        ended.expect("every session's waiters get it");
    }
    let granted = granted.lock().expect("nobody panics").clone();
    assert_eq!(granted.len() as u64, expected, "no grant is lost, none comes twice");
    assert!(granted.is_sorted_by(|a, b| a.0 < b.0), "in order of arrival: {granted:?}");
    assert!(granted.is_sorted_by(|a, b| a.1 < b.1), "tokens grow: {granted:?}");
    cluster.all_serve().await;
    cluster.agree().await;
}
