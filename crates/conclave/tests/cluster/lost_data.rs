//! A node that lost its data is found out also when none of the first members is left to tell it.

use std::time::Duration;

use conclave_testkit::Writers;

use crate::stage::{create, put, three};

#[tokio::test(flavor = "multi_thread")]
async fn a_first_member_is_found_out_by_those_who_came_later() {
    let mut cluster = three().await;
    let client = cluster.client();
    create(&client, "load").await;
    let new = [cluster.join(&client).await, cluster.join(&client).await];
    let client = cluster.client();
    let load = Writers::begin(&client, "load", 4);
    for (old, new) in [1, 2].into_iter().zip(new) {
        client.replace_member(old, new).await.expect("the new one has caught up");
        cluster.node(old).ended(Duration::from_secs(20)).await;
    }
    cluster.knows(3).await;
    cluster.node(3).kill();
    let data = cluster.node(3).data_dir();
    std::fs::rename(&data, data.with_extension("lost")).expect("it is ours");
    // Nodes 1 and 2, of which its settings know, are gone: it takes itself for new, until it is called.
    cluster.node(3).start();
    cluster.node(3).ended(Duration::from_secs(20)).await;
    let told = cluster.node(3).log();
    assert!(told.contains("its data was lost") && told.contains("conclave cluster replace"), "{told}");
    load.finish_and_check().await;

    std::fs::remove_dir_all(&data).expect("it is ours");
    std::fs::rename(data.with_extension("lost"), &data).expect("it is ours");
    cluster.start_node(3);
    cluster.all_serve().await;
    put(&client, "load", "after", "1").await;
    cluster.agree().await;
}
