//! The generated servers. They differ from those of `conclave-proto` in their codec.

/// Keys, watches, leases, members, maintenance, users and roles.
#[allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    rustdoc::all,
    clippy::all,
    clippy::pedantic
)]
pub(crate) mod etcdserverpb {
    tonic::include_proto!("etcdserverpb");
}

/// Locks.
#[allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    rustdoc::all,
    clippy::all,
    clippy::pedantic
)]
pub(crate) mod v3lockpb {
    tonic::include_proto!("v3lockpb");
}

/// Elections.
#[allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    rustdoc::all,
    clippy::all,
    clippy::pedantic
)]
pub(crate) mod v3electionpb {
    tonic::include_proto!("v3electionpb");
}
