//! kill -9 of the leader while eight writers commit: nothing acknowledged is lost, nothing is applied twice,
//! writes go on, and a watcher that follows through it sees every version once, in order.

use conclave_testkit::{Follower, Writers, writers};
use tokio::time::Instant;

use crate::stage::{GAP_MAX, create, three};

const ROUNDS: u32 = 3;

#[tokio::test(flavor = "multi_thread")]
async fn the_leader_is_killed_again_and_again_under_load() {
    let mut cluster = three().await;
    let client = cluster.client();
    let created = create(&client, "load").await;
    let mut follower = Follower::begin(&client, "load", created + 1);
    let load = Writers::begin(&client, "load", 8);
    for round in 1..=ROUNDS {
        load.commit_more(100).await;
        let leader = cluster.leader().await;
        let killed = Instant::now();
        cluster.node(leader).kill();
        let gap = load.next_after(killed, GAP_MAX).await;
        println!("round {round}: leader {leader} killed; the next write was acknowledged after {gap:?}");
        load.commit_more(50).await;
        cluster.start_node(leader);
        cluster.all_serve().await;
    }
    let acknowledged = load.finish_and_check().await;
    println!("{} commits were acknowledged", acknowledged.len());

    let versions = writers::history(&client, "load").await;
    let seen = follower.sees(versions[0].version).await;
    seen.check(&versions, 1);
    println!("the watch saw {} versions over {} interruptions", seen.versions.len(), seen.interruptions);
    cluster.agree().await;
}
