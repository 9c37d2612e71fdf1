//! The network as openraft sees it: a client for each peer.

use std::error::Error;
use std::future::Future;
use std::iter;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::stream::{self, Stream, StreamExt};
use openraft::base::{BoxFuture, BoxStream};
use openraft::errors::{NetworkError, RPCError, ReplicationClosed, StreamingError, Unreachable};
use openraft::network::{RPCOption, RaftNetworkFactory, RaftNetworkV2};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, StreamAppendResult, TransferLeaderRequest,
    TransferLeaderResponse, VoteRequest, VoteResponse,
};
use tokio::time::timeout;
use tonic::{Code, Response, Status};

use crate::append_stream::stream_append;
use crate::heartbeat_line::HeartbeatLine;
use crate::log_adapter::LogAdapter;
use crate::peer_channel::{PeerChannels, PeerClient, PeerConnections};
use crate::peer_wire::{
    WireError, transfer_to_wire, transferred_from_wire, vote_request_to_wire, vote_response_from_wire,
};
use crate::quiet_times::Quiet;
use crate::raft_metrics::RaftMetrics;
use crate::snapshot::{Snapshot, SnapshotData};
use crate::snapshot_rate::SnapshotRate;
use crate::snapshot_send::{SendBounds, send_snapshot};
use crate::type_config::{PeerAddress, TypeConfig, Vote};

type Rpc<T> = Result<T, RPCError<TypeConfig>>;

/// Makes a client for each peer.
pub(crate) struct PeerNetwork {
    pub(crate) channels: Arc<PeerChannels>,
    /// How long a follower may owe an answer to an append.
    pub(crate) answer_timeout: Duration,
    /// Nothing is appended while it is kept.
    pub(crate) quiet: Arc<Quiet>,
    pub(crate) log: LogAdapter,
    pub(crate) snapshot_rate: Arc<SnapshotRate>,
    pub(crate) metrics: RaftMetrics,
}

/// A client for one peer.
pub(crate) struct Peer {
    id: u64,
    channels: Arc<PeerChannels>,
    answer_timeout: Duration,
    quiet: Arc<Quiet>,
    log: LogAdapter,
    snapshot_rate: Arc<SnapshotRate>,
    metrics: RaftMetrics,
    heartbeats: HeartbeatLine,
}

impl RaftNetworkFactory<TypeConfig> for PeerNetwork {
    type Network = Peer;

    async fn new_client(&mut self, target: u64, node: &PeerAddress) -> Peer {
        if let Err(error) = self.channels.to(target, node) {
            tracing::error!(%error, "a member cannot be reached");
        }
        Peer {
            id: target,
            channels: Arc::clone(&self.channels),
            answer_timeout: self.answer_timeout,
            quiet: Arc::clone(&self.quiet),
            log: self.log.clone(),
            snapshot_rate: Arc::clone(&self.snapshot_rate),
            metrics: self.metrics.clone(),
            heartbeats: HeartbeatLine::default(),
        }
    }
}

impl Peer {
    /// Asked for with every call: the engine keeps this client when the peer's address changes.
    fn connections(&self) -> Rpc<PeerConnections> {
        let unreachable = || RPCError::Unreachable(Unreachable::from_string("the peer's address is none"));
        self.channels.newest(self.id).ok_or_else(unreachable)
    }

    fn ordinary(&self) -> Rpc<PeerClient> {
        Ok(self.connections()?.ordinary)
    }
}

impl RaftNetworkV2<TypeConfig> for Peer {
    type SnapshotData = SnapshotData;

    async fn append_entries(
        &mut self,
        rpc: AppendEntriesRequest<TypeConfig>,
        _option: RPCOption,
    ) -> Rpc<AppendEntriesResponse<TypeConfig>> {
        let one = Arc::clone(&self.quiet).keep(Box::pin(stream::once(async { rpc })));
        let mut answers =
            Box::pin(stream_append(self.ordinary()?, one, self.answer_timeout, self.log.clone()));
        let answer = answers.next().await.ok_or_else(unanswered)?;
        answer.map(AppendEntriesResponse::from)
    }

