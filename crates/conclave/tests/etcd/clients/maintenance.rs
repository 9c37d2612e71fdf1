//! `endpoint`, `alarm`, `defrag`, `move-leader`, and `snapshot save` with what is done with it.

use std::collections::BTreeSet;
use std::fs;

use conclave_testkit::Cluster;
use serde_json::Value;

use super::etcdctl::{Etcdctl, VERSIONS};
use super::three;

#[tokio::test(flavor = "multi_thread")]
async fn members_tell_how_they_are_and_hand_over() {
    let mut cluster = three().await;
    for ctl in Etcdctl::of_all_versions(&cluster) {
        for whom in [&["endpoint", "health"][..], &["endpoint", "health", "--cluster"]] {
            let ran = ctl.run(whom).await;
            let told = ran.stdout + &ran.stderr;
            assert_eq!((ran.code, told.matches(" is healthy: ").count()), (Some(0), 3), "{told}");
        }
        let status = ctl.done(&["endpoint", "status"]).await;
        assert_eq!(
            (status.matches("3.5.21").count(), status.matches(", true, false,").count()),
            (3, 1),
            "{status}"
        );
        let by_urls = ctl.run(&["endpoint", "status", "--cluster"]).await;
        if ctl.version == "3.4.23" {
            // It takes the URLs of the members for names of hosts.
            assert!(by_urls.stderr.contains("PROTOCOL_ERROR"), "{by_urls:?}");
        } else {
            assert_eq!(by_urls.stdout.lines().count(), 3, "{by_urls:?}");
        }
        let hashes = ctl.done(&["endpoint", "hashkv"]).await;
        let told: BTreeSet<_> = hashes.lines().filter_map(|line| line.rsplit(", ").next()).collect();
        assert_eq!(told.len(), 1, "all have the same: {hashes}");
        assert_eq!(ctl.done(&["alarm", "list"]).await, "");
        assert_eq!(ctl.done(&["alarm", "disarm"]).await, "");
        assert_eq!(ctl.done(&["defrag"]).await.matches("Finished defragmenting").count(), 3);
    }
    for version in VERSIONS {
        let leader = cluster.all_serve().await;
        let ctl = Etcdctl::new(version, &cluster);
        let other = leader % 3 + 1;
        let moved = ctl.done(&["move-leader", &other.to_string()]).await;
        assert!(moved.contains("Leadership transferred from"), "{moved}");
        assert_eq!(cluster.all_serve().await, other);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_snapshot_saved_is_restored() {
    let mut cluster = three().await;
    let asked = cluster.node(1).client_address().to_string();
    for version in VERSIONS {
        let ctl = Etcdctl::at(version, asked.clone(), cluster.folder());
        ctl.done(&["put", "kept", version]).await;
        ctl.done(&["snapshot", "save", "saved.db"]).await;
        let verified = cluster.command_line().run(&["backup", "verify", "saved.db"]).await.done();
        assert!(verified.contains(": intact, "), "{verified}");
        ctl.done(&["put", "kept", "lost"]).await;
        restore(&mut cluster).await;
        assert_eq!(ctl.done(&["get", "kept", "--print-value-only"]).await, format!("{version}\n"));
    }
}

/// Destroys what all nodes have, and has them begin with what was saved.
async fn restore(cluster: &mut Cluster) {
    cluster.kill_all();
    let ids = cluster.ids();
    let places = ids.iter().map(|id| {
        let node = cluster.node(*id);
        fs::remove_dir_all(node.data_dir()).expect("the folder is ours");
        format!("{id}={}/http://{}", node.peer_address(), node.client_address())
    });
    let members = places.collect::<Vec<_>>().join(",");
    let first = restore_node(cluster, 1, &["--initial-cluster", &members]).await;
    // All nodes of a restore are one cluster, which the first of them made.
    let told: Value = serde_json::from_str(&first).expect("it is JSON");
    for (id, command) in [2, 3].into_iter().zip(told["other_nodes"].as_array().expect("it lists them")) {
        let command = command.as_str().expect("it is a command");
        let ours = cluster.node(1).data_dir().display().to_string();
        let its = cluster.node(id).data_dir().display().to_string();
        let words: Vec<_> =
            command.split(' ').skip(1).map(|word| if word == ours { &its } else { word }).collect();
        cluster.command_line().run(&words).await.done();
    }
    cluster.start_all();
    cluster.all_serve().await;
}

async fn restore_node(cluster: &mut Cluster, id: u64, further: &[&str]) -> String {
    let folder = cluster.node(id).data_dir().display().to_string();
    let id = id.to_string();
    let whom = ["backup", "restore", "saved.db", "--data-dir", &folder, "--node-id", &id, "--output", "json"];
    cluster.command_line().run(&[&whom, further].concat()).await.done()
}
