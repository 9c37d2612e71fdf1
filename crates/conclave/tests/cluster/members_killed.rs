//! Changes of the members while their leader is killed or cut off, and under load.

use std::time::Duration;

use conclave_client::ClientError;
use conclave_client::cluster::DemoteMemberRequest;
use conclave_testkit::{Cluster, Follower, Way, Writers, wait, writers};

use crate::stage::{create, put, three, three_with_links};

/// How long a leader waits for a member to tell how it is.
const MEMBER_TIMEOUT: Duration = Duration::from_secs(1);

/// A leader that is lost between the two steps of a change leaves both sets of voters in force: the next one must
/// end it. Whatever the moment, the change is made once asked again, and nothing that was acknowledged is lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_whose_leader_is_killed_is_made_all_the_same() {
    let mut cluster = three().await;
    let client = cluster.client();
    create(&client, "load").await;
    let load = Writers::begin(&client, "load", 4);
    let id = cluster.join(&client).await;
    for round in 0..6_u64 {
        let votes = round % 2 == 0;
        let leader = cluster.all_serve().await;
        let changing = change(&client, id, votes);
        let killing = async {
            tokio::time::sleep(Duration::from_millis(3 * round)).await;
            if leader != id {
                cluster.node(leader).kill();
            }
        };
        let (first, ()) = tokio::join!(changing, killing);
        println!("round {round}: {:?}", first.map_err(|error| error.reason().to_owned()));
        cluster.start_all();
        cluster.all_serve().await;
        // The change that was cut off may still have to be ended.
        let again = async || change(&client, id, votes).await.ok();
        wait::until("the change is made", again).await;
        let status = cluster.status_of(id).await.expect("it answers");
        let member = status.members.iter().find(|member| member.id == id).expect("it is listed");
        assert_eq!(member.voter, votes, "round {round}");
    }
    load.finish_and_check().await;
    cluster.agree().await;
}

async fn change(client: &conclave_client::Client, id: u64, votes: bool) -> Result<(), ClientError> {
    if votes {
        return client.promote_member(id).await.map(drop);
    }
    client.demote_member(DemoteMemberRequest { id, force_quorum_loss: false }).await.map(drop)
}

/// A leader is lost between the two steps of a replacement, when only the voter that goes has the first one. Whoever leads
/// next ends it as a whole; asked for again it is done, and the node that goes is told.
#[tokio::test(flavor = "multi_thread")]
async fn a_replacement_whose_leader_is_killed_in_between_is_made_as_a_whole() {
    let mut cluster = three().await;
    let new = cluster.join(&cluster.client()).await;
    let leader = cluster.all_serve().await;
    let others: Vec<_> = [1, 2, 3].into_iter().filter(|id| *id != leader).collect();
    let (slow, old) = (others[0], others[1]);
    cluster.knows(old).await;
    // The leader asks those who will vote how they are, and waits for this one; the new one has answered by then.
    cluster.node(slow).pause();
    let client = cluster.client_of(old, 20_000);
    let replacing = client.replace_member(old, new);
    let losing = async {
        tokio::time::sleep(MEMBER_TIMEOUT / 2).await;
        cluster.node(new).pause();
        let begun = async || votes(&cluster, old, new).await.then_some(());
        wait::until("the node that goes has the first step", begun).await;
        cluster.node(leader).kill();
        cluster.node(slow).resume();
        cluster.node(new).resume();
    };
    let (told, ()) = tokio::join!(replacing, losing);
    let told = told.map(drop).map_err(|error| error.reason().to_owned());
    println!("the first attempt: {told:?}");
    if let Err(reason) = told {
        assert!(
            ["outcome-unknown", "unreachable"].contains(&reason.as_str()),
            "it is never told as refused: {reason}"
        );
    }

    cluster.start_node(leader);
    cluster.client().replace_member(old, new).await.expect("it is made, or was");
    let status = cluster.node(old).ended(Duration::from_secs(20)).await;
    assert_eq!(status.code(), Some(1), "it finds out that it was removed");
    cluster.all_serve().await;
    let status = cluster.status_of(new).await.expect("it answers");
    let voters: Vec<_> = status.members.iter().filter(|it| it.voter).map(|it| it.id).collect();
    assert!(voters.len() == 3 && status.members.len() == 3 && !voters.contains(&old), "{voters:?}");
    cluster.agree().await;
}

/// Whether a member has a vote, as another one sees it.
async fn votes(cluster: &Cluster, asked: u64, id: u64) -> bool {
    let status = cluster.status_of(asked).await;
    status.is_some_and(|status| status.members.iter().any(|member| member.id == id && member.voter))
}

/// What is in its log only is not made: a leader that is cut off does not say that it is, asked twice either.
#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_cut_off_tells_no_change_as_made() {
    let mut cluster = three_with_links().await;
    let client = cluster.client();
    create(&client, "shop").await;
    let learner = cluster.join(&client).await;
    let leader = cluster.all_serve().await;
    let own = cluster.client_of(leader, 600);
    cluster.links().cut(leader, Way::Silent);
    for _ in 0..2 {
        let told = own.promote_member(learner).await.map(drop).map_err(|error| error.reason().to_owned());
        println!("{told:?}");
        told.expect_err("nobody agreed to it");
    }
    let others: Vec<_> = [1, 2, 3].into_iter().filter(|id| *id != leader).collect();
    wait::until("another leader", async || {
        let status = cluster.status_of(others[0]).await?;
        others.contains(&status.leader_id).then_some(())
    })
    .await;
    put(&cluster.client_of(others[0], 10_000), "shop", "price", "1").await;
    let status = cluster.status_of(others[0]).await.expect("it answers");
    assert!(status.members.iter().any(|member| member.id == learner && !member.voter));
    cluster.links().heal();
    cluster.all_serve().await;
    client.promote_member(learner).await.expect("it has caught up");
    cluster.agree().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_first_member_is_replaced_in_turn_under_load() {
    let mut cluster = three().await;
    let first = cluster.client();
    for _ in 0..3 {
        cluster.admit(&first).await;
    }
    // It knows those that will come.
    let client = cluster.client();
    let created = create(&client, "load").await;
    let mut follower = Follower::begin(&client, "load", created + 1);
    let load = Writers::begin(&client, "load", 8);
    for (old, new) in [(1, 4), (2, 5), (3, 6)] {
        load.commit_more(60).await;
        cluster.start_node(new);
        cluster.all_serve().await;
        wait::until("it has caught up", async || client.replace_member(old, new).await.ok()).await;
        let status = cluster.node(old).ended(Duration::from_secs(20)).await;
        assert_eq!(status.code(), Some(1), "node {old} finds out that it was removed");
        load.commit_more(30).await;
    }
    let acknowledged = load.finish_and_check().await;
    let mut answered: Vec<_> = acknowledged.iter().map(|it| it.answered).collect();
    answered.sort_unstable();
    let gap = answered.windows(2).map(|pair| pair[1].duration_since(pair[0])).max();
    println!("{} commits; the longest time between two answers was {gap:?}", acknowledged.len());
    let versions = writers::history(&client, "load").await;
    follower.sees(versions[0].version).await.check(&versions, 1);
    let status = cluster.status_of(6).await.expect("it answers");
    assert_eq!(status.members.iter().map(|member| member.id).collect::<Vec<_>>(), [4, 5, 6]);
    cluster.agree().await;
}
