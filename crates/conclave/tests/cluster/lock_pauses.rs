//! Locks while their holders stand still, or the leader does.

use std::time::Duration;

use conclave_client::lock::OpenSessionRequest;
use conclave_client::{Fenced as _, Session, SessionOptions, edits};
use conclave_testkit::{Cluster, wait};
use tokio::task::JoinSet;

use crate::lock_holder::Holder;
use crate::stage::{commit_of, create, three};

fn options(ttl: Duration, owner: &str) -> SessionOptions {
    SessionOptions { ttl, owner: owner.into(), ..SessionOptions::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_that_was_paused_learns_of_its_loss_first_and_cannot_write() {
    let cluster = three().await;
    let client = cluster.client();
    create(&client, "job").await;
    let ttl = Duration::from_secs(2);
    let mut holder = Holder::start(&cluster, "job", ttl);
    let held = holder.told().await;
    let token: u64 = held.strip_prefix("held ").expect("it holds the lock").parse().expect("a number");

    let session = client.open_session(options(ttl, "next")).await.expect("it is opened");
    holder.pause();
    let guard =
        session.lock("job").acquire().await.expect("the lock is another's once the session has ended");
    assert!(guard.token() > token, "{} after {token}", guard.token());
    let write = commit_of("job", vec![edits::put("by", "the next one")]);
    client.commit(write.held(&guard)).await.expect("whoever holds the lock may write");

    holder.resume();
    let lost = holder.told().await;
    assert!(lost.starts_with("lost session "), "{lost}");
    assert_eq!(holder.told().await, "refused lock-token-mismatch");
    assert!(guard.is_held(), "nobody took it from the next one");
    guard.release().await.expect("it is released");
}

/// A session that nobody renews, opened by other nodes than `but`.
async fn unrenewed(cluster: &Cluster, but: u64, ttl: Duration) -> (conclave_client::Client, u64) {
    let asked = cluster.ids().into_iter().find(|id| *id != but).expect("there are three");
    let client = cluster.client_of(asked, 20_000);
    let ttl_ms = u64::try_from(ttl.as_millis()).expect("it is short");
    let request = OpenSessionRequest { ttl_ms, owner: "nobody".into(), ..Default::default() };
    let opened = client.open_bare_session(request).await.expect("it is opened");
    (client, opened.session.expect("it is told").id)
}

/// Waits until such a session has ended: so much time has passed for the cluster.
async fn has_passed(cluster: &Cluster, but: u64, ttl: Duration) {
    let (client, session_id) = unrenewed(cluster, but, ttl).await;
    wait::until("an unrenewed session ends", async || {
        let gone = client.get_session(session_id).await.err()?;
        (gone.reason() == "session-not-found").then_some(())
    })
    .await;
}

async fn hold(session: &Session, name: &str) -> conclave_client::LockGuard {
    session.lock(name).acquire().await.expect("it is acquired")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_was_paused_ends_no_session_and_grants_nothing_twice() {
    let mut cluster = three().await;
    let ttl = Duration::from_secs(6);
    let paused = cluster.all_serve().await;
    let other = cluster.ids().into_iter().find(|id| *id != paused).expect("there are three");
    // Both reach the other nodes first; what the paused one has in its sockets is of no use to them.
    let (holder, waiter) = (cluster.client_of(other, 20_000), cluster.client_of(other, 20_000));
    let holding = holder.open_session(options(ttl, "holder")).await.expect("it is opened");
    let waiting = waiter.open_session(options(ttl, "waiter")).await.expect("it is opened");
    let guard = hold(&holding, "job").await;
    let mut granted = JoinSet::new();
    granted.spawn(async move {
        let guard = hold(&waiting, "job").await;
        (guard.token(), waiting, guard)
    });

    cluster.node(paused).pause();
    has_passed(&cluster, paused, ttl + Duration::from_secs(2)).await;
    assert!(holding.is_alive() && guard.is_held(), "it was renewed at the new leader");
    cluster.node(paused).resume();
    cluster.all_serve().await;
    // The old leader has its clock still, by which all are overdue; its word counts for nothing.
    has_passed(&cluster, other, Duration::from_secs(1)).await;
    cluster.agree().await;
    assert!(holding.is_alive() && guard.is_held());
    assert!(granted.try_join_next().is_none(), "nobody got the lock twice");
    let token = guard.token();
    guard.release().await.expect("it is released");
    let (next, waiting, guard) = granted.join_next().await.expect("one waits").expect("the waiter gets it");
    assert!(next > token);
    guard.release().await.expect("it is released");
    waiting.close().await.expect("it is closed");
}
