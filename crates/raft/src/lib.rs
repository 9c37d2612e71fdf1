//! Consensus.

mod codec;
mod consensus;
mod entry;
mod errors;
mod local_node;
mod observer;
mod options;
mod type_config;

pub use codec::CodecError;
pub use consensus::{Consensus, RaftStatus};
pub use errors::{ConsensusError, PeerError, ProposeError, ReadIndexError, WaitAppliedError};
pub use local_node::{BoxFuture, LocalNode, NodeStatus, Role};
pub use observer::ApplyObserver;
pub use options::ConsensusOptions;
pub use type_config::PeerAddress;
