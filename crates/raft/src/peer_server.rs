//! The service for the other nodes.
//!
//! Every call is checked before it is looked at: it must name this cluster and this node. Streams end when
//! the node stops; nothing that a peer keeps open can hold the node up.

use std::sync::Arc;
use std::time::Duration;

use conclave_proto::raft::v1 as proto;
use futures::stream::{BoxStream, Stream, StreamExt};
use openraft::async_runtime::WatchReceiver as _;
use openraft::raft::AppendEntriesRequest;
use proto::admission_service_server::AdmissionServiceServer;
use proto::peer_service_server::{PeerService, PeerServiceServer};
use proto::read_index_response::Result as ReadIndexResult;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tonic::service::interceptor::InterceptedService;
use tonic::{Request, Response, Status, Streaming};

use crate::admission::AdmissionDoor;
use crate::consensus::Raft;
use crate::errors::ReadIndexError;
use crate::forward::told;
use crate::lease_wire::{kept_to_wire, request_from_wire};
use crate::local_node::LocalNode;
use crate::members::{decode_request, encode_outcome};
use crate::network::PeerRoutes;
use crate::peer_channel::{CLUSTER_ID_KEY, MESSAGE_SIZE_BYTES_MAX, TO_INSTANCE_KEY, TO_NODE_KEY};
use crate::peer_status::{
    malformed, no_state, stopped, wrong_cluster, wrong_instance, wrong_node, wrong_state,
};
use crate::peer_wire::{
    append_from_wire, appended_to_wire, transfer_from_wire, transferred_to_wire, vote_request_from_wire,
    vote_response_to_wire,
};
use crate::read_gate::ReadGate;
use crate::snapshot_give::SnapshotGiver;
use crate::snapshot_receive::SnapshotReceiver;
use crate::status_wire::status_to_wire;
use crate::type_config::TypeConfig;

/// Longest wait that a peer can ask for.
const PROPOSE_DEADLINE_MAX: Duration = Duration::from_secs(60);

/// What the service works with.
pub(crate) struct PeerServer {
    pub(crate) cluster_id: u64,
    pub(crate) node_id: u64,
    pub(crate) instance: u64,
    /// Told once a caller means another instance of this node.
    pub(crate) displaced: watch::Sender<bool>,
    pub(crate) raft: Raft,
    pub(crate) snapshots: SnapshotReceiver,
    pub(crate) giver: SnapshotGiver,
    /// Confirms that this node leads; never asks another one.
    pub(crate) leader_gate: ReadGate,
    pub(crate) local: Arc<dyn LocalNode>,
    /// Shutting down waits for it: a connection may outlive the server for a moment.
    pub(crate) _in_use: TaskTrackerToken,
    pub(crate) stop: CancellationToken,
}

impl PeerServer {
    /// What the other nodes can call.
    pub(crate) fn routes(self) -> PeerRoutes {
        let meant = Meant {
            cluster_id: self.cluster_id,
            node_id: self.node_id,
            instance: self.instance,
            displaced: self.displaced.clone(),
        };
        let admission = AdmissionServiceServer::new(AdmissionDoor { local: Arc::clone(&self.local) });
        let service = PeerServiceServer::new(self)
            .max_decoding_message_size(MESSAGE_SIZE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_SIZE_BYTES_MAX);
        let checked = InterceptedService::new(service, move |request| meant.check(request));
        PeerRoutes::new(checked).add_service(admission)
    }
}

/// Who must be meant by a call.
#[derive(Clone)]
struct Meant {
    cluster_id: u64,
    node_id: u64,
    instance: u64,
    displaced: watch::Sender<bool>,
}

impl Meant {
    /// Refuses what is not for this node.
    fn check(&self, request: Request<()>) -> Result<Request<()>, Status> {
        let text = |key| request.metadata().get(key).and_then(|value| value.to_str().ok());
        let hexadecimal = |text: &str| u64::from_str_radix(text, 16).ok();
        let (cluster, node, instance) = (text(CLUSTER_ID_KEY), text(TO_NODE_KEY), text(TO_INSTANCE_KEY));
        if cluster.and_then(hexadecimal) != Some(self.cluster_id) {
            return Err(wrong_cluster(self.cluster_id, cluster));
        }
        if node.and_then(|id| id.parse().ok()) != Some(self.node_id) {
            return Err(wrong_node(self.node_id, node));
        }
        if instance.is_some_and(|instance| hexadecimal(instance) != Some(self.instance)) {
            self.displaced.send_replace(true);
            return Err(wrong_instance());
        }
        Ok(request)
    }
}

/// The requests of a stream, up to the first that does not come or cannot be read.
fn requests(
    stream: Streaming<proto::AppendEntriesRequest>,
) -> impl Stream<Item = AppendEntriesRequest<TypeConfig>> + Send + 'static {
    futures::stream::unfold(stream, |mut stream| async move {
        match stream.message().await {
            Ok(message) => match append_from_wire(message?) {
                Ok(request) => Some((request, stream)),
                Err(error) => {
                    tracing::error!(%error, "what the leader sends cannot be read");
                    None
                }
            },
            Err(error) => {
                tracing::debug!(%error, "the leader's stream broke");
                None
            }
        }
    })
}

#[tonic::async_trait]
impl PeerService for PeerServer {
    type StreamAppendStream = BoxStream<'static, Result<proto::AppendEntriesResponse, Status>>;
    type InstallSnapshotStream = BoxStream<'static, Result<proto::InstallSnapshotResponse, Status>>;
    type FetchSnapshotStream = BoxStream<'static, Result<proto::InstallSnapshotRequest, Status>>;
    type ProposeStream = BoxStream<'static, Result<proto::ProposeResponse, Status>>;

