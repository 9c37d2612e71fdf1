//! Nodes that cannot start for want of a port or of the data directory: exit code 1, and the last line of the log
//! says why and what to do.

use std::net::TcpListener;
use std::time::Duration;

use conclave_testkit::{Cluster, ClusterOptions};

use crate::stage::{BINARY, items, one, put};

/// How long a node takes at most to find that it cannot start.
const REFUSAL_LIMIT: Duration = Duration::from_secs(20);

/// Starts a node that must end by itself, and gives the last line of its log.
pub(crate) async fn refusal(cluster: &mut Cluster, id: u64) -> String {
    cluster.start_node(id);
    let status = cluster.node(id).ended(REFUSAL_LIMIT).await;
    let log = cluster.node(id).log();
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(!log.contains("panicked"), "{log}");
    log.lines().last().expect("it said something").to_owned()
}

#[tokio::test]
async fn a_port_that_is_in_use() {
    let mut cluster = Cluster::prepare(ClusterOptions::new(BINARY, 1)).await;
    for (address, setting) in
        [(cluster.node(1).client_address(), "clients"), (cluster.node(1).peer_address(), "other nodes")]
    {
        let listener = TcpListener::bind(address).expect("it is ours");
        let told = refusal(&mut cluster, 1).await;
        assert!(told.contains(&address.to_string()) && told.contains(setting), "{told}");
        assert!(told.contains("in use"), "{told}");
        drop(listener);
    }
    cluster.start_node(1);
    cluster.all_serve().await;
}

#[tokio::test]
async fn a_data_directory_that_is_in_use() {
    let mut cluster = one().await;
    let client = cluster.client();
    crate::stage::create(&client, "shop").await;
    let data = cluster.node(1).data_dir();
    let mut other = Cluster::prepare(ClusterOptions::new(BINARY, 1)).await;
    other.node(1).set("data_dir", data.display());
    let told = refusal(&mut other, 1).await;
    assert!(told.contains(&data.display().to_string()) && told.contains("use"), "{told}");
    put(&client, "shop", "price", "1").await;
    assert_eq!(items(&client, "shop").await.len(), 1, "the node that has it goes on");
}

#[tokio::test]
async fn a_data_directory_that_cannot_be_made() {
    let mut cluster = Cluster::prepare(ClusterOptions::new(BINARY, 1)).await;
    let file = cluster.folder().join("file");
    std::fs::write(&file, "no folder").expect("the folder is ours");
    let below = file.join("data");
    cluster.node(1).set("data_dir", below.display());
    let told = refusal(&mut cluster, 1).await;
    assert!(told.contains(&below.display().to_string()), "{told}");
}
