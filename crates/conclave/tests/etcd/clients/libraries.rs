//! Client libraries: keys, transactions, watches, leases, locks, elections and users, and a leader that is killed while they
//! work.

use std::io::Write as _;
use std::path::PathBuf;

use tokio::process::Command;

use super::program::{programs, run};
use crate::server::{caches, target};

/// Where `deploy/scripts/etcd_clients.sh` puts what it brings; that it must be there.
fn brought(path: &str) -> PathBuf {
    let brought = caches().join("etcd_clients").join(path);
    let hint = "run `deploy/scripts/needs.sh etcd`, or `make etcd`, which does";
    assert!(brought.exists(), "{} is not there: {hint}", brought.display());
    brought
}

/// Whether a program is on this machine; that it is not is told past the capture of tests' output.
async fn has(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().await.is_ok();
    if !found {
        let told =
            format!("\n*** SKIPPED: {program} is not on this machine: its client of etcd is not tested\n\n");
        // There is nobody else to tell it to.
        let _ = std::io::stderr().write_all(told.as_bytes());
    }
    found
}

async fn run_python(file: &str) {
    if has("python3").await {
        let mut command = Command::new(brought("python/bin/python"));
        command.arg("-B").arg(programs().join("python").join(file));
        run(command).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn etcd3_of_python() {
    run_python("with_etcd3.py").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn etcd3gw_of_python() {
    run_python("with_etcd3gw.py").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn etcd3_of_nodejs() {
    if has("node").await {
        let mut command = Command::new("node");
        command.env("NODE_PATH", brought("node/node_modules")).arg(programs().join("node/with_etcd3.js"));
        run(command).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn etcd_client_of_rust() {
    let built = target().join("debug/with-etcd-client");
    assert!(built.is_file(), "{} is not there: run `make etcd`, which builds it", built.display());
    run(Command::new(built)).await;
}
