//! Requests that can be sent as they are: each knows its call, and where in it revisions are.

use std::fmt::Debug;

use conclave_proto::etcd::etcdserverpb as pb;
use conclave_proto::etcd::v3electionpb as election;
use conclave_proto::etcd::v3lockpb as lock;
use election::election_client::ElectionClient;
use lock::lock_client::LockClient;
use pb::auth_client::AuthClient;
use pb::cluster_client::ClusterClient;
use pb::compare::TargetUnion;
use pb::kv_client::KvClient;
use pb::lease_client::LeaseClient;
use pb::maintenance_client::MaintenanceClient;
use pb::request_op::Request;
use tonic::transport::Channel;
use tonic::{Response, Status};

use crate::masks::Masked;

/// A request of one answer.
pub(crate) trait Call: Clone + Debug + Shifted {
    /// Its answer.
    type Told: Masked;

    /// Sends it.
    fn send(self, channel: Channel) -> impl Future<Output = Result<Response<Self::Told>, Status>> + Send;
}

/// A request whose revisions are those of a new store.
pub(crate) trait Shifted {
    /// Makes them those of a store that is ahead by so many.
    fn shift(&mut self, _ahead: i64) {}
}

macro_rules! calls {
    ($($client:ident . $method:ident ($request:ty) -> $told:ty;)*) => {$(
        impl Call for $request {
            type Told = $told;

            async fn send(self, channel: Channel) -> Result<Response<Self::Told>, Status> {
                $client::new(channel).$method(self).await
            }
        }
    )*};
}

calls! {
    KvClient.range(pb::RangeRequest) -> pb::RangeResponse;
    KvClient.put(pb::PutRequest) -> pb::PutResponse;
    KvClient.delete_range(pb::DeleteRangeRequest) -> pb::DeleteRangeResponse;
    KvClient.txn(pb::TxnRequest) -> pb::TxnResponse;
    KvClient.compact(pb::CompactionRequest) -> pb::CompactionResponse;
    LeaseClient.lease_grant(pb::LeaseGrantRequest) -> pb::LeaseGrantResponse;
    LeaseClient.lease_revoke(pb::LeaseRevokeRequest) -> pb::LeaseRevokeResponse;
    LeaseClient.lease_time_to_live(pb::LeaseTimeToLiveRequest) -> pb::LeaseTimeToLiveResponse;
    LeaseClient.lease_leases(pb::LeaseLeasesRequest) -> pb::LeaseLeasesResponse;
    ClusterClient.member_list(pb::MemberListRequest) -> pb::MemberListResponse;
    ClusterClient.member_add(pb::MemberAddRequest) -> pb::MemberAddResponse;
    ClusterClient.member_remove(pb::MemberRemoveRequest) -> pb::MemberRemoveResponse;
    ClusterClient.member_update(pb::MemberUpdateRequest) -> pb::MemberUpdateResponse;
    ClusterClient.member_promote(pb::MemberPromoteRequest) -> pb::MemberPromoteResponse;
    MaintenanceClient.alarm(pb::AlarmRequest) -> pb::AlarmResponse;
    MaintenanceClient.hash(pb::HashRequest) -> pb::HashResponse;
    MaintenanceClient.downgrade(pb::DowngradeRequest) -> pb::DowngradeResponse;
    MaintenanceClient.status(pb::StatusRequest) -> pb::StatusResponse;
    MaintenanceClient.defragment(pb::DefragmentRequest) -> pb::DefragmentResponse;
    MaintenanceClient.hash_kv(pb::HashKvRequest) -> pb::HashKvResponse;
    MaintenanceClient.move_leader(pb::MoveLeaderRequest) -> pb::MoveLeaderResponse;
    AuthClient.auth_enable(pb::AuthEnableRequest) -> pb::AuthEnableResponse;
    AuthClient.authenticate(pb::AuthenticateRequest) -> pb::AuthenticateResponse;
    AuthClient.user_add(pb::AuthUserAddRequest) -> pb::AuthUserAddResponse;
    AuthClient.user_get(pb::AuthUserGetRequest) -> pb::AuthUserGetResponse;
    AuthClient.user_list(pb::AuthUserListRequest) -> pb::AuthUserListResponse;
    AuthClient.user_delete(pb::AuthUserDeleteRequest) -> pb::AuthUserDeleteResponse;
    AuthClient.user_grant_role(pb::AuthUserGrantRoleRequest) -> pb::AuthUserGrantRoleResponse;
    AuthClient.user_revoke_role(pb::AuthUserRevokeRoleRequest) -> pb::AuthUserRevokeRoleResponse;
    AuthClient.role_add(pb::AuthRoleAddRequest) -> pb::AuthRoleAddResponse;
    AuthClient.role_get(pb::AuthRoleGetRequest) -> pb::AuthRoleGetResponse;
    AuthClient.role_list(pb::AuthRoleListRequest) -> pb::AuthRoleListResponse;
    AuthClient.role_delete(pb::AuthRoleDeleteRequest) -> pb::AuthRoleDeleteResponse;
    AuthClient.role_grant_permission(pb::AuthRoleGrantPermissionRequest) -> pb::AuthRoleGrantPermissionResponse;
    AuthClient.role_revoke_permission(pb::AuthRoleRevokePermissionRequest) -> pb::AuthRoleRevokePermissionResponse;
    LockClient.lock(lock::LockRequest) -> lock::LockResponse;
    LockClient.unlock(lock::UnlockRequest) -> lock::UnlockResponse;
    ElectionClient.campaign(election::CampaignRequest) -> election::CampaignResponse;
    ElectionClient.proclaim(election::ProclaimRequest) -> election::ProclaimResponse;
    ElectionClient.leader(election::LeaderRequest) -> election::LeaderResponse;
    ElectionClient.resign(election::ResignRequest) -> election::ResignResponse;
}

