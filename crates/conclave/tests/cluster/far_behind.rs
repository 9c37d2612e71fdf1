//! A node that was away for tens of thousands of commits catches up by itself, while writes go on.

use std::time::Duration;

use conclave_testkit::{Writers, wait};
use tokio::time::Instant;

use crate::stage::{create, three};

const COMMITS: usize = 20_000;
/// Writers at once: commits share what they cost.
const WRITERS: u64 = 96;
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
