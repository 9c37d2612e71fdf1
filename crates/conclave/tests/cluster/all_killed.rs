//! kill -9 of all nodes, as a power failure of the whole site: after the restart all nodes have the same
//! digest, and all that was acknowledged is there.

use conclave_testkit::{Follower, Writers, writers};
use tokio::time::Instant;

use crate::stage::{GAP_MAX, create, items, put, three};

#[tokio::test(flavor = "multi_thread")]
async fn all_nodes_are_killed_under_load() {
    let mut cluster = three().await;
    let client = cluster.client();
    let created = create(&client, "load").await;
    let mut follower = Follower::begin(&client, "load", created + 1);
    let load = Writers::begin(&client, "load", 8);
    for round in 1..=2 {
        load.commit_more(150).await;
        cluster.kill_all();
        let killed = Instant::now();
        cluster.start_all();
        let gap = load.next_after(killed, GAP_MAX * 2).await;
        println!("round {round}: all killed and started; the next write was acknowledged after {gap:?}");
        cluster.all_serve().await;
    }
    load.finish_and_check().await;
    let versions = writers::history(&client, "load").await;
    follower.sees(versions[0].version).await.check(&versions, 1);
    cluster.agree().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_last_is_there_after_the_power_came_back() {
    let mut cluster = three().await;
    let client = cluster.client();
    create(&client, "site").await;
    for number in 1..=20 {
        put(&client, "site", "n", &number.to_string()).await;
        if number % 5 == 0 {
            // No time between the answer and the end: what was acknowledged is on the disks already.
            cluster.kill_all();
            cluster.start_all();
            assert_eq!(items(&client, "site").await["n"], number.to_string());
        }
    }
    let before = cluster.agree().await;
    cluster.kill_all();
    cluster.start_all();
    cluster.all_serve().await;
    let after = cluster.agree().await;
    assert_eq!(after.revision, before.revision, "a restart makes no revision");
}
