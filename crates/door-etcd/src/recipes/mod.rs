//! The Lock and Election services: the recipes of etcd's clients, done at the server. A lock is a key under its name and
//! the lease of whoever asks, so that clients which make the recipe themselves stand in the same line.
//!
//! `line.rs` is what both have in common, `election.rs` and `lock.rs` are the services.

mod election;
mod line;
mod lock;

pub(crate) use election::ElectionDoor;
pub(crate) use line::Lines;
pub(crate) use lock::LockDoor;
