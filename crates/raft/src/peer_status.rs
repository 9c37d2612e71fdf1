//! The statuses that peers are answered with, and those of calls that had no answer. Only peers see them; what they
//! mean to consensus is in `peer_network.rs` and `peer_client.rs`.

use std::fmt::Display;
use std::io;

use conclave_storage::StorageError;
use tonic::{ConnectError, Status};
use tower::BoxError;

use crate::peer_channel::{CLUSTER_ID_KEY, TO_NODE_KEY};
use crate::snapshot_receive::ReceiveError;

/// That a call was surely not sent, and why.
pub fn unsent(cause: impl Into<BoxError>) -> Status {
    Status::from_error(Box::new(ConnectError(cause.into())))
}

/// The connection failed: whether before a call was sent or after is among the causes.
pub(crate) fn failed(error: tonic::transport::Error) -> Status {
    Status::from_error(Box::new(error))
}

/// The caller belongs to another cluster, or does not say to which.
pub(crate) fn wrong_cluster(here: u64, called: Option<&str>) -> Status {
    Status::failed_precondition(format!(
        "this node belongs to cluster {here:016x}, the call is for {} ({CLUSTER_ID_KEY}): check the cluster's \
         name, the members and the addresses of both nodes",
        called.unwrap_or("none")
    ))
}

/// The caller means another node.
pub(crate) fn wrong_node(here: u64, called: Option<&str>) -> Status {
    Status::failed_precondition(format!(
        "this is node {here}, the call is for node {} ({TO_NODE_KEY}): check the members' addresses",
        called.unwrap_or("none")
    ))
}

/// The caller means a node that had this id before.
pub(crate) fn wrong_instance() -> Status {
    Status::failed_precondition(
        "this node has the id of another one, which it is not: it lost its data, and must come as a new node",
    )
}

/// The message cannot be read.
pub(crate) fn malformed(error: impl Display) -> Status {
    Status::invalid_argument(error.to_string())
}

/// Consensus has stopped here.
pub(crate) fn stopped(error: impl Display) -> Status {
    Status::unavailable(format!("consensus has stopped on this node: {error}"))
}

/// A snapshot is being received, or given to another node, already.
pub(crate) fn busy() -> Status {
    Status::resource_exhausted("this node is at another snapshot")
}

/// Nobody should have this node's state.
pub(crate) fn wrong_state() -> Status {
    Status::failed_precondition("this node's own state is damaged, or not that of most voters")
}

/// A snapshot cannot be made.
pub(crate) fn not_given(error: &io::Error) -> Status {
    Status::internal(format!("a snapshot cannot be made: {error}"))
}

/// A snapshot was not received.
pub(crate) fn not_received(error: &ReceiveError) -> Status {
    match error {
        ReceiveError::Wire(_) | ReceiveError::Order(_) => Status::invalid_argument(error.to_string()),
        ReceiveError::CutOff(_) => Status::aborted(error.to_string()),
        ReceiveError::Storage(StorageError::NoRoom { .. } | StorageError::Full { .. }) => {
            Status::resource_exhausted(error.to_string())
        }
        ReceiveError::Unfit(_) | ReceiveError::Storage(_) => Status::internal(error.to_string()),
    }
}

/// The node cannot tell its state.
pub(crate) fn no_state(error: impl Display) -> Status {
    Status::internal(error.to_string())
}
