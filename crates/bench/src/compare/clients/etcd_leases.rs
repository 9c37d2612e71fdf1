//! Clients of etcd's API that have a lease: they keep it alive, or acquire and release a lock that hangs on it.

use std::time::Instant;

use anyhow::Context as _;
use conclave_proto::etcd::etcdserverpb::lease_client::LeaseClient;
use conclave_proto::etcd::etcdserverpb::{LeaseGrantRequest, LeaseKeepAliveRequest, LeaseKeepAliveResponse};
use conclave_proto::etcd::v3lockpb::lock_client::LockClient;
use conclave_proto::etcd::v3lockpb::{LockRequest, UnlockRequest};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tonic::transport::Channel;

use super::connections::Connections;
use super::is_as_it_should;
use crate::compare::drive::Operate;

/// Longer than any run: only who keeps leases alive does so.
const TTL_S: i64 = 600;
/// Renewals that may wait to be sent: one at a time is.
const RENEWALS_MAX: usize = 1;
/// What all contend for.
const LOCK: &str = "bench-lock";

async fn grant(node: Channel) -> anyhow::Result<i64> {
    let request = LeaseGrantRequest { ttl: TTL_S, ..LeaseGrantRequest::default() };
    Ok(LeaseClient::new(node).lease_grant(request).await?.into_inner().id)
}

/// Renews its lease over one stream.
#[derive(Debug)]
pub(crate) struct EtcdKeeper {
    lease: i64,
    requests: mpsc::Sender<LeaseKeepAliveRequest>,
    responses: Streaming<LeaseKeepAliveResponse>,
}

impl EtcdKeeper {
    pub(crate) async fn open(connections: &Connections, number: usize) -> anyhow::Result<Self> {
        let node = connections.of_client(number).swap_remove(0);
        let lease = grant(node.clone()).await?;
        let (requests, receiver) = mpsc::channel(RENEWALS_MAX);
        // A server may tell nothing, not even that it takes the stream, before it is asked something.
        requests.send(LeaseKeepAliveRequest { id: lease }).await?;
        let told = LeaseClient::new(node).lease_keep_alive(ReceiverStream::new(receiver)).await?;
        let mut keeper = Self { lease, requests, responses: told.into_inner() };
        keeper.answer().await?;
        Ok(keeper)
    }

    async fn answer(&mut self) -> anyhow::Result<()> {
        let told = self.responses.message().await?.context("the stream has ended")?;
        is_as_it_should(told.ttl > 0)
    }
}

impl Operate for EtcdKeeper {
    async fn operate(&mut self, _began: Instant) -> anyhow::Result<()> {
        self.requests.send(LeaseKeepAliveRequest { id: self.lease }).await?;
        self.answer().await
    }
}

/// Acquires the lock and releases it, at each node in turn.
#[derive(Debug)]
pub(crate) struct EtcdLocker {
    lease: i64,
    nodes: Vec<LockClient<Channel>>,
    turn: usize,
}

impl EtcdLocker {
    pub(crate) async fn open(connections: &Connections, number: usize) -> anyhow::Result<Self> {
        let nodes = connections.of_client(number);
        let lease = grant(nodes[0].clone()).await?;
        Ok(Self { lease, nodes: nodes.into_iter().map(LockClient::new).collect(), turn: 0 })
    }
}

impl Operate for EtcdLocker {
    async fn operate(&mut self, _began: Instant) -> anyhow::Result<()> {
        self.turn = (self.turn + 1) % self.nodes.len();
        let node = &mut self.nodes[self.turn];
        let held = node.lock(LockRequest { name: LOCK.into(), lease: self.lease }).await?.into_inner();
        node.unlock(UnlockRequest { key: held.key }).await?;
        Ok(())
    }
}
