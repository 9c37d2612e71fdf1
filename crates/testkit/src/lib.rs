//! Clusters of real processes for tests, and the faults they must withstand.
//!
//! A [`Cluster`] starts `conclave serve` processes on loopback with data in a temporary folder, and ends all
//! of them when it is dropped. Its nodes can be killed, paused and told to stop; with [`Links`] between them
//! they can also be cut off from one another. [`Writers`] and [`Follower`] are clients that keep a record of
//! what they were told, so that a test can hold it against what the cluster says afterwards.
//!
//! | file | what |
//! |---|---|
//! | [`cluster`] | some nodes with the same settings, and the waits for what they agree on |
//! | [`node`] | one process: its settings file, its log, its signals |
//! | [`etcd`] | real etcds, to compare with |
//! | [`links`], [`connection_owner`] | proxies between the nodes, and which node a connection comes from |
//! | [`writers`] | clients that commit at once, and whether each acknowledged commit is there once |
//! | [`follower`] | a watch, and whether it saw every version once, in order |
//! | [`command_line`] | runs of the `conclave` binary as a command |
//! | [`told`], [`raw_call`] | a refusal as data; calls of bytes that no client would send |
//! | [`power`] | disks that lose what was not synced, and that can be full |
//! | [`ports`], [`wait`] | ports that nobody else takes; conditions with deadlines |
//!
//! A condition that does not come true is told by a panic, as an assertion does it.
#![allow(clippy::panic, reason = "a test is told of a failed condition by a panic")]

pub mod cluster;
pub mod command_line;
pub mod connection_owner;
pub mod etcd;
pub mod follower;
pub mod links;
pub mod node;
pub mod ports;
pub mod power;
pub mod raw_call;
pub mod told;
pub mod wait;
pub mod writers;

pub use cluster::{Cluster, ClusterOptions};
pub use command_line::{CommandLine, Ran};
pub use etcd::{EtcdCluster, EtcdMember};
pub use follower::Follower;
pub use links::{Links, Way};
pub use node::NodeProcess;
pub use ports::Port;
pub use power::{Kept, PowerDisk};
pub use told::Told;
pub use writers::Writers;
