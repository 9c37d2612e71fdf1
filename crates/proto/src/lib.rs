//! Types generated from proto/, and nothing else: messages, clients and servers of the packages
//! `conclave.config.v1`, `conclave.lock.v1`, `conclave.cluster.v1` (for clients) and `conclave.raft.v1` (between nodes),
//! and of etcd's packages (for clients of etcd).
//!
//! `bytes` fields are [`bytes::Bytes`](prost::bytes::Bytes), and maps are ordered maps, so that one
//! message always encodes to the same bytes. The definitions in proto/ are the documentation.

/// Configuration, for clients.
pub mod config {
    /// Version 1 of the package.
    #[allow(
        missing_docs,
        unreachable_pub,
        unused_qualifications,
        rustdoc::all,
        clippy::all,
        clippy::pedantic
    )]
    pub mod v1 {
        tonic::include_proto!("conclave.config.v1");
    }
}

/// Sessions, locks and elections, for workers.
pub mod lock {
    /// Version 1 of the package.
    #[allow(
        missing_docs,
        unreachable_pub,
        unused_qualifications,
        rustdoc::all,
        clippy::all,
        clippy::pedantic
    )]
    pub mod v1 {
        tonic::include_proto!("conclave.lock.v1");
    }
}

/// The cluster itself, for operators.
pub mod cluster {
    /// Version 1 of the package.
    #[allow(
        missing_docs,
        unreachable_pub,
        unused_qualifications,
        rustdoc::all,
        clippy::all,
        clippy::pedantic
    )]
    pub mod v1 {
        tonic::include_proto!("conclave.cluster.v1");
    }
}

/// What clients of etcd say: the packages of etcd 3.7, of which those of 3.5 and 3.6 are a part. Messages that no
/// call carries are absent.
pub mod etcd {
    /// Keys, watches, leases, members, maintenance, users and roles.
    #[allow(
        missing_docs,
        unreachable_pub,
        unused_qualifications,
        rustdoc::all,
        clippy::all,
        clippy::pedantic
    )]
    pub mod etcdserverpb {
        tonic::include_proto!("etcdserverpb");
    }
    /// A key and its changes.
    #[allow(
        missing_docs,
        unreachable_pub,
        unused_qualifications,
        rustdoc::all,
        clippy::all,
        clippy::pedantic
    )]
    pub mod mvccpb {
        tonic::include_proto!("mvccpb");
    }
    /// What users and roles are made of.
    #[allow(
        missing_docs,
        unreachable_pub,
        unused_qualifications,
        rustdoc::all,
        clippy::all,
        clippy::pedantic
    )]
    pub mod authpb {
        tonic::include_proto!("authpb");
    }
    /// Locks.
    #[allow(
        missing_docs,
        unreachable_pub,
        unused_qualifications,
        rustdoc::all,
        clippy::all,
        clippy::pedantic
    )]
    pub mod v3lockpb {
        tonic::include_proto!("v3lockpb");
    }
    /// Elections.
    #[allow(
        missing_docs,
        unreachable_pub,
        unused_qualifications,
        rustdoc::all,
        clippy::all,
        clippy::pedantic
    )]
    pub mod v3electionpb {
        tonic::include_proto!("v3electionpb");
    }
}

/// What nodes say to each other.
pub mod raft {
    /// Version 1 of the package.
    #[allow(
        missing_docs,
        unreachable_pub,
        unused_qualifications,
        rustdoc::all,
        clippy::all,
        clippy::pedantic
    )]
    pub mod v1 {
        tonic::include_proto!("conclave.raft.v1");
    }
}

/// The encoded `FileDescriptorSet` of the client-facing packages, for server reflection. The peer
/// protocol is deliberately absent.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/client_descriptors.bin"));

/// The same of etcd's packages.
pub const ETCD_FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/etcd_descriptors.bin"));
