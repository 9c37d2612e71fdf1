//! `make-mirror` from an etcd to Conclave and back.

use conclave_testkit::{Cluster, EtcdCluster, wait};

use super::etcdctl::{Etcdctl, VERSIONS};
use super::three;
use crate::server::start_etcd;

/// Copies all from the first to the second by a mirror, and what changes while it runs.
async fn move_over(from: &Etcdctl, to: &Etcdctl, destination: &str) {
    from.done(&["put", "before", "1"]).await;
    from.done(&["put", "gone", "1"]).await;
    let mirror = from.start(&["make-mirror", "--dest-prefix", "copy/", destination]);
    arrived(to, "copy/before", "copy/before\n1\n").await;
    arrived(to, "copy/gone", "copy/gone\n1\n").await;
    from.done(&["put", "after", "2"]).await;
    from.done(&["del", "gone"]).await;
    from.done_with(&["txn"], "\nput both/1 x\nput both/2 y\n\n\n").await;
    arrived(to, "copy/gone", "").await;
    arrived(to, "copy/after", "copy/after\n2\n").await;
    arrived(to, "copy/both/2", "copy/both/2\ny\n").await;
    assert_eq!(to.done(&["get", "copy/both/1", "--print-value-only"]).await, "x\n");
    mirror.interrupt().await;
}

async fn arrived(to: &Etcdctl, key: &str, told: &str) {
    wait::until(&format!("{key} is as it should be"), async || {
        (to.done(&["get", key]).await == told).then_some(())
    })
    .await;
}

/// The three nodes and an etcd, as an etcdctl sees them.
fn both(version: &'static str, ours: &Cluster, etcd: &EtcdCluster) -> [Etcdctl; 2] {
    [ours.endpoints(), etcd.member(0).address()].map(|endpoint| Etcdctl::at(version, endpoint, ours.folder()))
}

#[tokio::test(flavor = "multi_thread")]
async fn all_moves_from_an_etcd_and_back() {
    for version in VERSIONS {
        let mut cluster = three().await;
        let etcd = start_etcd(version, 1).await;
        let [ours, etcds] = both(version, &cluster, &etcd);
        let node = cluster.node(2).client_address().to_string();
        move_over(&etcds, &ours, &node).await;
        for ctl in [&ours, &etcds] {
            ctl.done(&["del", "", "--from-key"]).await;
        }
        move_over(&ours, &etcds, &etcd.member(0).address()).await;
    }
}
