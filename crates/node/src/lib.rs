//! The replicated store as a Rust API: propose, read, watch, status; the owner of every task.
//!
//! [`Node`] opens the data directory, runs consensus and serves the other nodes, until it is shut down.
//! [`NodeHandle`] is what the doors hold of it: every call may be made on any node.
//!
//! - Who belongs to the cluster is in `members/`.
//! - A write is followed in `propose.rs`, a read in `read.rs`, a watch in `watch.rs`.
//! - Leases are kept in `leases/`, waiting calls for locks are told of their grants in `locks/`.
//! - What is backed up is in `backup.rs`; how a node is made of it while none runs, in `restore.rs`.
//! - What is wrong with the node itself is in `alarms.rs`; what it concludes from the others, in `survey.rs`.
//! - What the node stands on, network and clock, is in `machine.rs`: a simulation passes in another one.
//! - Every failure of a call is a [`RequestError`]; a rejection is an answer, not a failure.
//!
//! Absent on purpose: the wire that clients speak, and the engine of consensus, which `conclave-raft` hides.

mod alarms;
mod backup;
mod blocking;
mod clock;
mod cluster_id;
mod collect;
mod ended;
mod handle;
mod integrity;
mod leases;
mod locks;
mod machine;
mod members;
mod metrics;
mod node;
mod options;
mod peer_calls;
mod propose;
mod publish;
mod read;
mod readiness;
mod request_error;
mod restore;
mod room;
mod status;
mod stores;
mod survey;
#[cfg(test)]
mod test_node;
mod watch;

pub use alarms::{Alarm, AlarmOptions, Alarms};
pub use backup::{Backup, BackupManifest, BackupPiece};
pub use clock::{Clock, SystemClock};
pub use conclave_core::cluster::AdmissionInfo;
pub use conclave_raft::{
    Applied, BoxFuture, ConsensusError, DigestPoint, MembersAnswer, MembersRefusal, MembersRequest, Network,
    NodeDisk, NodeStatus, PeerAddress, PeerListener, PeerRequest, PeerResponse, PeerRoutes, PeerService,
    Role, TcpNetwork, Token, unsent,
};
pub use conclave_storage::CheckpointFile;
pub use conclave_watch::{
    ChangeSource, Hub, Reach, WatchClosed, WatchFilter, WatchOptions, Watched, Watcher,
};
pub use handle::NodeHandle;
pub use integrity::Agreement;
pub use locks::{Attended, Place, TicketState};
pub use machine::Machine;
pub use members::{JoinOptions, KnownMembers, NotJoined};
pub use node::{Node, StartError};
pub use options::NodeOptions;
pub use read::Consistency;
pub use readiness::Readiness;
pub use request_error::RequestError;
pub use restore::{BackedUp, Restore, RestoreError, RestoreOptions, Restored};
pub use status::{ClusterStatus, Health, MemberStatus, Told};