    async fn stream_append(
        &self,
        request: Request<Streaming<proto::AppendEntriesRequest>>,
    ) -> Result<Response<Self::StreamAppendStream>, Status> {
        let requests = requests(request.into_inner()).take_until(self.stop.clone().cancelled_owned());
        let answers = self
            .raft
            .stream_append(requests)
            .map(|answer| answer.map(appended_to_wire).map_err(stopped))
            .take_until(self.stop.clone().cancelled_owned());
        Ok(Response::new(answers.boxed()))
    }

    async fn vote(
        &self,
        request: Request<proto::VoteRequest>,
    ) -> Result<Response<proto::VoteResponse>, Status> {
        let request = vote_request_from_wire(request.into_inner()).map_err(malformed)?;
        let response = self.raft.vote(request).await.map_err(stopped)?;
        Ok(Response::new(vote_response_to_wire(&response)))
    }

    async fn pre_vote(
        &self,
        request: Request<proto::VoteRequest>,
    ) -> Result<Response<proto::VoteResponse>, Status> {
        let request = vote_request_from_wire(request.into_inner()).map_err(malformed)?;
        let response = self.raft.pre_vote(request).await.map_err(stopped)?;
        Ok(Response::new(vote_response_to_wire(&response)))
    }

    async fn transfer_leader(
        &self,
        request: Request<proto::TransferLeaderRequest>,
    ) -> Result<Response<proto::TransferLeaderResponse>, Status> {
        let request = transfer_from_wire(request.into_inner()).map_err(malformed)?;
        let response = self.raft.handle_transfer_leader(request).await.map_err(stopped)?;
        Ok(Response::new(transferred_to_wire(response)))
    }

    async fn install_snapshot(
        &self,
        request: Request<Streaming<proto::InstallSnapshotRequest>>,
    ) -> Result<Response<Self::InstallSnapshotStream>, Status> {
        let answers = self.snapshots.answers(request.into_inner())?;
        Ok(Response::new(answers.take_until(self.stop.clone().cancelled_owned()).boxed()))
    }

    async fn fetch_snapshot(
        &self,
        request: Request<Streaming<proto::FetchSnapshotRequest>>,
    ) -> Result<Response<Self::FetchSnapshotStream>, Status> {
        if !self.local.vouches_for_state() {
            return Err(wrong_state());
        }
        let vote = self.raft.metrics().borrow_watched().vote;
        let messages = self.giver.give(vote, request.into_inner()).await?;
        Ok(Response::new(messages.take_until(self.stop.clone().cancelled_owned()).boxed()))
    }

    async fn read_index(
        &self,
        _request: Request<proto::ReadIndexRequest>,
    ) -> Result<Response<proto::ReadIndexResponse>, Status> {
        let result = match self.leader_gate.read_index().await {
            Ok(index) => ReadIndexResult::Index(index),
            Err(ReadIndexError::NoLeader | ReadIndexError::Deadline) => {
                let leader_id = self.raft.metrics().borrow_watched().current_leader.unwrap_or(0);
                ReadIndexResult::NotLeader(proto::NotLeader { leader_id })
            }
            Err(error @ (ReadIndexError::ShuttingDown | ReadIndexError::Fatal(_))) => {
                return Err(stopped(error));
            }
        };
        Ok(Response::new(proto::ReadIndexResponse { result: Some(result) }))
    }

    async fn propose(
        &self,
        request: Request<proto::ProposeRequest>,
    ) -> Result<Response<Self::ProposeStream>, Status> {
        let local = Arc::clone(&self.local);
        let propose = move |handed: proto::HandedCommand| {
            let deadline = Duration::from_millis(handed.deadline_ms).min(PROPOSE_DEADLINE_MAX);
            local.propose(handed.command, deadline)
        };
        let commands = request.into_inner().commands;
        let at_once = commands.len().max(1);
        let outcomes = futures::stream::iter(commands).map(propose).buffered(at_once);
        Ok(Response::new(told(outcomes).boxed()))
    }

    async fn get_node_status(
        &self,
        _request: Request<proto::GetNodeStatusRequest>,
    ) -> Result<Response<proto::GetNodeStatusResponse>, Status> {
        let status = self.local.status().await.map_err(no_state)?;
        Ok(Response::new(status_to_wire(status)))
    }

    async fn change_members(
        &self,
        request: Request<proto::ChangeMembersRequest>,
    ) -> Result<Response<proto::ChangeMembersResponse>, Status> {
        let proto::ChangeMembersRequest { request, deadline_ms } = request.into_inner();
        let request = decode_request(&request).map_err(malformed)?;
        let deadline = Duration::from_millis(deadline_ms).min(PROPOSE_DEADLINE_MAX);
        let outcome = self.local.change_members(request, deadline).await;
        Ok(Response::new(proto::ChangeMembersResponse { answer: encode_outcome(&outcome) }))
    }

    async fn keep_leases(
        &self,
        request: Request<proto::KeepLeasesRequest>,
    ) -> Result<Response<proto::KeepLeasesResponse>, Status> {
        let request = request.into_inner();
        let asked = request_from_wire(&request).ok_or_else(|| malformed("a lease has the id 0"))?;
        let deadline = Duration::from_millis(request.deadline_ms).min(PROPOSE_DEADLINE_MAX);
        Ok(Response::new(kept_to_wire(self.local.keep_leases(asked, deadline).await)))
    }
}
