//! Nodes coming, going and changing their part, with real processes.

use std::time::Duration;

use conclave_client::cluster::{DemoteMemberRequest, Member, RemoveMemberRequest, Role};
use conclave_client::reason;
use conclave_testkit::{Cluster, Follower, Writers, writers};

use crate::stage::{create, items, put, three};
use crate::start_refused::refusal;

/// How long a node that was removed may take to find out.
const REMOVED_LIMIT: Duration = Duration::from_secs(20);

async fn member(cluster: &Cluster, asked: u64, id: u64) -> Option<Member> {
    let status = cluster.status_of(asked).await?;
    status.members.into_iter().find(|member| member.id == id)
}

fn removal(id: u64) -> RemoveMemberRequest {
    RemoveMemberRequest { id, force_quorum_loss: false }
}

/// Waits until a node that was removed has ended by itself, and tells the last line of its log.
async fn ends(cluster: &mut Cluster, id: u64) -> String {
    let status = cluster.node(id).ended(REMOVED_LIMIT).await;
    assert_eq!(status.code(), Some(1), "it says by its exit code that it did not end in order");
    cluster.node(id).log().lines().last().expect("it said something").to_owned()
}

/// The reason that a call was refused for.
fn refused<T>(outcome: Result<T, conclave_client::ClientError>) -> String {
    outcome.err().expect("it is refused").reason().to_owned()
}

