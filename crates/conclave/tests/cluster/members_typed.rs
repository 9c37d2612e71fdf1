//! Changes of the members as an operator types them: what they say, their exit codes, and what they leave behind.

use std::time::Duration;

use conclave_client::cluster::{Health, Member};
use conclave_testkit::{Cluster, ClusterOptions, CommandLine, Writers, wait};

use crate::stage::{BINARY, create, items, put, three};
use crate::transfers::{has_come, slow, with_cut_logs};

/// How long a node that was removed may take to find out.
const REMOVED_LIMIT: Duration = Duration::from_secs(20);
/// So slowly a snapshot is sent that a command comes before it has arrived.
const SNAPSHOT_RATE_BYTES_PER_S: u64 = 1 << 20;
/// More entries than a member may lag and still get a vote.
const COMMITS: usize = 1_200;

async fn members(cluster: &Cluster, asked: u64) -> Vec<Member> {
    cluster.status_of(asked).await.expect("it answers").members
}

async fn voters(cluster: &Cluster, asked: u64) -> Vec<u64> {
    members(cluster, asked).await.into_iter().filter(|member| member.voter).map(|member| member.id).collect()
}

/// The leader and the two others.
async fn roles(cluster: &mut Cluster) -> (u64, u64, u64) {
    let leader = cluster.all_serve().await;
    let others: Vec<_> = cluster.ids().into_iter().filter(|id| *id != leader).collect();
    (leader, others[0], others[1])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_node_is_replaced_by_name() {
    let mut cluster = three().await;
    let (leader, dead, _) = roles(&mut cluster).await;
    cluster.node(dead).kill();
    let new = cluster.join(&cluster.client()).await;
    let cli = cluster.command_line();
    let replace = ["cluster", "replace", &dead.to_string(), "db4"];
    let ran = cli.run(&replace).await;
    assert!(ran.stderr.contains("node 4 votes in its place"), "{}", ran.stderr);
    assert_eq!(ran.done(), format!("node {dead} is out of the cluster\n"));
    assert_eq!(cli.run(&replace).await.done(), format!("node {dead} is out of the cluster\n"), "asked twice");
    let mut expected: Vec<_> = [1, 2, 3, new].into_iter().filter(|id| *id != dead).collect();
    expected.sort_unstable();
    assert_eq!(voters(&cluster, leader).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_never_was_a_member_is_not_found_and_uses_up_no_id() {
    let mut cluster = three().await;
    let client = cluster.client();
    let new = cluster.join(&client).await;
    client.promote_member(new).await.expect("it has caught up");
    let cli = cluster.command_line();
    for old in ["99", "18446744073709551615"] {
        let told = cli.run(&["cluster", "replace", old, "4"]).await.failed(3);
        assert!(told.contains(&format!("node {old} is no member")), "{told}");
        cli.run(&["cluster", "remove", old]).await.failed(3);
    }
    let added = cli.run(&["cluster", "add", "db5", "127.0.0.1:1"]).await.done();
    assert!(added.starts_with("node 5 (db5)"), "the ids go on where they were: {added}");

    // An admission is no voter that could be replaced; it stands.
    let told = cli.run(&["cluster", "replace", "db5", "db4"]).await.failed(4);
    assert!(told.contains("node 5 has no vote"), "{told}");
    let listed = cli.run(&["cluster", "members"]).await.done();
    assert!(listed.contains("db5") && listed.contains("admitted"), "{listed}");
    assert_eq!(cli.run(&["cluster", "remove", "db5"]).await.done(), "node 5 is out of the cluster\n");

    let told = cli.run(&["cluster", "demote", "db9"]).await.failed(3);
    assert!(told.contains("no member is called \"db9\"") && told.contains("cluster members"), "{told}");
    assert_eq!(cli.run(&["cluster", "demote", "db4"]).await.done(), "node 4 has no vote\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_learner_that_lags_gets_no_vote() {
    let mut cluster = with_cut_logs(slow().set("snapshot_rate_bytes_per_s", SNAPSHOT_RATE_BYTES_PER_S)).await;
    let client = cluster.client();
    create(&client, "load").await;
    let load = Writers::begin(&client, "load", 16);
    load.commit_more(COMMITS).await;
    load.finish().await;
    let id = cluster.admit(&client).await;
    cluster.start_node(id);
    has_come(&mut cluster, id, 1).await;
    let told = cluster.command_line().run(&["cluster", "promote", "db4"]).await.failed(4);
    assert!(told.contains("node 4 is ") && told.contains("entries behind"), "{told}");
    let learner = members(&cluster, 1).await.into_iter().find(|member| member.id == id);
    assert!(!learner.expect("it is listed").voter);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_changes_at_once_one_is_refused() {
    let mut cluster = three().await;
    let client = cluster.client();
    let new = cluster.join(&client).await;
    client.promote_member(new).await.expect("it has caught up");
    let (_, paused, _) = roles(&mut cluster).await;
    // Whether the others are enough is asked of this one too, which does not answer: that takes its time.
    cluster.node(paused).pause();
    let cli =
        cluster.command_line().with("CONCLAVE_ENDPOINTS", cluster.node(new).client_address().to_string());
    let demote = ["cluster", "demote", "db4"];
    let remove = ["cluster", "remove", "db4"];
    let (one, other) = tokio::join!(cli.run(&demote), cli.run(&remove));
    cluster.node(paused).resume();
    let (done, refused) = if one.code == Some(0) { (one, other) } else { (other, one) };
    assert!(done.done().starts_with("node 4 "));
    let told = refused.failed(4);
    assert!(told.contains("another change of the members is under way"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removal_by_force_that_costs_the_quorum_is_told_as_open_and_can_be_finished() {
    let mut cluster = three().await;
    let client = cluster.client();
    create(&client, "shop").await;
    let (leader, dead, well) = roles(&mut cluster).await;
    cluster.node(dead).kill();
    let cli = cluster.command_line();
    let well_id = well.to_string();
    let told = cli.run(&["cluster", "remove", &well_id]).await.failed(4);
    assert!(told.contains("--force-quorum-loss"), "{told}");
    put(&client, "shop", "price", "1").await;

    let forced = ["cluster", "remove", &well_id, "--force-quorum-loss", "--timeout", "4s"];
    let told = cli.run(&forced).await.failed(6);
    assert!(told.contains("not known whether") && told.contains("takes no writes now"), "{told}");
    assert!(!told.contains("--request-id"), "there is none: {told}");

    // With those that would be left the change is made; the same again does what is left of it.
    cluster.start_node(dead);
    let remove = ["cluster", "remove", &well_id];
    let removed = async || (cli.run(&remove).await.code == Some(0)).then_some(());
    wait::until("it is removed", removed).await;
    cluster.node(well).ended(REMOVED_LIMIT).await;
    put(&client, "shop", "price", "2").await;
    assert!(!members(&cluster, leader).await.iter().any(|member| member.id == well));
    cluster.agree().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_that_is_told_brings_the_node_in() {
    let cluster = three().await;
    let client = cluster.client();
    create(&client, "shop").await;
    put(&client, "shop", "price", "1").await;
    // Only for two ports that nobody else has.
    let mut spare = Cluster::prepare(ClusterOptions::new(BINARY, 1)).await;
    let peer = spare.node(1).peer_address().to_string();
    let clients = format!("http://{}", spare.node(1).client_address());
    let cli = cluster.command_line();
    let add = ["cluster", "add", "db4", "--address", &peer, "--client-address", &clients];
    let told = cli.run(&add).await.done();

    let typed = typed(&told);
    let mut node = CommandLine::new(BINARY.as_ref(), cluster.folder()).spawn(&typed);
    let serves = async || {
        let status = cluster.status_of(1).await?;
        let member = status.members.into_iter().find(|member| member.name == "db4")?;
        (member.health() == Health::Ok).then_some(member)
    };
    let member = wait::until("it serves", serves).await;
    assert_eq!((member.peer_address, member.client_address), (peer, clients));
    assert_eq!(cli.run(&["cluster", "promote", "db4"]).await.done(), "node 4 votes\n");
    assert_eq!(items(&spare.client_of(1, 10_000), "shop").await["price"], "1");
    node.kill().await.expect("it is our child");
}

/// What follows the name of the program in the command that was told, which goes on over lines.
fn typed(told: &str) -> Vec<&str> {
    let command = &told[told.find("conclave serve").expect("it tells how the node is started")..];
    let command = command.split("\n\n").next().unwrap_or_default();
    command.split_whitespace().filter(|word| *word != "\\").skip(1).collect()
}
