//! Generates the servers of etcd's services, over the messages of `conclave-proto` and with the codec that bounds
//! what decoding a request may cost.

use std::error::Error;

/// Where the definitions lie, seen from this crate.
const PROTO_ROOT: &str = "../../proto";
/// What clients may call.
const SERVICE_FILES: [&str; 8] = [
    "etcd/etcdserverpb/kv.proto",
    "etcd/etcdserverpb/watch.proto",
    "etcd/etcdserverpb/lease.proto",
    "etcd/etcdserverpb/cluster.proto",
    "etcd/etcdserverpb/maintenance.proto",
    "etcd/etcdserverpb/auth.proto",
    "etcd/v3lockpb/lock.proto",
    "etcd/v3electionpb/election.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={PROTO_ROOT}");
    println!("cargo:rerun-if-changed=build.rs");

    let services = protox::compile(SERVICE_FILES, [PROTO_ROOT])?;
    tonic_prost_build::configure()
        .build_client(false)
        .codec_path("crate::codec::EtcdCodec")
        .extern_path(".etcdserverpb", "::conclave_proto::etcd::etcdserverpb")
        .extern_path(".mvccpb", "::conclave_proto::etcd::mvccpb")
        .extern_path(".authpb", "::conclave_proto::etcd::authpb")
        .extern_path(".v3lockpb", "::conclave_proto::etcd::v3lockpb")
        .extern_path(".v3electionpb", "::conclave_proto::etcd::v3electionpb")
        .emit_rerun_if_changed(false)
        .compile_fds(services)?;
    Ok(())
}
