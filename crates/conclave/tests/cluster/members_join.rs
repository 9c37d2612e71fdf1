//! Nodes that are not let in, and nodes that are cut off while they join.

use std::time::Duration;

use conclave_client::cluster::{AddMemberRequest, DemoteMemberRequest, Health, RemoveMemberRequest};
use conclave_testkit::{Writers, wait};

use crate::stage::{create, items, put, three};
use crate::start_refused::refusal;

#[tokio::test(flavor = "multi_thread")]
async fn wrong_used_and_void_tokens_are_refused() {
    let mut cluster = three().await;
    let client = cluster.client();
    let id = cluster.admit(&client).await;
    let peer_address = cluster.node(id).peer_address().to_string();
    let status = cluster.status_of(2).await.expect("it answers");
    assert_eq!((status.admissions.len(), status.admissions[0].id), (1, id));

    // The same node admitted again keeps its id; the token before is void.
    let again = AddMemberRequest { name: format!("db{id}"), peer_address, ..Default::default() };
    let admitted = client.add_member(again).await.expect("it has not joined yet");
    assert_eq!(admitted.id, id);
    let told = refusal(&mut cluster, id).await;
    assert!(told.contains("the token is not one of this cluster"), "{told}");

    cluster.node(id).set("token", &admitted.token);
    cluster.start_node(id);
    cluster.all_serve().await;
    cluster.node(id).kill();
    let data = cluster.node(id).data_dir();
    std::fs::rename(&data, data.with_extension("lost")).expect("it is ours");
    let told = refusal(&mut cluster, id).await;
    assert!(told.contains("was used by another node"), "{told}");
    assert!(!data.join("identity").exists(), "it is nobody's");

    std::fs::remove_dir_all(&data).expect("it is ours");
    std::fs::rename(data.with_extension("lost"), &data).expect("it is ours");
    cluster.start_node(id);
    cluster.all_serve().await;
    assert!(cluster.status_of(1).await.expect("it answers").admissions.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn another_address_than_was_admitted_and_another_cluster_are_refused() {
    let mut cluster = three().await;
    let client = cluster.client();
    let id = cluster.admit(&client).await;
    cluster.node(id).set("peer_advertise", "127.0.0.1:9");
    let told = refusal(&mut cluster, id).await;
    assert!(told.contains("peer_advertise") && told.contains("127.0.0.1:9"), "{told}");
    cluster.node(id).unset("peer_advertise");
    cluster.node(id).set("cluster_name", "other");
    let told = refusal(&mut cluster, id).await;
    assert!(told.contains("\"other\"") && told.contains("\"conclave\""), "{told}");
    let status = cluster.status_of(1).await.expect("it answers");
    assert!(
        status.admissions.len() == 1 && status.members.len() == 3,
        "the token is not used up: {status:?}"
    );
    // Also by a node that draws another number, as one with another data directory does.
    std::fs::remove_dir_all(cluster.node(id).data_dir()).expect("it is ours");
    cluster.node(id).unset("cluster_name");
    cluster.start_node(id);
    cluster.all_serve().await;
}

/// A node that is taken out while it waits for its turn to come in stays out.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_removed_while_it_joins_stays_out() {
    let mut cluster = three().await;
    let client = cluster.client();
    let leader = cluster.all_serve().await;
    let others: Vec<_> = cluster.ids().into_iter().filter(|id| *id != leader).collect();
    let peer_address = "127.0.0.1:1";
    let new =
        AddMemberRequest { name: "db4".into(), peer_address: peer_address.into(), ..Default::default() };
    let admitted = client.add_member(new).await.expect("it is admitted");
    // While the leader waits a second for this one's word, every other change waits for its turn.
    cluster.node(others[0]).pause();
    let own = cluster.client_of(leader, 20_000);
    let demotion = DemoteMemberRequest { id: others[1], force_quorum_loss: false };
    let removal = RemoveMemberRequest { id: admitted.id, force_quorum_loss: false };
    let removing = async {
        tokio::time::sleep(Duration::from_millis(600)).await;
        own.remove_member(removal).await.map(drop).map_err(|error| error.reason().to_owned())
    };
    let joining = async {
        tokio::time::sleep(Duration::from_millis(700)).await;
        cluster.ask_in(leader, &admitted.token, peer_address).await
    };
    let (demoted, removed, joined) = tokio::join!(own.demote_member(demotion), removing, joining);
    assert_eq!(demoted.map(drop).map_err(|error| error.reason().to_owned()), Err("quorum-loss".to_owned()));
    println!("removed: {removed:?}, joined: {joined:?}");
    cluster.node(others[0]).resume();
    // On a machine that is slow the two may have come in another order: then it goes now.
    client.remove_member(removal).await.expect("it was there");
    let status = cluster.status_of(leader).await.expect("it answers");
    assert!(status.members.len() == 3 && status.admissions.is_empty(), "{status:?}");
    cluster.ask_in(leader, &admitted.token, peer_address).await.expect_err("its token is void");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_killed_while_it_joins_comes_in_as_the_same_one() {
    let mut cluster = three().await;
    let client = cluster.client();
    create(&client, "load").await;
    let load = Writers::begin(&client, "load", 4);
    load.commit_more(50).await;
    let id = cluster.admit(&client).await;
    for number in 0..4_u32 {
        cluster.start_node(id);
        let data = cluster.node(id).data_dir();
        let file = if number % 2 == 0 { "member" } else { "identity" };
        wait::until("it has begun", async || data.join(file).exists().then_some(())).await;
        cluster.node(id).kill();
    }
    cluster.start_node(id);
    cluster.all_serve().await;
    load.finish_and_check().await;
    client.promote_member(id).await.expect("it has caught up");
    cluster.agree().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_joins_by_any_member_and_while_another_is_down() {
    let mut cluster = three().await;
    let client = cluster.client();
    create(&client, "shop").await;
    put(&client, "shop", "price", "1").await;
    let leader = cluster.all_serve().await;
    let others: Vec<_> = cluster.ids().into_iter().filter(|id| *id != leader).collect();
    let id = cluster.admit(&client).await;
    cluster.node(others[0]).kill();
    let addresses = [others[0], others[1]].map(|id| cluster.node(id).peer_address().to_string());
    cluster.node(id).set("join", addresses.join(","));
    cluster.start_node(id);
    cluster.all_serve().await;
    assert_eq!(items(&cluster.client_of(id, 10_000), "shop").await["price"], "1");
    let listed = cluster.status_of(id).await.expect("it answers");
    let down = listed.members.iter().find(|member| member.id == others[0]).expect("it is listed");
    assert_eq!(down.health(), Health::Unreachable);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_brings_a_node_in_and_out() {
    let mut cluster = three().await;
    let cli = cluster.command_line();
    let id = cluster.admit(&cluster.client()).await;
    let listed = cli.run(&["cluster", "members"]).await.done();
    assert!(listed.contains("admitted") && listed.contains("db4"), "{listed}");
    cluster.start_node(id);
    cluster.all_serve().await;
    let number = id.to_string();
    assert_eq!(cli.run(&["cluster", "promote", &number]).await.done(), "node 4 votes\n");
    let status = cli.run(&["cluster", "status"]).await.done();
    assert!(status.contains("db4"), "{status}");
    assert_eq!(cli.run(&["cluster", "demote", &number]).await.done(), "node 4 has no vote\n");
    let leads = cli.run(&["cluster", "transfer-leader", "--to", "2"]).await.done();
    assert_eq!(leads, "node 2 leads\n");
    assert_eq!(cli.run(&["cluster", "remove", &number]).await.done(), "node 4 is out of the cluster\n");
    cluster.node(id).ended(Duration::from_secs(20)).await;
    let told = cli.run(&["cluster", "promote", &number]).await.failed(3);
    assert!(told.contains("node 4 is no member"), "{told}");
    let told = cli.run(&["cluster", "promote", "db4"]).await.failed(3);
    assert!(told.contains("no member is called"), "{told}");
    let told = cli.run(&["cluster", "add", "a b", "nowhere"]).await.failed(7);
    assert!(told.contains("name") && told.contains("peer_address"), "{told}");
    let added = cli.run(&["cluster", "add", "db5", "127.0.0.1:1"]).await.done();
    assert!(added.contains("conclave serve --join") && added.contains("node 5"), "{added}");
}
