//! Real clients of etcd, unmodified, work with three nodes.
//!
//! | files | what |
//! |---|---|
//! | `keys`, `leases`, `locks`, `members`, `maintenance`, `users`, `checks`, `mirror` | what operators do with the etcdctl of two versions, one file a group of commands |
//! | `libraries` | client libraries of Rust, Python and Node.js |
//! | `etcdctl` | etcdctl as a command and as a process that goes on |
//! | `program` | a program made with a client library, which asks for the faults that it is to stand |
//!
//! The programs are in `tests/etcd_clients`; `deploy/scripts/etcd_clients.sh` brings what they need.

mod checks;
mod etcdctl;
mod keys;
mod leases;
mod libraries;
mod locks;
mod maintenance;
mod members;
mod mirror;
mod program;
mod users;

use conclave_testkit::{Cluster, ClusterOptions};

/// Three nodes.
async fn three() -> Cluster {
    Cluster::start(ClusterOptions::new(env!("CARGO_BIN_EXE_conclave"), 3)).await
}
