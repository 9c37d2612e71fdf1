//! One method for each RPC of the cluster service. A change of the members asked twice has the effect of once, so
//! all of them can be tried again, but for a change of leadership to whoever; each attempt may take as long as
//! the whole call, since a change takes what it takes.

use std::sync::Arc;

use conclave_proto::cluster::v1::cluster_service_client::ClusterServiceClient;
use conclave_proto::cluster::v1::{
    AddMemberRequest, AddMemberResponse, DemoteMemberRequest, DemoteMemberResponse, GetLogLevelRequest,
    GetLogLevelResponse, GetStatusRequest, GetStatusResponse, PromoteMemberRequest, PromoteMemberResponse,
    RemoveMemberRequest, RemoveMemberResponse, ReplaceMemberRequest, ReplaceMemberResponse,
    SetLogLevelRequest, SetLogLevelResponse, TransferLeaderRequest, TransferLeaderResponse,
};
use tonic::transport::Channel;

use crate::client::Client;
use crate::error::ClientError;
use crate::options::ClientOptions;
use crate::request_id::new_request_id;
use crate::retry::Effect;

/// What every call returns.
type Answer<T> = Result<T, ClientError>;

impl Client {
    /// Asks for the state of the cluster, as one of its nodes sees it.
    pub async fn cluster_status(&self) -> Answer<GetStatusResponse> {
        let rpc = |channel, request| async move { cluster(channel).get_status(request).await };
        self.call(Effect::Read, GetStatusRequest {}, rpc).await
    }

    /// Admits a new node. The same name and address again keep their id, and get another token.
    pub async fn add_member(&self, mut request: AddMemberRequest) -> Answer<AddMemberResponse> {
        if request.request_id.is_empty() {
            request.request_id = new_request_id();
        }
        let rpc = |channel, request| async move { cluster(channel).add_member(request).await };
        self.patient().call(Effect::Change, request, rpc).await
    }

    /// Gives a learner that has caught up a vote.
    pub async fn promote_member(&self, id: u64) -> Answer<PromoteMemberResponse> {
        let rpc = |channel, request| async move { cluster(channel).promote_member(request).await };
        self.patient().call(Effect::Change, PromoteMemberRequest { id }, rpc).await
    }

    /// Takes the vote of a member.
    pub async fn demote_member(&self, request: DemoteMemberRequest) -> Answer<DemoteMemberResponse> {
        let rpc = |channel, request| async move { cluster(channel).demote_member(request).await };
        self.patient().call(Effect::Change, request, rpc).await
    }

    /// Takes a member out for ever, or takes back an admission.
    pub async fn remove_member(&self, request: RemoveMemberRequest) -> Answer<RemoveMemberResponse> {
        let rpc = |channel, request| async move { cluster(channel).remove_member(request).await };
        self.patient().call(Effect::Change, request, rpc).await
    }

    /// Puts a learner that has caught up in the place of a voter.
    pub async fn replace_member(&self, old_id: u64, new_id: u64) -> Answer<ReplaceMemberResponse> {
        let rpc = |channel, request| async move { cluster(channel).replace_member(request).await };
        self.patient().call(Effect::Change, ReplaceMemberRequest { old_id, new_id }, rpc).await
    }

    /// Hands leadership to another voter; 0: to the one that has come furthest. That is not asked for again if it
    /// may have been done: [`ClientError::is_outcome_unknown`].
    pub async fn transfer_leader(&self, to_id: u64) -> Answer<TransferLeaderResponse> {
        let rpc = |channel, request| async move { cluster(channel).transfer_leader(request).await };
        let (client, request) = (self.patient(), TransferLeaderRequest { to_id });
        match to_id {
            0 => client.call_once(request, rpc).await,
            _ => client.call(Effect::Change, request, rpc).await,
        }
    }

    /// Tells what a node logs: one of those that this client was given.
    pub async fn log_level(&self) -> Answer<GetLogLevelResponse> {
        let rpc = |channel, request| async move { cluster(channel).get_log_level(request).await };
        self.call(Effect::Read, GetLogLevelRequest {}, rpc).await
    }

    /// Has a node log more or less: one of those that this client was given. Empty: as it was started with.
    pub async fn set_log_level(&self, level: String) -> Answer<SetLogLevelResponse> {
        let rpc = |channel, request| async move { cluster(channel).set_log_level(request).await };
        self.call(Effect::Read, SetLogLevelRequest { level }, rpc).await
    }

    /// The same client, of which an attempt may take all the time of its call.
    fn patient(&self) -> Self {
        let attempt_timeout_ms = self.options.timeout_ms;
        let options = ClientOptions { attempt_timeout_ms, ..(*self.options).clone() };
        Self { nodes: Arc::clone(&self.nodes), options: Arc::new(options) }
    }
}

fn cluster(channel: Channel) -> ClusterServiceClient<Channel> {
    ClusterServiceClient::new(channel)
}
