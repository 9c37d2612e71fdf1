//! What other nodes ask of this one beyond Raft: to propose for their clients, and to tell its state.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use conclave_core::Answer;
use conclave_raft::{BoxFuture, LocalNode, NodeStatus, ProposeError};

use crate::handle::Shared;
use crate::propose::propose_for_peer;
use crate::status::own_status;

/// This node, as its peers see it.
pub(crate) struct PeerCalls {
    pub(crate) shared: Arc<Shared>,
}

impl LocalNode for PeerCalls {
    fn propose(&self, proposal: Bytes, deadline: Duration) -> BoxFuture<'_, Result<Answer, ProposeError>> {
        Box::pin(async move {
            let proposed = propose_for_peer(&self.shared, &proposal);
            tokio::time::timeout(deadline, proposed).await.unwrap_or(Err(ProposeError::OutcomeUnknown))
        })
    }

    fn status(&self) -> BoxFuture<'_, Result<NodeStatus, String>> {
        Box::pin(async move { own_status(&self.shared).map_err(|error| error.to_string()) })
    }
}
