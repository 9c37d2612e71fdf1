//! Compiles proto/ with protox (no protoc needed) into Rust types, clients and servers, and keeps
//! the descriptors of the client-facing packages for server reflection.

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
/// What only nodes say to each other.
const PEER_FILES: [&str; 1] = ["conclave/raft/v1/raft.proto"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={PROTO_ROOT}");
    println!("cargo:rerun-if-changed=build.rs");

    let client_facing = protox::compile(CLIENT_FILES, [PROTO_ROOT])?;
    let out_dir = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out_dir.join("client_descriptors.bin"), client_facing.encode_to_vec())?;

    let all = protox::compile(CLIENT_FILES.iter().chain(&PEER_FILES), [PROTO_ROOT])?;
    tonic_prost_build::configure().bytes(".").btree_map(".").emit_rerun_if_changed(false).compile_fds(all)?;
    Ok(())
}
