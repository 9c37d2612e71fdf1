//! Which etcd this door speaks like.

/// The version of etcd that clients are told, by which they choose what to ask for.
pub const ETCD_VERSION: &str = "3.5.21";
