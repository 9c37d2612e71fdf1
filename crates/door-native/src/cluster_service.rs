//! The cluster service: who leads, who follows, how far each has come; and who comes and goes.

use conclave_door::{Refusal, deadline_of};
use conclave_node::{
    AdmissionInfo, ClusterStatus, Health, MemberStatus, MembersAnswer, MembersRequest, NodeHandle, Role,
};
use conclave_proto::cluster::v1 as wire;
use tonic::{Request, Response, Status};

use crate::backup_service::BackupStream;
use crate::cluster_wire;
use crate::servers::cluster::cluster_service_server::ClusterService;

/// What every call returns.
type Answer<T> = Result<Response<T>, Status>;

/// Answers `conclave.cluster.v1.ClusterService`.
pub(crate) struct ClusterDoor {
    node: NodeHandle,
}

impl ClusterDoor {
    pub(crate) fn new(node: NodeHandle) -> Self {
        Self { node }
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
        Ok(Response::new(response(status)))
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
}

fn response(status: ClusterStatus) -> wire::GetStatusResponse {
    wire::GetStatusResponse {
        cluster_id: format!("{:016x}", status.cluster_id),
        cluster_name: status.cluster_name,
        answered_by: status.answered_by,
        leader_id: status.leader_id.unwrap_or(0),
        term: status.term,
        members: status.members.into_iter().map(member).collect(),
        admissions: status.admissions.into_iter().map(admission).collect(),
    }
}

fn admission(waiting: AdmissionInfo) -> wire::Admission {
    let AdmissionInfo { id, name, peer_address, expires_ms } = waiting;
    wire::Admission { id, name, peer_address, expires_ms }
}

fn member(member: MemberStatus) -> wire::Member {
    let silent = wire::Member {
        id: member.id,
        peer_address: member.address.peer,
        client_address: member.address.client,
        name: member.address.name,
        voter: member.voter,
        health: health(member.health).into(),
        lag_entries: member.lag_entries,
        ..Default::default()
    };
    let Some(told) = member.told else { return silent };
    wire::Member {
        role: role(told.role).into(),
        term: told.term,
        last_log_index: told.last_log_index,
        applied_index: told.applied_index,
        revision: told.revision,
        digest: told.digest,
        version: told.version,
        uptime_s: told.uptime_s,
        ..silent
    }
}

fn role(role: Role) -> wire::Role {
    match role {
        Role::Leader => wire::Role::Leader,
        Role::Follower => wire::Role::Follower,
        Role::Candidate => wire::Role::Candidate,
        Role::Learner => wire::Role::Learner,
    }
}

fn health(health: Health) -> wire::Health {
    match health {
        Health::Ok => wire::Health::Ok,
        Health::NoLeader => wire::Health::NoLeader,
        Health::Lagging => wire::Health::Lagging,
        Health::Unreachable => wire::Health::Unreachable,
        Health::Recovering => wire::Health::Recovering,
    }
}

#[cfg(test)]
mod tests {
    use conclave_node::{NodeStatus, PeerAddress};

    use super::*;

    fn member_status(id: u64, health: Health, told: Option<NodeStatus>) -> MemberStatus {
        let address = PeerAddress {
            peer: format!("n{id}:4201"),
            client: format!("http://n{id}:4101"),
            name: format!("n{id}"),
        };
        MemberStatus { id, address, voter: id == 1, health, told, lag_entries: 3 }
    }

    #[test]
    fn what_a_member_told_is_passed_on_and_silence_is_told_as_such() {
        let told = NodeStatus {
            node_id: 1,
            role: Role::Leader,
            term: 4,
            leader_id: Some(1),
            last_log_index: 90,
            applied_index: 87,
            revision: 80,
            digest: "00ff".into(),
            version: "0.1.0".into(),
            uptime_s: 60,
            recovering: false,
            instance: 1,
        };
        let status = ClusterStatus {
            cluster_id: 0xabc,
            cluster_name: "shop".into(),
            answered_by: 2,
            leader_id: None,
            term: 4,
            members: vec![
                member_status(1, Health::Ok, Some(told)),
                member_status(2, Health::Unreachable, None),
            ],
            admissions: vec![AdmissionInfo {
                id: 3,
                name: "n3".into(),
                peer_address: "n3:4201".into(),
                expires_ms: 9,
            }],
        };
        let response = response(status);
        assert_eq!((response.cluster_id.as_str(), response.leader_id), ("0000000000000abc", 0));
        let [first, second] = response.members.as_slice() else { panic!("two members") };
        assert_eq!((first.role(), first.health()), (wire::Role::Leader, wire::Health::Ok));
        assert_eq!((first.applied_index, first.lag_entries, first.digest.as_str()), (87, 3, "00ff"));
        assert_eq!((second.role(), second.health()), (wire::Role::Unspecified, wire::Health::Unreachable));
        assert_eq!((second.client_address.as_str(), second.name.as_str()), ("http://n2:4101", "n2"));
        assert!(first.voter && !second.voter);
        assert_eq!((response.admissions[0].id, response.admissions[0].expires_ms), (3, 9));
    }
}
