//! The session service: sessions are opened, renewed and closed.

use std::sync::Arc;

use conclave_core::lease::{self, LeaseCommand, LeaseInfo, LeaseRejection, RevokeLease};
use conclave_core::{Command, LeaseId, Rejection, lock};
use conclave_door::{Limits, Places, Refusal};
use conclave_mvcc::ReadMap;
use conclave_node::{Consistency, NodeHandle};
use conclave_proto::lock::v1 as wire;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Streaming};

use crate::calls::{Answer, deadline, ends};
use crate::fields::made_request_id;
use crate::keep_alive::{KeepAliveStream, Renewals};
use crate::lock_wire::{self, Opening, Sessions};
use crate::servers::lock::session_service_server::SessionService;

/// Answers `conclave.lock.v1.SessionService`.
pub(crate) struct SessionDoor {
    node: NodeHandle,
    limits: Arc<Limits>,
    keep_alives: Places,
    stop: CancellationToken,
}

impl SessionDoor {
    pub(crate) fn new(node: NodeHandle, limits: Arc<Limits>, stop: CancellationToken) -> Self {
        let keep_alives = Places::new("streams of renewals", limits.keep_alive_streams_max);
        Self { node, limits, keep_alives, stop }
    }

    /// Opens a session. One that an earlier attempt opened has lived for a while: it is renewed, so that it lives for
    /// its TTL from this request on, as its caller counts.
    async fn open(&self, opening: Opening, deadline: Instant) -> Result<wire::Session, Refusal> {
        let Opening { request_id, grant, may_be_retry } = opening;
        let command = Command::Lease(LeaseCommand::Grant(grant));
        let lease = lock_wire::granted(self.node.propose(request_id, command, deadline).await??)?;
        if may_be_retry {
            self.renew(lease.id, deadline).await?;
        }
        let ttl_ms = lease.ttl_ms;
        Ok(lock_wire::session(lease, ttl_ms, 0))
    }

    /// Renews a session; tells its TTL.
    async fn renew(&self, id: LeaseId, deadline: Instant) -> Result<u64, Refusal> {
        self.node.renew(id, deadline).await?.ok_or_else(|| not_found(id))
    }

    /// Sessions as they are, with how much is left of each. One that ended meanwhile is left out.
    async fn with_time_left(
        &self,
        sessions: Vec<(LeaseInfo, u64)>,
        deadline: Instant,
    ) -> Result<Vec<wire::Session>, Refusal> {
        let ids = sessions.iter().map(|(lease, _)| lease.id).collect();
        let left = self.node.time_left(ids, deadline).await?;
        let told = sessions.into_iter().zip(left);
        let told =
            told.filter_map(|((lease, tickets), left)| Some(lock_wire::session(lease, left?, tickets)));
        Ok(told.collect())
    }
}

#[tonic::async_trait]
impl SessionService for SessionDoor {
    async fn open_session(
        &self,
        request: Request<wire::OpenSessionRequest>,
    ) -> Answer<wire::OpenSessionResponse> {
        let deadline = deadline(&request)?;
        let opening = lock_wire::open_session(request.into_inner(), &self.limits)?;
        let session = Some(self.open(opening, deadline).await?);
        Ok(Response::new(wire::OpenSessionResponse { session }))
    }

    type KeepAliveStream = KeepAliveStream;

    async fn keep_alive(
        &self,
        request: Request<Streaming<wire::KeepAliveRequest>>,
    ) -> Answer<KeepAliveStream> {
        let place = self.keep_alives.take().map_err(Refusal::from)?;
        let ends = ends(&self.node, &self.limits, &self.stop);
        let (node, limits) = (self.node.clone(), Arc::clone(&self.limits));
        let renew = move |id, deadline| {
            let node = node.clone();
            async move { node.renew(id, deadline).await }
        };
        Ok(Response::new(Renewals { limits, ends, place }.answer(request.into_inner(), renew)))
    }

    async fn renew_session(
        &self,
        request: Request<wire::RenewSessionRequest>,
    ) -> Answer<wire::RenewSessionResponse> {
        let deadline = deadline(&request)?;
        let id = lock_wire::session_id(request.into_inner().session_id, &self.limits)?;
        let ttl_ms = self.renew(id, deadline).await?;
        Ok(Response::new(wire::RenewSessionResponse { ttl_ms }))
    }

    async fn close_session(
        &self,
        request: Request<wire::CloseSessionRequest>,
    ) -> Answer<wire::CloseSessionResponse> {
        let deadline = deadline(&request)?;
        let id = lock_wire::session_id(request.into_inner().session_id, &self.limits)?;
        let command = Command::Lease(LeaseCommand::Revoke(RevokeLease { id }));
        let answer = self.node.propose(made_request_id(), command, deadline).await;
        let outcome = answer.map_err(Refusal::from)?.map_err(Refusal::from)?;
        Ok(Response::new(lock_wire::revoked(&outcome)?))
    }

    async fn get_session(
        &self,
        request: Request<wire::GetSessionRequest>,
    ) -> Answer<wire::GetSessionResponse> {
        let deadline = deadline(&request)?;
        let id = lock_wire::session_id(request.into_inner().session_id, &self.limits)?;
        let read = move |view: &dyn ReadMap| Ok((lease::get(view, id)?, lock::tickets_of(view, id)?));
        let found = self.node.read(Consistency::Linearizable, deadline, read).await.map_err(Refusal::from)?;
        let (lease, tickets) = found;
        let lease = lease.ok_or_else(|| not_found(id))?;
        let session = self.with_time_left(vec![(lease, tickets)], deadline).await?.pop();
        let session = Some(session.ok_or_else(|| not_found(id))?);
        Ok(Response::new(wire::GetSessionResponse { session }))
    }

    async fn list_sessions(
        &self,
        request: Request<wire::ListSessionsRequest>,
    ) -> Answer<wire::ListSessionsResponse> {
        let deadline = deadline(&request)?;
        let page = Sessions::parse(&request.into_inner())?;
        let read = move |view: &dyn ReadMap| page.read(view);
        let found = self.node.read(Consistency::Linearizable, deadline, read).await.map_err(Refusal::from)?;
        let (page, more) = found;
        let next_page_token = Sessions::next(page.last().map(|(lease, _)| lease.id), more);
        let sessions = self.with_time_left(page, deadline).await?;
        Ok(Response::new(wire::ListSessionsResponse { sessions, next_page_token }))
    }
}

fn not_found(id: LeaseId) -> Refusal {
    Rejection::from(LeaseRejection::NotFound { id: id.get() }).into()
}
