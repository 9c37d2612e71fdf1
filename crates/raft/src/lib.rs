//! Consensus: one log that all nodes agree on, and the state that grows from it.
//!
//! [`Consensus`] is all that the rest of the program sees; openraft is named nowhere else. Underneath are
//! adapters, each for one of the engine's needs:
//!
//! | file | what |
//! |---|---|
//! | `log_adapter.rs` | the log: submitted at once, durable soon after, sent as it is stored |
//! | `applier.rs` | committed entries become state, a batch a write |
//! | `snapshot.rs`, `snapshot_*.rs` | the state as files, for a node that is far behind |
//! | `digest_points.rs` | digests that nodes can be compared by |
//! | `log_keeper.rs` | when a snapshot is taken, and what of the log goes then |
//! | `network.rs`, `tcp_network.rs` | how nodes reach one another and are reached |
//! | `peer_network.rs`, `append_stream.rs`, `append_pace.rs`, `peer_channel.rs`, `peers.rs` | what this node says to the others |
//! | `quiet_times.rs` | when a leader that hears no majority says nothing |
//! | `peer_server.rs` | what the others say to it |
//! | `propose.rs`, `forward.rs`, `batching.rs` | proposals: here or handed to the leader, all that wait together |
//! | `read_gate.rs`, `read_index.rs` | linearizable reads, one confirmation for all that wait |
//! | `change_members.rs`, `members.rs`, `admission.rs` | who belongs to the cluster: changes, and nodes that join |
//! | `bootstrap.rs` | whether the stores belong together; forming a cluster |
//!
//! # What is promised
//!
//! - An entry is answered when a quorum has it on disk and this node has applied it.
//! - Nothing is purged from the log that the state does not hold on disk; the log refuses it.
//! - What is damaged or lost is told and stops the node; it is never taken for empty.
//! - A peer of another cluster, or one that means another node, is refused at every call.

mod admission;
mod append_pace;
mod append_stream;
mod applier;
mod batching;
mod bootstrap;
mod change_members;
mod codec;
mod consensus;
mod digest_points;
mod durable_applied;
mod engine_config;
mod entry;
mod errors;
#[cfg(test)]
mod fake_peer;
mod follow;
mod forward;
#[cfg(test)]
mod fuzz;
mod hand_over;
mod heartbeat_line;
mod lease_wire;
mod lent;
mod local_node;
mod log_adapter;
mod log_keeper;
mod members;
mod network;
mod observer;
mod options;
mod peer_channel;
mod peer_client;
mod peer_network;
mod peer_server;
mod peer_status;
mod peer_wire;
mod peers;
mod propose;
mod quiet_times;
mod raft_metrics;
mod read_gate;
mod read_index;
mod restore;
mod snapshot;
mod snapshot_give;
mod snapshot_offer;
mod snapshot_rate;
mod snapshot_receive;
mod snapshot_send;
mod state_fetch;
mod status_wire;
#[cfg(test)]
mod storage_suite;
mod tcp_network;
mod type_config;

pub use admission::{Introduced, JoinError, introduce, join};
pub use change_members::MemberChange;
pub use codec::CodecError;
pub use consensus::{Consensus, Leading, RaftStatus};
pub use errors::{ConsensusError, PeerError, ProposeError, ReadIndexError, Stopped, WaitAppliedError};
pub use local_node::{BoxFuture, DigestPoint, KeepLeases, KeptLeases, LocalNode, NodeDisk, NodeStatus, Role};
pub use members::{JoinRequest, Joined, MembersAnswer, MembersError, MembersRefusal, MembersRequest, Token};
pub use network::{Network, PeerListener, PeerRequest, PeerResponse, PeerRoutes, PeerService};
pub use observer::{ApplyObserver, Newest};
pub use options::ConsensusOptions;
pub use peer_status::unsent;
pub use restore::{Applied, applied_of_mark, restore};
pub use state_fetch::{FetchError, StateSources, fetch_state, lacks_entries};
pub use tcp_network::{TcpNetwork, TcpPeerListener};
pub use type_config::PeerAddress;
