//! Changes of the members while their leader is killed, and under load.

use std::time::Duration;

use conclave_client::ClientError;
use conclave_client::cluster::DemoteMemberRequest;
use conclave_testkit::{Follower, Writers, wait, writers};

use crate::stage::{create, three};

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
