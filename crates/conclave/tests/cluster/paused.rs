//! A leader that stops for a while, as in a long pause of its machine, and does not know that others went on:
//! it must not serve what has become old meanwhile.

use std::time::Duration;

use conclave_client::config::GetRequest;
use conclave_client::{Code, edits};
use conclave_testkit::wait;
use tokio::task::JoinSet;

use crate::stage::{commit_under, create, put, three};

/// Calls that wait in the paused node's sockets and are answered as soon as it goes on.
const WAITING_READS: usize = 16;

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_was_paused_serves_nothing_old() {
    let mut cluster = three().await;
    let client = cluster.client();
    create(&client, "shop").await;
    put(&client, "shop", "price", "old").await;
    let paused = cluster.all_serve().await;
    let own = cluster.client_of(paused, 20_000);
    let get = GetRequest { namespace: "shop".into(), key: "price".into(), ..Default::default() };
    own.get(get.clone()).await.expect("it leads, and the connection stands");

    cluster.node(paused).pause();
    let mut reads = JoinSet::new();
    for _ in 0..WAITING_READS {
        let (own, get) = (own.clone(), get.clone());
        reads.spawn(async move { own.get(get).await });
    }
    let others = cluster.ids().into_iter().filter(|id| *id != paused).collect::<Vec<_>>();
    wait::until("another leader", async || {
        let status = cluster.status_of(others[0]).await?;
        others.contains(&status.leader_id).then_some(())
    })
    .await;
    let write = commit_under("new-price", "shop", vec![edits::put("price", "new")]);
    let mut written = None;
    for id in &others {
        written = written.or(cluster.client_of(*id, 10_000).commit(write.clone()).await.ok());
    }
    assert!(written.is_some(), "the others take writes without it");
    // The write was acknowledged while the reads waited: either answer would be true for them. What begins
    // from here on must see it.
    let late = {
        let (own, get) = (own.clone(), get.clone());
        async move { own.get(get).await }
    };
    cluster.node(paused).resume();
    match late.await {
        Ok(answer) => {
            assert_eq!(&answer.item.expect("it is there").value[..], b"new", "an old value was served")
        }
        Err(error) => assert!(matches!(error.code(), Code::Unavailable | Code::DeadlineExceeded), "{error}"),
    }
    while let Some(read) = reads.join_next().await {
        // Some may have been given up; none may be made up.
        if let Ok(answer) = read.expect("the read ends") {
            let value = answer.item.expect("it is there").value;
            assert!(value == "old" || value == "new", "{value:?}");
        }
    }
    cluster.all_serve().await;
    let now = wait::within(Duration::from_secs(10), "the paused node serves again", async || {
        own.get(get.clone()).await.ok()
    });
    assert_eq!(&now.await.item.expect("it is there").value[..], b"new");
    cluster.agree().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_follower_catches_up() {
    let mut cluster = three().await;
    let client = cluster.client();
    create(&client, "shop").await;
    let leader = cluster.all_serve().await;
    let follower = cluster.ids().into_iter().find(|id| *id != leader).expect("there are three");
    cluster.node(follower).pause();
    for number in 1..=50 {
        put(&cluster.client_of(leader, 10_000), "shop", "n", &number.to_string()).await;
    }
    cluster.node(follower).resume();
    cluster.all_serve().await;
    let own = cluster.client_of(follower, 10_000);
    let get = GetRequest { namespace: "shop".into(), key: "n".into(), ..Default::default() };
    let answer = wait::until("the follower serves again", async || own.get(get.clone()).await.ok()).await;
    assert_eq!(&answer.item.expect("it is there").value[..], b"50");
    cluster.agree().await;
}
