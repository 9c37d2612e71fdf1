//! The etcd whose gateway ours is compared with.

use std::path::{Path, PathBuf};

use conclave_testkit::EtcdCluster;

/// The version whose gateway ours is like.
pub(crate) const VERSION: &str = "3.5.1";

/// Starts the one that `deploy/scripts/needs.sh etcd` has brought, and waits until it answers.
pub(crate) async fn start() -> EtcdCluster {
    EtcdCluster::start(&program(), 1).await
}

fn program() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it is in the target directory");
    let caches = target.parent().expect("the target directory is in a folder");
    let program = caches.join("etcd").join(VERSION).join("etcd");
    let hint = "run `deploy/scripts/needs.sh etcd`, or `make etcd`, which does";
    assert!(program.is_file(), "etcd {VERSION} is not at {}: {hint}", program.display());
    program
}
