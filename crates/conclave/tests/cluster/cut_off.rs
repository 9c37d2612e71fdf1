//! A node that is cut off from the others, noticed at once (connections refused) or not (nothing comes through):
//! it serves no linearizable read and takes no write, the others go on, and after healing it is one of them.

use std::time::Duration;

use conclave_client::config::{CommitRequest, Consistency, GetRequest};
use conclave_client::{Client, Code, edits, reason};
use conclave_testkit::{Cluster, Way, wait, writers};
use tokio::time::Instant;

use crate::stage::{GAP_MAX, commit_of, commit_under, create, put, three_with_links};

/// What a caller of the node that is cut off waits for an answer.
const TIMEOUT_MS: u64 = 1_500;
/// So many reads and writes are tried there.
const TRIES: u32 = 6;

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_cut_off_and_notices() {
    leader_cut_off(Way::Refused).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_cut_off_and_hears_nothing_more() {
    leader_cut_off(Way::Silent).await;
}

async fn leader_cut_off(way: Way) {
    let mut cluster = three_with_links().await;
    let client = cluster.client();
    create(&client, "shop").await;
    put(&client, "shop", "price", "old").await;
    let lost = cluster.all_serve().await;
    let others: Vec<_> = cluster.ids().into_iter().filter(|id| *id != lost).collect();

    cluster.links().cut(lost, way);
    let cut = Instant::now();
    await_leader_among(&cluster, &others).await;
    let majority = cluster.client_of(others[0], 10_000);
    put(&majority, "shop", "price", "new").await;
    println!("{way:?}: the others took a write {:?} after the cut", cut.elapsed());

    let own = cluster.client_of(lost, TIMEOUT_MS);
    let refused = nothing_is_served(&own).await;
    assert_eq!(local_price(&own).await, "old", "a read that may be stale is served, and says nothing new");

    cluster.links().heal();
    cluster.all_serve().await;
    let healed = wait::until("it serves again", async || price(&own).await.ok()).await;
    assert_eq!(healed, "new");
    put(&own, "shop", "price", "newer").await;
    none_was_applied(&client, &refused).await;
    cluster.agree().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_that_is_cut_off() {
    let mut cluster = three_with_links().await;
    let client = cluster.client();
    create(&client, "shop").await;
    put(&client, "shop", "price", "old").await;
    let leader = cluster.all_serve().await;
    let lost = cluster.ids().into_iter().find(|id| *id != leader).expect("there are three");
    let own = cluster.client_of(lost, TIMEOUT_MS);
    wait::until("the follower has it too", async || price(&own).await.ok().filter(|it| it == "old")).await;

    cluster.links().cut(lost, Way::Refused);
    put(&cluster.client_of(leader, 10_000), "shop", "price", "new").await;
    let term = cluster.status_of(leader).await.expect("it answers").term;
    let refused = nothing_is_served(&own).await;
    assert_eq!(local_price(&own).await, "old");

    cluster.links().heal();
    assert_eq!(cluster.all_serve().await, leader, "a node that was away does not disturb the leader");
    let after = cluster.status_of(leader).await.expect("it answers").term;
    assert_eq!(after, term, "nor its term: it had asked whether it would win before it stood for election");
    let healed = wait::until("it serves again", async || price(&own).await.ok()).await;
    assert_eq!(healed, "new");
    none_was_applied(&client, &refused).await;
    cluster.agree().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_can_speak_and_not_hear_gives_way() {
    let mut cluster = three_with_links().await;
    let client = cluster.client();
    create(&client, "shop").await;
    let deaf = cluster.all_serve().await;
    let others: Vec<_> = cluster.ids().into_iter().filter(|id| *id != deaf).collect();
    others.iter().for_each(|other| cluster.links().set(*other, deaf, Way::Silent));
    let began = Instant::now();
    let commit = commit_under("while-deaf", "shop", vec![edits::put("price", "new")]);
    let majority = cluster.client_of(others[0], 5_000);
    wait::until("the others take a write", async || majority.commit(commit.clone()).await.ok()).await;
    let gap = began.elapsed();
    println!("the others took a write {gap:?} after the leader went deaf");
    assert!(gap < GAP_MAX, "its first silence is enough, not only the next one: {gap:?}");
    cluster.links().heal();
    cluster.all_serve().await;
    assert_eq!(writers::history(&client, "shop").await.len(), 1, "it was applied once");
    cluster.agree().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_goes_deaf_with_a_write_on_its_way_gives_way() {
    let mut cluster = three_with_links().await;
    let client = cluster.client();
    create(&client, "shop").await;
    let deaf = cluster.all_serve().await;
    let others: Vec<_> = cluster.ids().into_iter().filter(|id| *id != deaf).collect();
    others.iter().for_each(|other| cluster.links().set(*other, deaf, Way::Silent));
    let began = Instant::now();
    // It is sent to the others again and again, as nobody is heard to have it.
    let unheard = commit_under("unheard", "shop", vec![edits::put("price", "old")]);
    let own = cluster.client_of(deaf, TIMEOUT_MS);
    let error = own.commit(unheard.clone()).await.expect_err("nobody is heard to have it");
    assert!(error.is_outcome_unknown(), "it was taken into the log: {error}");
    let commit = commit_under("while-deaf", "shop", vec![edits::put("price", "new")]);
    let majority = cluster.client_of(others[0], 5_000);
    wait::until("the others take a write", async || majority.commit(commit.clone()).await.ok()).await;
    let gap = began.elapsed();
    println!("the others took a write {gap:?} after the leader went deaf");
    assert!(gap < GAP_MAX, "its first silence is enough, not only the next one: {gap:?}");
    cluster.links().heal();
    cluster.all_serve().await;
    client.commit(unheard).await.expect("it was done, or it is done now");
    assert_eq!(writers::history(&client, "shop").await.len(), 2, "each was applied once");
    cluster.agree().await;
}

async fn await_leader_among(cluster: &Cluster, ids: &[u64]) {
    wait::until("a leader among the others", async || {
        let status = cluster.status_of(ids[0]).await?;
        ids.contains(&status.leader_id).then_some(())
    })
    .await;
}

/// Tries reads and writes, all of which must be refused in time. Gives the names of the writes of which the
/// node said that they were not done.
async fn nothing_is_served(own: &Client) -> Vec<String> {
    let mut refused = Vec::new();
    for number in 1..=TRIES {
        let began = Instant::now();
        let error = price(own).await.expect_err("no linearizable read is served");
        assert!(matches!(error.code(), Code::Unavailable | Code::DeadlineExceeded), "{error}");

        let name = format!("lost-{number}");
        let error = own.commit(lost_write(&name)).await.expect_err("no write is taken");
        assert!(matches!(error.code(), Code::Unavailable | Code::DeadlineExceeded), "{error}");
        if !error.is_outcome_unknown() {
            assert_eq!(error.reason(), reason::NO_LEADER, "{error}");
            refused.push(name.clone());
        }
        let preview = CommitRequest { dry_run: true, ..lost_write(&name) };
        own.commit(preview).await.expect_err("nor is it said what a write would do");
        let limit = Duration::from_millis(3 * TIMEOUT_MS) + Duration::from_secs(2);
        assert!(began.elapsed() < limit, "the refusals came in time, not after {:?}", began.elapsed());
    }
    refused
}

fn lost_write(name: &str) -> CommitRequest {
    let commit = commit_of("shop", vec![edits::put("price", name)]);
    CommitRequest { authorship: commit_under(name, "shop", Vec::new()).authorship, ..commit }
}

/// What was refused as not done must never appear, also not after the node came back.
async fn none_was_applied(client: &Client, refused: &[String]) {
    for version in writers::history(client, "shop").await {
        assert!(!refused.contains(&version.message), "refused and applied all the same: {version:?}");
    }
}

async fn price(own: &Client) -> Result<String, conclave_client::ClientError> {
    read_price(own, Consistency::Linearizable).await
}

async fn local_price(own: &Client) -> String {
    read_price(own, Consistency::Local).await.expect("a local read needs nobody else")
}

async fn read_price(own: &Client, consistency: Consistency) -> Result<String, conclave_client::ClientError> {
    let consistency = consistency.into();
    let get = GetRequest { namespace: "shop".into(), key: "price".into(), consistency, at: None };
    let item = own.get(get).await?.item.expect("it is there");
    Ok(String::from_utf8_lossy(&item.value).into_owned())
}
