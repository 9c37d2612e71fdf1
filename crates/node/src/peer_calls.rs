//! What other nodes ask of this one beyond Raft: to propose for their clients, to tell its state, and to change
//! the members.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use conclave_core::Answer;
use conclave_core::cluster::{Introduction, introduction};
use conclave_raft::{
    BoxFuture, Introduced, JoinRequest, Joined, KeepLeases, KeptLeases, LocalNode, MembersAnswer,
    MembersError, MembersRequest, NodeStatus, ProposeError,
};
use tokio::time::{Instant, timeout_at};

use crate::alarms::Alarm;
use crate::handle::Shared;
use crate::leases::keep;
use crate::members::{at_leader, lead};
use crate::propose::propose_for_peer;
use crate::status::own_status;

/// This node, as its peers see it.
pub(crate) struct PeerCalls {
    pub(crate) shared: Arc<Shared>,
}

impl LocalNode for PeerCalls {
    fn propose(
        &self,
        proposal: Bytes,
        deadline: Duration,
    ) -> BoxFuture<'static, Result<Answer, ProposeError>> {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            let proposed = propose_for_peer(&shared, proposal);
            tokio::time::timeout(deadline, proposed).await.unwrap_or(Err(ProposeError::OutcomeUnknown))
        })
    }

    fn status(&self) -> BoxFuture<'_, Result<NodeStatus, String>> {
        Box::pin(async move { own_status(&self.shared).map_err(|error| error.to_string()) })
    }

    fn vouches_for_state(&self) -> bool {
        !self.shared.is_raised(Alarm::Corrupt) && self.shared.state.damage().borrow().is_none()
    }

    fn change_members(
        &self,
        request: MembersRequest,
        deadline: Duration,
    ) -> BoxFuture<'_, Result<MembersAnswer, MembersError>> {
        Box::pin(async move {
            let deadline = Instant::now() + deadline;
            let led = lead(&self.shared, &request, deadline);
            timeout_at(deadline, led).await.unwrap_or(Err(MembersError::OutcomeUnknown))
        })
    }

    fn join(&self, request: JoinRequest, deadline: Duration) -> BoxFuture<'_, Result<Joined, MembersError>> {
        Box::pin(async move {
            let request = MembersRequest::Join(request);
            match at_leader(&self.shared, &request, Instant::now() + deadline).await? {
                MembersAnswer::Joined(joined) => Ok(joined),
                _ => Err(MembersError::OutcomeUnknown),
            }
        })
    }

    fn keep_leases(&self, request: KeepLeases, deadline: Duration) -> BoxFuture<'_, Option<KeptLeases>> {
        Box::pin(async move {
            let deadline = Instant::now() + deadline;
            timeout_at(deadline, keep(&self.shared, &request, deadline)).await.ok().flatten()
        })
    }

    fn introduced(&self, who: Introduced) -> BoxFuture<'_, Introduction> {
        let Introduced { cluster_id, node_id, instance } = who;
        Box::pin(async move {
            if cluster_id != self.shared.cluster_id {
                return Introduction::Unknown;
            }
            let known = self.shared.state.read(|view| introduction(view, cluster_id, node_id, instance));
            known.unwrap_or_else(|error| {
                tracing::error!(%error, "what is known of the members cannot be read");
                Introduction::Unknown
            })
        })
    }
}
