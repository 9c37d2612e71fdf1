//! The cluster service: who leads, who follows, how far each has come; and who comes and goes.

use std::sync::Arc;

use conclave_door::{Refusal, Violations, deadline_of};
use conclave_node::{MembersAnswer, MembersRequest, NodeHandle};
use conclave_proto::cluster::v1 as wire;
use tonic::{Request, Response, Status};

use crate::backup_service::BackupStream;
use crate::cluster_wire;
use crate::log_levels::LogLevels;
use crate::servers::cluster::cluster_service_server::ClusterService;
use crate::status_wire;

/// What every call returns.
type Answer<T> = Result<Response<T>, Status>;

/// Answers `conclave.cluster.v1.ClusterService`.
pub(crate) struct ClusterDoor {
    node: NodeHandle,
    log_levels: Arc<dyn LogLevels>,
}

impl ClusterDoor {
    pub(crate) fn new(node: NodeHandle, log_levels: Arc<dyn LogLevels>) -> Self {
        Self { node, log_levels }
    }

    /// Reads what is asked for, and has it done.
    async fn change<Q>(
        &self,
        request: Request<Q>,
        read: fn(Q) -> Result<MembersRequest, Refusal>,
    ) -> Result<MembersAnswer, Refusal> {
        let deadline = deadline_of(request.metadata())?;
        let request = read(request.into_inner())?;
        Ok(self.node.change_members(request, deadline).await??)
    }
}

#[tonic::async_trait]
impl ClusterService for ClusterDoor {
    async fn get_status(&self, _: Request<wire::GetStatusRequest>) -> Answer<wire::GetStatusResponse> {
        let status = self.node.cluster_status().await.map_err(Refusal::from)?;
        Ok(Response::new(status_wire::response(status)))
    }

    async fn add_member(&self, request: Request<wire::AddMemberRequest>) -> Answer<wire::AddMemberResponse> {
        let answer = self.change(request, cluster_wire::admit).await?;
        Ok(Response::new(cluster_wire::admitted(answer)?))
    }

    async fn promote_member(
        &self,
        request: Request<wire::PromoteMemberRequest>,
    ) -> Answer<wire::PromoteMemberResponse> {
        self.change(request, cluster_wire::promote).await?;
        Ok(Response::new(wire::PromoteMemberResponse {}))
    }

    async fn demote_member(
        &self,
        request: Request<wire::DemoteMemberRequest>,
    ) -> Answer<wire::DemoteMemberResponse> {
        self.change(request, cluster_wire::demote).await?;
        Ok(Response::new(wire::DemoteMemberResponse {}))
    }

    async fn remove_member(
        &self,
        request: Request<wire::RemoveMemberRequest>,
    ) -> Answer<wire::RemoveMemberResponse> {
        self.change(request, cluster_wire::remove).await?;
        Ok(Response::new(wire::RemoveMemberResponse {}))
    }

    async fn replace_member(
        &self,
        request: Request<wire::ReplaceMemberRequest>,
    ) -> Answer<wire::ReplaceMemberResponse> {
        self.change(request, cluster_wire::replace).await?;
        Ok(Response::new(wire::ReplaceMemberResponse {}))
    }

    async fn transfer_leader(
        &self,
        request: Request<wire::TransferLeaderRequest>,
    ) -> Answer<wire::TransferLeaderResponse> {
        let answer = self.change(request, cluster_wire::transfer).await?;
        Ok(Response::new(cluster_wire::transferred(answer)?))
    }

    type CreateBackupStream = BackupStream;

    async fn create_backup(
        &self,
        request: Request<wire::CreateBackupRequest>,
    ) -> Answer<Self::CreateBackupStream> {
        crate::backup_service::create_backup(&self.node, request).await
    }

    async fn get_log_level(&self, _: Request<wire::GetLogLevelRequest>) -> Answer<wire::GetLogLevelResponse> {
        Ok(Response::new(wire::GetLogLevelResponse { level: self.log_levels.level() }))
    }

    async fn set_log_level(
        &self,
        request: Request<wire::SetLogLevelRequest>,
    ) -> Answer<wire::SetLogLevelResponse> {
        let wire::SetLogLevelRequest { level } = request.into_inner();
        let refused = |problem| Refusal::from(Violations::one("level", problem));
        self.log_levels.set_level(&level).map_err(refused)?;
        Ok(Response::new(wire::SetLogLevelResponse { level: self.log_levels.level() }))
    }
}
