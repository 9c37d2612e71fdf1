//! The command line of a real etcd, pointed at Conclave.

use std::collections::BTreeSet;
use std::path::Path;

use conclave_testkit::{Cluster, ClusterOptions};
use tokio::process::Command;

use crate::server::program;

/// Runs etcdctl; tells its output.
async fn etcdctl(cluster: &Cluster, arguments: &[&str]) -> Result<String, String> {
    let mut command = Command::new(program("3.5.1", "etcdctl"));
    command.env_clear().arg("--endpoints").arg(cluster.endpoints()).args(arguments).kill_on_drop(true);
    let output = command.output().await.expect("it can be run");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

async fn done(cluster: &Cluster, arguments: &[&str]) -> String {
    etcdctl(cluster, arguments).await.unwrap_or_else(|error| panic!("{arguments:?}: {error}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_go_on_with_etcdctl() {
    let mut cluster = Cluster::start(ClusterOptions::new(env!("CARGO_BIN_EXE_conclave"), 3)).await;
    let listed = done(&cluster, &["member", "list"]).await;
    assert_eq!(listed.matches(", started, node-").count(), 3, "{listed}");
    let healthy = etcdctl(&cluster, &["endpoint", "health"]).await;
    assert!(healthy.is_ok(), "{healthy:?}");
    let status = done(&cluster, &["endpoint", "status"]).await;
    assert_eq!(
        (status.matches("3.5.21").count(), status.matches(", true, false,").count()),
        (3, 1),
        "{status}"
    );
    let hashes = done(&cluster, &["endpoint", "hashkv"]).await;
    let told: BTreeSet<_> = hashes.lines().filter_map(|line| line.rsplit(", ").next()).collect();
    assert_eq!(told.len(), 1, "all have the same: {hashes}");
    done(&cluster, &["defrag"]).await;

    done(&cluster, &["put", "a", "1"]).await;
    let snapshot = cluster.folder().join("snap.db");
    let leader = cluster.node(1).client_address().to_string();
    let save = ["--endpoints", &leader, "snapshot", "save", &snapshot.display().to_string()];
    let output = Command::new(program("3.5.1", "etcdctl")).env_clear().args(save).output().await;
    assert!(output.is_ok_and(|output| output.status.success()), "it is saved");
    let verified = cluster.command_line().run(&["backup", "verify", "snap.db"]).await.done();
    assert!(verified.contains(": intact, ") && Path::new(&snapshot).is_file(), "{verified}");

    assert_eq!(done(&cluster, &["alarm", "list"]).await, "");
    let added =
        done(&cluster, &["member", "add", "db4", "--learner", "--peer-urls=http://127.0.0.1:1"]).await;
    assert!(added.starts_with("Member                4 added to cluster "), "{added}");
    assert!(done(&cluster, &["member", "list"]).await.contains("4, unstarted, , http://127.0.0.1:1, , true"));
    let refused = etcdctl(&cluster, &["member", "promote", "4"]).await.expect_err("it has not come");
    assert!(refused.contains("in sync with leader"), "{refused}");
    done(&cluster, &["member", "remove", "4"]).await;
    let leader = cluster.all_serve().await;
    let other = (leader % 3 + 1).to_string();
    let moved = done(&cluster, &["move-leader", &other]).await;
    assert!(moved.contains("Leadership transferred from"), "{moved}");
}