async fn follower_of(cluster: &mut Cluster) -> (u64, u64) {
    let leader = cluster.all_serve().await;
    let follower = cluster.ids().into_iter().find(|id| *id != leader).expect("there are several");
    (leader, follower)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_joins_as_a_learner_serves_and_gets_a_vote() {
    let mut cluster = three().await;
    let client = cluster.client();
    let created = create(&client, "shop").await;
    put(&client, "shop", "price", "1").await;
    let id = cluster.join(&client).await;
    assert_eq!(id, 4);
    let learner = member(&cluster, 1, id).await.expect("it is listed");
    assert_eq!((learner.role(), learner.voter, learner.name.as_str()), (Role::Learner, false, "db4"));

    // It serves reads and watches of its own, and hands writes to the leader.
    let own = cluster.client_of(id, 10_000);
    assert_eq!(items(&own, "shop").await["price"], "1");
    let mut follower = Follower::begin(&own, "shop", created + 1);
    put(&own, "shop", "price", "2").await;
    let versions = writers::history(&client, "shop").await;
    follower.sees(versions[0].version).await.check(&versions, 1);

    client.promote_member(id).await.expect("it has caught up");
    client.promote_member(id).await.expect("asked twice it is the same");
    assert!(member(&cluster, 2, id).await.expect("it is listed").voter);

    // It needs no token any more.
    cluster.node(id).terminate();
    cluster.node(id).ended(Duration::from_secs(15)).await;
    cluster.node(id).unset("join");
    cluster.node(id).unset("token");
    cluster.start_node(id);
    cluster.all_serve().await;
    put(&client, "shop", "price", "3").await;
    cluster.agree().await;
    assert_eq!(items(&cluster.client_of(id, 10_000), "shop").await["price"], "3");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_removed_finds_out_and_its_id_is_not_used_again() {
    let mut cluster = three().await;
    let client = cluster.client();
    create(&client, "shop").await;
    let id = cluster.join(&client).await;
    client.promote_member(id).await.expect("it has caught up");
    client.remove_member(removal(id)).await.expect("the others are well");
    let told = ends(&mut cluster, id).await;
    assert!(told.contains("removed from the cluster"), "{told}");
    client.remove_member(removal(id)).await.expect("asked twice it is the same");
    assert_eq!(refused(client.remove_member(removal(77)).await), reason::MEMBER_NOT_FOUND);

    // With its data, without it, and without a token it is told again.
    let told = refusal(&mut cluster, id).await;
    assert!(told.contains("removed from the cluster"), "{told}");
    std::fs::remove_dir_all(cluster.node(id).data_dir()).expect("it is ours");
    let told = refusal(&mut cluster, id).await;
    assert!(told.contains("does not let this node in"), "{told}");
    assert_eq!(cluster.join(&client).await, id + 1);
    put(&client, "shop", "price", "1").await;
    cluster.agree().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_hands_over_before_it_is_removed() {
    let mut cluster = three().await;
    let client = cluster.client();
    let created = create(&client, "load").await;
    let mut follower = Follower::begin(&client, "load", created + 1);
    let load = Writers::begin(&client, "load", 8);
    load.commit_more(60).await;
    let (leader, other) = follower_of(&mut cluster).await;
    let own = cluster.client_of(leader, 30_000);
    own.remove_member(removal(leader)).await.expect("the node that goes answers itself");
    load.commit_more(60).await;
    let told = ends(&mut cluster, leader).await;
    assert!(told.contains("removed from the cluster"), "{told}");
    load.commit_more(30).await;
    load.finish_and_check().await;
    let versions = writers::history(&client, "load").await;
    follower.sees(versions[0].version).await.check(&versions, 1);
    let status = cluster.status_of(other).await.expect("it answers");
    assert!(status.members.len() == 2 && status.members.iter().all(|member| member.id != leader));
    cluster.agree().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_node_is_replaced_in_one_change() {
    let mut cluster = three().await;
    let client = cluster.client();
    create(&client, "shop").await;
    let (_, dead) = follower_of(&mut cluster).await;
    cluster.node(dead).kill();
    let new = cluster.join(&client).await;
    client.replace_member(dead, new).await.expect("the new one has caught up");
    client.replace_member(dead, new).await.expect("asked twice it is the same");
    put(&client, "shop", "price", "1").await;
    let status = cluster.status_of(new).await.expect("it answers");
    let voters: Vec<_> =
        status.members.iter().filter(|member| member.voter).map(|member| member.id).collect();
    assert!(voters.len() == 3 && voters.contains(&new) && !voters.contains(&dead), "{voters:?}");
    let told = refusal(&mut cluster, dead).await;
    assert!(told.contains("removed from the cluster"), "{told}");
    cluster.agree().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_cost_the_quorum_is_refused_unless_forced() {
    let mut cluster = three().await;
    let client = cluster.client();
    create(&client, "shop").await;
    let (leader, dead) = follower_of(&mut cluster).await;
    let well = cluster.ids().into_iter().find(|id| ![leader, dead].contains(id)).expect("there are three");
    cluster.node(dead).kill();
    assert_eq!(refused(client.remove_member(removal(well)).await), reason::QUORUM_LOSS);
    let demotion = DemoteMemberRequest { id: well, force_quorum_loss: false };
    assert_eq!(refused(client.demote_member(demotion).await), reason::QUORUM_LOSS);
    put(&client, "shop", "price", "1").await;

    // Without the dead one the two are enough, and with force also one.
    client.remove_member(removal(dead)).await.expect("two of two are well");
    let forced = DemoteMemberRequest { id: well, force_quorum_loss: true };
    client.demote_member(forced).await.expect("it is forced");
    client.demote_member(forced).await.expect("asked twice it is the same");
    put(&client, "shop", "price", "2").await;
    assert_eq!(
        refused(client.demote_member(DemoteMemberRequest { id: leader, ..forced }).await),
        "last-voter"
    );
    client.promote_member(well).await.expect("it has caught up");
    cluster.agree().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_learner_that_is_silent_gets_no_vote() {
    let mut cluster = three().await;
    let client = cluster.client();
    create(&client, "shop").await;
    let id = cluster.join(&client).await;
    cluster.node(id).kill();
    assert_eq!(refused(client.promote_member(id).await), "member-silent");
    assert_eq!(refused(client.replace_member(1, id).await), "member-silent");
    assert_eq!(refused(client.replace_member(id, 1).await), "member-not-a-voter");
    cluster.start_node(id);
    cluster.all_serve().await;
    client.promote_member(id).await.expect("it is back");
}

#[tokio::test(flavor = "multi_thread")]
async fn leadership_is_handed_to_whom_the_operator_says() {
    let mut cluster = three().await;
    let client = cluster.client();
    let (leader, heir) = follower_of(&mut cluster).await;
    let told = client.transfer_leader(heir).await.expect("it is well");
    assert_eq!(told.leader_id, heir);
    assert_eq!(cluster.all_serve().await, heir);
    let told = client.transfer_leader(0).await.expect("others are well");
    assert_ne!(told.leader_id, heir);
    assert_eq!(refused(client.transfer_leader(9).await), reason::MEMBER_NOT_FOUND);
    let learner = cluster.join(&client).await;
    assert_eq!(refused(client.transfer_leader(learner).await), "member-not-a-voter");
    assert!(cluster.ids().contains(&leader));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_member_that_lost_its_data_does_not_vote_again() {
    let mut cluster = three().await;
    let client = cluster.client();
    create(&client, "shop").await;
    put(&client, "shop", "price", "1").await;
    let (_, wiped) = follower_of(&mut cluster).await;
    cluster.knows(wiped).await;
    cluster.node(wiped).kill();
    std::fs::remove_dir_all(cluster.node(wiped).data_dir()).expect("it is ours");
    let told = refusal(&mut cluster, wiped).await;
    assert!(told.contains("data was lost") && told.contains("cluster replace"), "{told}");
    let new = cluster.join(&client).await;
    client.replace_member(wiped, new).await.expect("the new one has caught up");
    assert_eq!(items(&cluster.client_of(new, 10_000), "shop").await["price"], "1");
    cluster.agree().await;
}
