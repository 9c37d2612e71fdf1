//! Which etcd this door speaks like.

/// The version of etcd that clients are told, by which they choose what to ask for.
pub const ETCD_VERSION: &str = "3.5.21";

/// The version that all members speak at least, which tells no patches.
pub const ETCD_CLUSTER_VERSION: &str = "3.5.0";
