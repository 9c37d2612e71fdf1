//! The lock service: locks are asked for, released, read and watched.

use std::sync::Arc;

use conclave_core::Outcome;
use conclave_door::{Limits, Refusal, end_of};
use conclave_mvcc::ReadMap;
use conclave_node::{Consistency, NodeHandle};
use conclave_proto::lock::v1 as wire;
use tokio::time::Instant;
use tonic::{Request, Response};

use crate::calls::{Answer, deadline};
use crate::lock_wire::{self, LockWrite, Locks, Token};
use crate::locks::{AcquireStream, LockStreams, LocksQuery, LocksStream};
use crate::servers::lock::lock_service_server::LockService;

/// Answers `conclave.lock.v1.LockService`.
pub(crate) struct LockDoor {
    node: NodeHandle,
    limits: Arc<Limits>,
    streams: LockStreams,
}

impl LockDoor {
    pub(crate) fn new(node: NodeHandle, limits: Arc<Limits>, streams: LockStreams) -> Self {
        Self { node, limits, streams }
    }
}

/// Has a change of a lock applied.
pub(crate) async fn write(
    node: &NodeHandle,
    write: LockWrite,
    deadline: Instant,
) -> Result<Outcome, Refusal> {
    Ok(node.propose(write.request_id, write.command, deadline).await??)
}

#[tonic::async_trait]
impl LockService for LockDoor {
    type AcquireStream = AcquireStream;

    async fn acquire(&self, request: Request<wire::AcquireRequest>) -> Answer<AcquireStream> {
        let deadline = deadline(&request)?;
        let end = end_of(request.metadata()).map_err(Refusal::from)?;
        let asked = lock_wire::acquire(request.into_inner(), &self.limits)?;
        Ok(Response::new(self.streams.acquire(asked, deadline, end).await?))
    }

    async fn try_acquire(
        &self,
        request: Request<wire::TryAcquireRequest>,
    ) -> Answer<wire::TryAcquireResponse> {
        let deadline = deadline(&request)?;
        let asked = lock_wire::try_acquire(request.into_inner(), &self.limits)?;
        let granted = Some(self.streams.try_acquire(asked, deadline).await?);
        Ok(Response::new(wire::TryAcquireResponse { granted }))
    }

    async fn release(&self, request: Request<wire::ReleaseRequest>) -> Answer<wire::ReleaseResponse> {
        let deadline = deadline(&request)?;
        let release = lock_wire::release(&request.into_inner(), &self.limits)?;
        let released = lock_wire::released(&write(&self.node, release, deadline).await?)?;
        Ok(Response::new(wire::ReleaseResponse { released }))
    }

    async fn get_lock(&self, request: Request<wire::GetLockRequest>) -> Answer<wire::GetLockResponse> {
        let deadline = deadline(&request)?;
        let name = lock_wire::one_lock(&request.into_inner().name, &self.limits)?;
        let read = move |view: &dyn ReadMap| lock_wire::lock_response(view, &name);
        let answer =
            self.node.read(Consistency::Linearizable, deadline, read).await.map_err(Refusal::from)?;
        Ok(Response::new(answer.map_err(Refusal::from)?))
    }

    async fn list_locks(&self, request: Request<wire::ListLocksRequest>) -> Answer<wire::ListLocksResponse> {
        let deadline = deadline(&request)?;
        let page = Locks::parse(request.into_inner(), &self.limits)?;
        let read = move |view: &dyn ReadMap| page.answer(view);
        let answer =
            self.node.read(Consistency::Linearizable, deadline, read).await.map_err(Refusal::from)?;
        Ok(Response::new(answer))
    }

    type WatchLocksStream = LocksStream;

    async fn watch_locks(&self, request: Request<wire::WatchLocksRequest>) -> Answer<LocksStream> {
        let deadline = deadline(&request)?;
        let query = LocksQuery::parse(request.into_inner(), &self.limits)?;
        Ok(Response::new(self.streams.watch(query, deadline).await?))
    }

    async fn force_release(
        &self,
        request: Request<wire::ForceReleaseRequest>,
    ) -> Answer<wire::ForceReleaseResponse> {
        let deadline = deadline(&request)?;
        let force = lock_wire::force_release(request.into_inner(), &self.limits)?;
        let released = lock_wire::released(&write(&self.node, force, deadline).await?)?;
        Ok(Response::new(wire::ForceReleaseResponse { released }))
    }

    async fn check_token(
        &self,
        request: Request<wire::CheckTokenRequest>,
    ) -> Answer<wire::CheckTokenResponse> {
        let deadline = deadline(&request)?;
        let token = Token::parse(&request.into_inner(), &self.limits)?;
        let read = move |view: &dyn ReadMap| token.answer(view);
        let answer =
            self.node.read(Consistency::Linearizable, deadline, read).await.map_err(Refusal::from)?;
        Ok(Response::new(answer))
    }
}