    fn stream_append<'s, S>(
        &'s mut self,
        input: S,
        _option: RPCOption,
    ) -> BoxFuture<'s, Rpc<BoxStream<'s, Rpc<StreamAppendResult<TypeConfig>>>>>
    where
        S: Stream<Item = AppendEntriesRequest<TypeConfig>> + Send + Unpin + 'static,
    {
        let connections = self.connections();
        let (answer_timeout, log) = (self.answer_timeout, self.log.clone());
        // That it has ended may be seen here and asked again.
        let mut input = Arc::clone(&self.quiet).keep(input).fuse();
        Box::pin(async move {
            let connections = connections?;
            let to = self.channels.addressee(self.id, &connections);
            let client = connections.ordinary;
            let answers = async move {
                let Some(first) = input.next().await else { return stream::empty().boxed() };
                // One request alone that brings nothing is a heartbeat, or a question that is as short.
                let second = if first.entries.is_empty() { input.next().now_or_never() } else { None };
                if let Some(None) = second {
                    let beat = timeout(answer_timeout, self.heartbeats.beat(client, to, first));
                    return stream::once(beat.map(|beat| beat.unwrap_or_else(|_| Err(unanswered())))).boxed();
                }
                let begun = stream::iter(iter::once(first).chain(second.flatten()));
                stream_append(client, begun.chain(input), answer_timeout, log).boxed()
            };
            Ok(answers.flatten_stream().boxed())
        })
    }

    async fn vote(
        &mut self,
        rpc: VoteRequest<TypeConfig>,
        option: RPCOption,
    ) -> Rpc<VoteResponse<TypeConfig>> {
        let mut client = self.ordinary()?;
        let response = within(&option, client.vote(vote_request_to_wire(&rpc))).await?;
        Ok(vote_response_from_wire(response).map_err(PeerFailure::from)?)
    }

    async fn pre_vote(
        &mut self,
        rpc: VoteRequest<TypeConfig>,
        option: RPCOption,
    ) -> Rpc<VoteResponse<TypeConfig>> {
        let mut client = self.ordinary()?;
        let response = within(&option, client.pre_vote(vote_request_to_wire(&rpc))).await?;
        Ok(vote_response_from_wire(response).map_err(PeerFailure::from)?)
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: Snapshot,
        cancel: impl Future<Output = ReplicationClosed> + Send + 'static,
        option: RPCOption,
    ) -> Result<SnapshotResponse<TypeConfig>, StreamingError<TypeConfig>> {
        let client = self.connections()?.bulk;
        let bounds = SendBounds {
            rate: Arc::clone(&self.snapshot_rate),
            stall_timeout: option.hard_ttl(),
            metrics: self.metrics.clone(),
        };
        let sent = tokio::select! {
            closed = cancel => Err(closed.into()),
            sent = send_snapshot(client, vote, snapshot, bounds) => sent.map_err(StreamingError::from),
        };
        self.metrics.snapshot_sent(sent.is_ok());
        sent
    }

    async fn transfer_leader(
        &mut self,
        req: TransferLeaderRequest<TypeConfig>,
        option: RPCOption,
    ) -> Rpc<TransferLeaderResponse<TypeConfig>> {
        let mut client = self.ordinary()?;
        let response = within(&option, client.transfer_leader(transfer_to_wire(&req))).await?;
        Ok(transferred_from_wire(response, &req).map_err(PeerFailure::from)?)
    }
}

/// Waits for an answer as long as openraft does.
async fn within<T>(
    option: &RPCOption,
    call: impl Future<Output = Result<Response<T>, Status>>,
) -> Result<T, PeerFailure> {
    let answer = timeout(option.soft_ttl(), call).await;
    let response = answer.map_err(|_| PeerFailure::Unanswered)??;
    Ok(response.into_inner())
}

/// Why a peer gave no answer that can be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PeerFailure {
    /// It gave none in time.
    #[error("the peer did not answer in time")]
    Unanswered,
    /// It refused, or cannot be reached.
    #[error("{0}")]
    Refused(#[from] Status),
    /// Its answer cannot be read.
    #[error("the peer's answer cannot be read: {0}")]
    Unreadable(#[from] WireError),
}

impl PeerFailure {
    /// Whether the peer was never reached, so that it cannot have done anything.
    pub(crate) fn is_unsent(&self) -> bool {
        let Self::Refused(status) = self else { return false };
        let mut cause: Option<&(dyn Error + 'static)> = Some(status);
        while let Some(error) = cause {
            if error.is::<tonic::ConnectError>() {
                return true;
            }
            cause = error.source();
        }
        false
    }
}

impl From<PeerFailure> for RPCError<TypeConfig> {
    fn from(failure: PeerFailure) -> Self {
        match &failure {
            PeerFailure::Refused(status) if is_lasting(status.code()) => {
                Self::Unreachable(Unreachable::from_string(&failure))
            }
            _ => Self::Network(NetworkError::from_string(&failure)),
        }
    }
}

/// Whether trying again at once is of no use: the peer is away, or it is not the one that is meant.
fn is_lasting(code: Code) -> bool {
    matches!(
        code,
        Code::Unavailable | Code::FailedPrecondition | Code::InvalidArgument | Code::ResourceExhausted
    )
}

/// No answer came.
pub(crate) fn unanswered() -> RPCError<TypeConfig> {
    PeerFailure::Unanswered.into()
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};

    use conclave_proto::raft::v1::GetNodeStatusRequest;
    use tokio::net::TcpListener;

    use super::*;
    use crate::network::{Network as _, PeerService};
    use crate::peer_status::unsent;
    use crate::tcp_network::TcpNetwork;

    /// What a caller is told when the network gives this.
    async fn told(status: impl Fn() -> Status + Clone + Send + Sync + 'static) -> PeerFailure {
        let way = PeerService::new(tower::service_fn(move |_| std::future::ready(Err(status()))));
        failure_of(way).await
    }

    async fn failure_of(way: PeerService) -> PeerFailure {
        let mut client = conclave_proto::raft::v1::peer_service_client::PeerServiceClient::new(way);
        client.get_node_status(GetNodeStatusRequest {}).await.unwrap_err().into()
    }

    fn is_unreachable(failure: PeerFailure) -> bool {
        matches!(RPCError::from(failure), RPCError::Unreachable(_))
    }

    #[tokio::test]
    async fn a_network_tells_what_was_surely_not_sent() {
        let failure = told(|| unsent("nobody is there")).await;
        assert!(failure.is_unsent() && is_unreachable(failure));
        let failure = told(|| Status::unavailable("it was cut off")).await;
        assert!(!failure.is_unsent() && is_unreachable(failure));
        let failure = told(|| Status::unknown("something went wrong")).await;
        assert!(!failure.is_unsent() && !is_unreachable(failure));
    }

    #[tokio::test]
    async fn a_refused_connection_is_nothing_sent_and_one_that_ends_leaves_doubt() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let way = |address: SocketAddr| TcpNetwork.connect(1, &address.to_string()).unwrap();
        let hangs_up = async { drop(listener.accept().await.unwrap()) };
        let (failure, ()) = tokio::join!(failure_of(way(address)), hangs_up);
        assert!(!failure.is_unsent(), "{failure}");
        drop(listener);
        let failure = failure_of(way(address)).await;
        assert!(failure.is_unsent() && is_unreachable(failure));
    }
}