/// A keep-alive of one request: its answer is the stream's first.
impl Call for pb::LeaseKeepAliveRequest {
    type Told = pb::LeaseKeepAliveResponse;

    async fn send(self, channel: Channel) -> Result<Response<Self::Told>, Status> {
        let sent = LeaseClient::new(channel).lease_keep_alive(tokio_stream::once(self)).await?;
        let told = sent.into_inner().message().await?;
        told.map(Response::new).ok_or_else(|| Status::unknown("the stream has ended without an answer"))
    }
}

fn ahead_of(revision: &mut i64, ahead: i64) {
    // 0 and less stand for "now" or "none".
    if *revision > 0 {
        *revision = revision.saturating_add(ahead);
    }
}

impl Shifted for pb::RangeRequest {
    fn shift(&mut self, ahead: i64) {
        let bounds = [
            &mut self.revision,
            &mut self.min_mod_revision,
            &mut self.max_mod_revision,
            &mut self.min_create_revision,
            &mut self.max_create_revision,
        ];
        bounds.into_iter().for_each(|revision| ahead_of(revision, ahead));
    }
}

impl Shifted for pb::CompactionRequest {
    fn shift(&mut self, ahead: i64) {
        ahead_of(&mut self.revision, ahead);
    }
}

impl Shifted for pb::HashKvRequest {
    fn shift(&mut self, ahead: i64) {
        ahead_of(&mut self.revision, ahead);
    }
}

impl Shifted for pb::WatchCreateRequest {
    fn shift(&mut self, ahead: i64) {
        ahead_of(&mut self.start_revision, ahead);
    }
}

impl Shifted for pb::TxnRequest {
    fn shift(&mut self, ahead: i64) {
        self.compare.iter_mut().for_each(|compare| compare.shift(ahead));
        self.success.iter_mut().chain(&mut self.failure).for_each(|op| op.shift(ahead));
    }
}

impl Shifted for pb::RequestOp {
    fn shift(&mut self, ahead: i64) {
        match &mut self.request {
            Some(Request::RequestRange(range)) => range.shift(ahead),
            Some(Request::RequestTxn(txn)) => txn.shift(ahead),
            Some(Request::RequestPut(_) | Request::RequestDeleteRange(_)) | None => {}
        }
    }
}

impl Shifted for pb::Compare {
    fn shift(&mut self, ahead: i64) {
        match &mut self.target_union {
            Some(TargetUnion::CreateRevision(revision) | TargetUnion::ModRevision(revision)) => {
                ahead_of(revision, ahead);
            }
            Some(TargetUnion::Version(_) | TargetUnion::Value(_) | TargetUnion::Lease(_)) | None => {}
        }
    }
}

impl Shifted for election::ProclaimRequest {
    fn shift(&mut self, ahead: i64) {
        self.leader.iter_mut().for_each(|leader| ahead_of(&mut leader.rev, ahead));
    }
}

impl Shifted for election::ResignRequest {
    fn shift(&mut self, ahead: i64) {
        self.leader.iter_mut().for_each(|leader| ahead_of(&mut leader.rev, ahead));
    }
}

macro_rules! without_revisions {
    ($($request:ty),* $(,)?) => {$(impl Shifted for $request {})*};
}

without_revisions! {
    pb::PutRequest, pb::DeleteRangeRequest,
    pb::LeaseGrantRequest, pb::LeaseRevokeRequest, pb::LeaseTimeToLiveRequest, pb::LeaseLeasesRequest,
    pb::LeaseKeepAliveRequest,
    pb::MemberListRequest, pb::MemberAddRequest, pb::MemberRemoveRequest, pb::MemberUpdateRequest,
    pb::MemberPromoteRequest, pb::AlarmRequest, pb::HashRequest, pb::DowngradeRequest, pb::StatusRequest, pb::DefragmentRequest, pb::MoveLeaderRequest,
    pb::AuthEnableRequest, pb::AuthenticateRequest,
    pb::AuthUserAddRequest, pb::AuthUserGetRequest, pb::AuthUserListRequest, pb::AuthUserDeleteRequest,
    pb::AuthUserGrantRoleRequest, pb::AuthUserRevokeRoleRequest,
    pb::AuthRoleAddRequest, pb::AuthRoleGetRequest, pb::AuthRoleListRequest, pb::AuthRoleDeleteRequest,
    pb::AuthRoleGrantPermissionRequest, pb::AuthRoleRevokePermissionRequest,
    lock::LockRequest, lock::UnlockRequest,
    election::CampaignRequest, election::LeaderRequest,
}
