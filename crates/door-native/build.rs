//! Generates the servers of the client-facing services, over the messages of `conclave-proto` and with the
//! codec that bounds what decoding a request may cost. Clients and all messages are generated there.

use std::error::Error;

/// Where the definitions lie, seen from this crate.
const PROTO_ROOT: &str = "../../proto";
/// What clients may call.
const SERVICE_FILES: [&str; 5] = [
    "conclave/config/v1/config.proto",
    "conclave/cluster/v1/cluster.proto",
    "conclave/lock/v1/sessions.proto",
    "conclave/lock/v1/locks.proto",
    "conclave/lock/v1/elections.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={PROTO_ROOT}");
    println!("cargo:rerun-if-changed=build.rs");

    let services = protox::compile(SERVICE_FILES, [PROTO_ROOT])?;
    tonic_prost_build::configure()
        .build_client(false)
        .codec_path("conclave_door::BoundedCodec")
        .extern_path(".conclave.config.v1", "::conclave_proto::config::v1")
        .extern_path(".conclave.cluster.v1", "::conclave_proto::cluster::v1")
        .extern_path(".conclave.lock.v1", "::conclave_proto::lock::v1")
        .emit_rerun_if_changed(false)
        .compile_fds(services)?;
    Ok(())
}
