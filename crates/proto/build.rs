//! Compiles proto/ with protox (no protoc needed) into Rust types, clients and servers, and keeps
//! the descriptors of the packages that clients see for server reflection.

use std::env;
use std::error::Error;
use std::fs;
use std::path::PathBuf;

use prost::Message as _;

/// Where the definitions lie, seen from this crate.
const PROTO_ROOT: &str = "../../proto";
/// What clients may see.
const CLIENT_FILES: [&str; 5] = [
    "conclave/config/v1/config.proto",
    "conclave/cluster/v1/cluster.proto",
    "conclave/lock/v1/sessions.proto",
    "conclave/lock/v1/locks.proto",
    "conclave/lock/v1/elections.proto",
];
/// What clients of etcd see.
const ETCD_FILES: [&str; 8] = [
    "etcd/etcdserverpb/kv.proto",
    "etcd/etcdserverpb/watch.proto",
    "etcd/etcdserverpb/lease.proto",
    "etcd/etcdserverpb/cluster.proto",
    "etcd/etcdserverpb/maintenance.proto",
    "etcd/etcdserverpb/auth.proto",
    "etcd/v3lockpb/lock.proto",
    "etcd/v3electionpb/election.proto",
];
/// What only nodes say to each other.
const PEER_FILES: [&str; 1] = ["conclave/raft/v1/raft.proto"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={PROTO_ROOT}");
    println!("cargo:rerun-if-changed=build.rs");

    write_descriptors(&CLIENT_FILES, "client_descriptors.bin")?;
    write_descriptors(&ETCD_FILES, "etcd_descriptors.bin")?;
    let all = protox::compile(CLIENT_FILES.iter().chain(&ETCD_FILES).chain(&PEER_FILES), [PROTO_ROOT])?;
    tonic_prost_build::configure().bytes(".").btree_map(".").emit_rerun_if_changed(false).compile_fds(all)?;
    Ok(())
}

fn write_descriptors(files: &[&str], name: &str) -> Result<(), Box<dyn Error>> {
    let descriptors = protox::compile(files, [PROTO_ROOT])?;
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join(name), descriptors.encode_to_vec())?;
    Ok(())
}
