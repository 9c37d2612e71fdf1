//! The generated servers. They differ from those of `conclave-proto` in their codec.
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    rustdoc::all,
    clippy::all,
    clippy::pedantic
)]

/// Keys, watches, leases, members, maintenance, users and roles.
pub(crate) mod etcdserverpb {
    tonic::include_proto!("etcdserverpb");
}

/// Locks.
pub(crate) mod v3lockpb {
    tonic::include_proto!("v3lockpb");
}

/// Elections.
pub(crate) mod v3electionpb {
    tonic::include_proto!("v3electionpb");
}
