//! `check perf` and `check datascale`, which end with PASS or FAIL.

use std::env;
use std::time::Duration;

use conclave_testkit::{Cluster, ClusterOptions};

use super::etcdctl::{Etcdctl, VERSIONS};

/// The program to be measured, if it is not the one under test: a release build.
const BINARY_VARIABLE: &str = "CONCLAVE_ETCD_CHECKED";

/// How long a check may take; it says itself how long it goes on.
const CHECK_LIMIT: Duration = Duration::from_secs(240);

async fn three() -> Cluster {
    let binary = env::var(BINARY_VARIABLE).unwrap_or_else(|_| env!("CARGO_BIN_EXE_conclave").to_owned());
    Cluster::start(ClusterOptions::new(&binary, 3)).await
}

async fn check(ctl: &Etcdctl, kind: &str) {
    let told = ctl.start(&["check", kind, "--load", "s"]).all_said(CHECK_LIMIT).await;
    assert!(
        told.contains("PASS") && !told.contains("FAIL"),
        "check {kind} of etcdctl {}: {told}",
        ctl.version
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute of each etcdctl, and is a measurement: `make test-etcd` runs it alone"]
async fn performance_is_enough_for_a_small_load() {
    let cluster = three().await;
    for ctl in Etcdctl::of_all_versions(&cluster) {
        check(&ctl, "perf").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "writes ten thousand keys one by one: `make test-etcd` runs it alone"]
async fn memory_stays_small_with_many_keys() {
    let mut cluster = three().await;
    // It reads the memory of the one that it is given.
    let endpoint = cluster.node(1).client_address().to_string();
    for version in VERSIONS {
        check(&Etcdctl::at(version, endpoint.clone(), cluster.folder()), "datascale").await;
    }
}
