//! Changes of the members that must wait, for a learner that lags and for another change; and one that does not: a learner
//! is taken out while its snapshot comes.

use std::time::Duration;

use conclave_client::cluster::{DemoteMemberRequest, RemoveMemberRequest};
use conclave_client::reason;
use conclave_testkit::{Cluster, ClusterOptions, Writers, wait};
use tokio::task::JoinSet;

use crate::stage::{BINARY, create, put};
use crate::transfers::{has_come, slow, with_cut_logs};

/// More entries than a member may lag and still get a vote.
const COMMITS: usize = 1_200;
/// How long a node that was taken out may take to find out.
const REMOVED_LIMIT: Duration = Duration::from_secs(20);
/// Half as fast as others need: it is refused while this lasts.
const RATE_BYTES_PER_S: u64 = 1 << 20;

/// Waits until a node knows these as the voters.
async fn vote(cluster: &Cluster, asked: u64, expected: &[u64]) {
    let voters = async || {
        let members = cluster.status_of(asked).await?.members.into_iter();
        let voters: Vec<_> = members.filter(|member| member.voter).map(|member| member.id).collect();
        (voters == expected).then_some(())
    };
    wait::until(&format!("the voters are {expected:?}"), voters).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_learner_that_lags_gets_a_vote_when_it_has_caught_up() {
    let mut cluster = with_cut_logs(slow().set("snapshot_rate_bytes_per_s", RATE_BYTES_PER_S)).await;
    let client = cluster.client();
    create(&client, "load").await;
    let load = Writers::begin(&client, "load", 16);
    load.commit_more(COMMITS).await;
    load.finish_and_check().await;
    let new = cluster.admit(&client).await;
    cluster.start_node(new);
    has_come(&mut cluster, new, 1).await;

    let leader = cluster.status_of(1).await.expect("it answers").leader_id;
    let other = cluster.ids().into_iter().find(|id| *id != leader).expect("there are several");
    for refused in [client.promote_member(new).await.err(), client.replace_member(other, new).await.err()] {
        let refused = refused.expect("it has nothing yet");
        assert_eq!(refused.reason(), "member-behind", "{refused}");
        println!("{refused}");
    }
    vote(&cluster, leader, &[1, 2, 3]).await;
    cluster.all_serve().await;
    wait::until("it has caught up", async || client.promote_member(new).await.ok()).await;
    vote(&cluster, leader, &[1, 2, 3, new]).await;
    cluster.agree().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_change_is_under_way_another_is_refused() {
    let mut cluster = Cluster::start(ClusterOptions::new(BINARY, 3)).await;
    let client = cluster.client();
    create(&client, "shop").await;
    let leader = cluster.all_serve().await;
    let followers: Vec<_> = cluster.ids().into_iter().filter(|id| *id != leader).collect();
    let own = cluster.client_of(leader, 30_000);
    // The leader waits a second for its word, and then for its vote.
    cluster.node(followers[1]).pause();
    let (first, demotion) = (own.clone(), DemoteMemberRequest { id: followers[0], force_quorum_loss: true });
    let mut changing = JoinSet::new();
    changing.spawn(async move { first.demote_member(demotion).await });
    let refused = wait::until("another change is refused", async || {
        let refused = own.promote_member(77).await.expect_err("there is no such node");
        (refused.reason() == reason::CHANGE_UNDER_WAY).then_some(refused)
    });
    println!("{}", refused.await);
    cluster.node(followers[1]).resume();
    let first = changing.join_next().await.expect("it was begun").expect("it did not panic");
    first.expect("it is made as soon as a majority is there");

    let left: Vec<_> = cluster.ids().into_iter().filter(|id| *id != followers[0]).collect();
    cluster.all_serve().await;
    vote(&cluster, leader, &left).await;
    client.promote_member(followers[0]).await.expect("nothing is under way any more");
    vote(&cluster, leader, &[1, 2, 3]).await;
    put(&client, "shop", "price", "1").await;
    cluster.agree().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_learner_that_is_taken_out_while_its_snapshot_comes_finds_out() {
    let mut cluster = with_cut_logs(slow()).await;
    let client = cluster.client();
    let new = cluster.admit(&client).await;
    cluster.start_node(new);
    has_come(&mut cluster, new, 1 << 20).await;
    let removal = RemoveMemberRequest { id: new, force_quorum_loss: false };
    client.remove_member(removal).await.expect("it has no vote");
    let status = cluster.node(new).ended(REMOVED_LIMIT).await;
    assert_eq!(status.code(), Some(1), "it says by its exit code that it did not end in order");
    let log = cluster.node(new).log();
    let told = log.lines().last().expect("it said something");
    assert!(told.contains("removed from the cluster"), "{told}");
    put(&client, "shop", "price", "1").await;
    let another = cluster.join(&client).await;
    client.promote_member(another).await.expect("it has caught up");
    cluster.agree().await;
}
