//! The election service: an election is a lock, held exclusively by whoever leads.

use std::sync::Arc;

use conclave_door::{Limits, Refusal, end_of};
use conclave_mvcc::ReadMap;
use conclave_node::{Consistency, NodeHandle};
use conclave_proto::lock::v1 as wire;
use tonic::{Request, Response};

use crate::calls::{Answer, deadline};
use crate::lock_service::write;
use crate::lock_wire;
use crate::locks::{AcquireStream, LockStreams, ObserveStream};
use crate::servers::lock::election_service_server::ElectionService;

/// Answers `conclave.lock.v1.ElectionService`.
pub(crate) struct ElectionDoor {
    node: NodeHandle,
    limits: Arc<Limits>,
    streams: LockStreams,
}

impl ElectionDoor {
    pub(crate) fn new(node: NodeHandle, limits: Arc<Limits>, streams: LockStreams) -> Self {
        Self { node, limits, streams }
    }
}

#[tonic::async_trait]
impl ElectionService for ElectionDoor {
    type CampaignStream = AcquireStream;

    async fn campaign(&self, request: Request<wire::CampaignRequest>) -> Answer<AcquireStream> {
        let deadline = deadline(&request)?;
        let end = end_of(request.metadata()).map_err(Refusal::from)?;
        let asked = lock_wire::campaign(request.into_inner(), &self.limits)?;
        Ok(Response::new(self.streams.acquire(asked, deadline, end).await?))
    }

    async fn proclaim(&self, request: Request<wire::ProclaimRequest>) -> Answer<wire::ProclaimResponse> {
        let deadline = deadline(&request)?;
        let proclaim = lock_wire::proclaim(request.into_inner(), &self.limits)?;
        let outcome = write(&self.node, proclaim, deadline).await?;
        Ok(Response::new(lock_wire::metadata_set(&outcome)?))
    }

    async fn resign(&self, request: Request<wire::ResignRequest>) -> Answer<wire::ResignResponse> {
        let deadline = deadline(&request)?;
        let resign = lock_wire::resign(&request.into_inner(), &self.limits)?;
        lock_wire::released(&write(&self.node, resign, deadline).await?)?;
        Ok(Response::new(wire::ResignResponse {}))
    }

    async fn get_leader(&self, request: Request<wire::GetLeaderRequest>) -> Answer<wire::GetLeaderResponse> {
        let deadline = deadline(&request)?;
        let name = lock_wire::one_lock(&request.into_inner().name, &self.limits)?;
        let read = move |view: &dyn ReadMap| lock_wire::leader_response(view, &name);
        let answer =
            self.node.read(Consistency::Linearizable, deadline, read).await.map_err(Refusal::from)?;
        Ok(Response::new(answer.map_err(Refusal::from)?))
    }

    type ObserveStream = ObserveStream;

    async fn observe(&self, request: Request<wire::ObserveRequest>) -> Answer<ObserveStream> {
        let deadline = deadline(&request)?;
        let name = lock_wire::one_lock(&request.into_inner().name, &self.limits)?;
        Ok(Response::new(self.streams.observe(name, deadline).await?))
    }
}
