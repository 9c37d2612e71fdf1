//! Clients of Conclave's own API that have a session: they keep it alive, or acquire and release a lock.

use std::time::Instant;

use anyhow::Context as _;
use conclave_proto::lock::v1::acquire_response::Event;
use conclave_proto::lock::v1::lock_service_client::LockServiceClient;
use conclave_proto::lock::v1::session_service_client::SessionServiceClient;
use conclave_proto::lock::v1::{
    AcquireRequest, AcquireResponse, KeepAliveRequest, KeepAliveResponse, OpenSessionRequest, ReleaseRequest,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tonic::transport::Channel;

use super::connections::Connections;
use super::is_as_it_should;
use crate::compare::drive::Operate;

/// Longer than any run: only who keeps sessions alive does so.
const TTL_MS: u64 = 600_000;
/// Renewals that may wait to be sent: one at a time is.
const RENEWALS_MAX: usize = 1;
/// What all contend for.
const LOCK: &str = "bench/lock";

async fn open_session(node: Channel) -> anyhow::Result<u64> {
    let request = OpenSessionRequest { ttl_ms: TTL_MS, ..OpenSessionRequest::default() };
    let told = SessionServiceClient::new(node).open_session(request).await?;
    Ok(told.into_inner().session.context("no session is told")?.id)
}

/// Renews its session over one stream.
#[derive(Debug)]
pub(crate) struct NativeKeeper {
    session_id: u64,
    requests: mpsc::Sender<KeepAliveRequest>,
    responses: Streaming<KeepAliveResponse>,
}

impl NativeKeeper {
    pub(crate) async fn open(connections: &Connections, number: usize) -> anyhow::Result<Self> {
        let node = connections.of_client(number).swap_remove(0);
        let session_id = open_session(node.clone()).await?;
        let (requests, receiver) = mpsc::channel(RENEWALS_MAX);
        requests.send(KeepAliveRequest { session_id }).await?;
        let told = SessionServiceClient::new(node).keep_alive(ReceiverStream::new(receiver)).await?;
        let mut keeper = Self { session_id, requests, responses: told.into_inner() };
        keeper.answer().await?;
        Ok(keeper)
    }

    async fn answer(&mut self) -> anyhow::Result<()> {
        let told = self.responses.message().await?.context("the stream has ended")?;
        is_as_it_should(told.ttl_ms > 0)
    }
}

impl Operate for NativeKeeper {
    async fn operate(&mut self, _began: Instant) -> anyhow::Result<()> {
        self.requests.send(KeepAliveRequest { session_id: self.session_id }).await?;
        self.answer().await
    }
}

/// Acquires the lock and releases it, at each node in turn.
#[derive(Debug)]
pub(crate) struct NativeLocker {
    session_id: u64,
    nodes: Vec<LockServiceClient<Channel>>,
    turn: usize,
}

impl NativeLocker {
    pub(crate) async fn open(connections: &Connections, number: usize) -> anyhow::Result<Self> {
        let nodes = connections.of_client(number);
        let session_id = open_session(nodes[0].clone()).await?;
        Ok(Self { session_id, nodes: nodes.into_iter().map(LockServiceClient::new).collect(), turn: 0 })
    }
}

impl Operate for NativeLocker {
    async fn operate(&mut self, _began: Instant) -> anyhow::Result<()> {
        self.turn = (self.turn + 1) % self.nodes.len();
        let (session_id, node) = (self.session_id, &mut self.nodes[self.turn]);
        let request = AcquireRequest { name: LOCK.into(), session_id, ..AcquireRequest::default() };
        let mut told = node.acquire(request).await?.into_inner();
        let token = granted(&mut told).await?;
        node.release(ReleaseRequest { name: LOCK.into(), session_id, token, ..Default::default() }).await?;
        Ok(())
    }
}

/// Waits for the grant; tells its token.
async fn granted(told: &mut Streaming<AcquireResponse>) -> anyhow::Result<u64> {
    loop {
        match told.message().await?.context("the call has ended without a grant")?.event {
            Some(Event::Granted(grant)) => return Ok(grant.token),
            Some(Event::Waiting(_)) => {}
            Some(Event::Lost(_)) | None => anyhow::bail!("the lock was lost before it was used"),
        }
    }
}
