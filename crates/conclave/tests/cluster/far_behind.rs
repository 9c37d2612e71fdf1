//! A node that was away for tens of thousands of commits catches up by itself, while writes go on.

use std::fs;
use std::time::Duration;

use conclave_testkit::{Cluster, ClusterOptions, Writers, wait};
use tokio::time::Instant;

use crate::stage::{BINARY, create, three};

const COMMITS: usize = 20_000;
/// Writers at once: commits share what they cost.
const WRITERS: u64 = 96;
/// Few enough that the log is cut soon.
const SNAPSHOT_ENTRIES: usize = 200;
const CATCH_UP_MAX: Duration = Duration::from_secs(90);

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_missed_twenty_thousand_commits_catches_up_under_load() {
    let mut cluster = three().await;
    let client = cluster.client();
    create(&client, "load").await;
    let leader = cluster.all_serve().await;
    let away = cluster.ids().into_iter().find(|id| *id != leader).expect("there are three");
    cluster.agree().await;
    cluster.node(away).kill();

    let (load, began) = (Writers::begin(&client, "load", WRITERS), Instant::now());
    while load.acknowledged().len() < COMMITS {
        load.commit_more(500).await;
    }
    println!("{COMMITS} commits took {:?}", began.elapsed());
    let missed = load.acknowledged().last().expect("there are some").revision;
    let (began, before) = (Instant::now(), load.acknowledged().len());
    cluster.start_node(away);
    let caught_up = async || {
        let status = cluster.status_of(away).await?;
        let own = status.members.into_iter().find(|member| member.id == away)?;
        (own.revision >= missed).then_some(())
    };
    wait::within(CATCH_UP_MAX, "the node has what it missed", caught_up).await;
    let meanwhile = load.acknowledged().len() - before;
    println!("caught up {:?} after its start; meanwhile {meanwhile} more commits", began.elapsed());
    load.commit_more(200).await;
    load.finish_and_check().await;
    cluster.all_serve().await;
    cluster.agree().await;
}

/// How often a node has cut its log.
fn cuts(cluster: &mut Cluster, id: u64) -> usize {
    cluster.node(id).log().matches("the log is cut").count()
}

/// A leader may keep its log for a node that is away; a follower keeps none, and may lead later.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_missed_more_than_the_log_has_gets_a_snapshot_under_load() {
    let options = ClusterOptions::new(BINARY, 3).set("snapshot_entries", SNAPSHOT_ENTRIES);
    let mut cluster = Cluster::start(options).await;
    let client = cluster.client();
    create(&client, "load").await;
    let leader = cluster.all_serve().await;
    let followers: Vec<_> = cluster.ids().into_iter().filter(|id| *id != leader).collect();
    let (heir, away) = (followers[0], followers[1]);
    cluster.agree().await;
    cluster.node(away).kill();
    let current = cluster.node(away).data_dir().join("state/CURRENT");
    let before = fs::read(&current).expect("every node has one");
    let load = Writers::begin(&client, "load", 8);
    load.commit_more(SNAPSHOT_ENTRIES).await;
    client.transfer_leader(heir).await.expect("it is well");
    let cut_before = cuts(&mut cluster, leader);
    let cut = async || (cuts(&mut cluster, leader) >= cut_before + 2).then_some(());
    wait::until("the log is cut where nobody leads", cut).await;
    client.transfer_leader(leader).await.expect("it is well");

    cluster.start_node(away);
    load.commit_more(SNAPSHOT_ENTRIES).await;
    cluster.all_serve().await;
    load.finish_and_check().await;
    cluster.agree().await;
    assert_ne!(fs::read(&current).expect("every node has one"), before, "its state was replaced as a whole");
}
