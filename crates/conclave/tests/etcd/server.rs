//! A server of etcd's API: an etcd or a node of ours as a process, or three of them as one cluster, on loopback, with
//! data in a temporary folder.

use std::path::{Path, PathBuf};

use conclave_testkit::{Cluster, ClusterOptions, EtcdCluster};
use tonic::transport::Channel;

/// What the pair calls nodes of ours.
const OURS: &str = "conclave";

/// A cluster that serves etcd's API until this is dropped.
pub(crate) enum Server {
    Etcd(String, EtcdCluster),
    Ours(Cluster),
}

impl Server {
    /// Starts as many members as one cluster, of an etcd of this version or of ours, and waits until they answer.
    pub(crate) async fn start(named: &str, members: usize) -> Self {
        if named != OURS {
            return Self::Etcd(named.to_owned(), start_etcd(named, members).await);
        }
        let options = ClusterOptions::new(env!("CARGO_BIN_EXE_conclave"), members as u64);
        Self::Ours(Cluster::start(options).await)
    }

    /// What it is called.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Etcd(version, _) => format!("etcd {version}"),
            Self::Ours(_) => OURS.to_owned(),
        }
    }

    /// A channel to one of its members, counted from 0.
    pub(crate) fn channel(&self, member: usize) -> Channel {
        match self {
            Self::Etcd(_, etcd) => etcd.member(member).channel(),
            Self::Ours(cluster) => cluster.channel(member as u64 + 1),
        }
    }
}

/// The target directory.
pub(crate) fn target() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it is in the target directory")
}

/// The folder that the target directory is in: what the scripts bring lies beside it.
pub(crate) fn caches() -> &'static Path {
    target().parent().expect("the target directory is in a folder")
}

/// A program of the etcd of this version that `deploy/scripts/needs.sh etcd` has brought.
pub(crate) fn program(version: &str, name: &str) -> PathBuf {
    let program = caches().join("etcd").join(version).join(name);
    let hint = "run `deploy/scripts/needs.sh etcd`, or `make etcd`, which does";
    assert!(program.is_file(), "{name} {version} is not at {}: {hint}", program.display());
    program
}

/// Starts as many members of the etcd of this version as one cluster and waits until they answer.
pub(crate) async fn start_etcd(version: &str, members: usize) -> EtcdCluster {
    EtcdCluster::start(&program(version, "etcd"), members).await
}
