//! The Cluster service: who belongs to the cluster, who comes and who goes.

use conclave_node::{Consistency, KnownMembers, MembersAnswer, MembersRefusal, MembersRequest, NodeHandle};
use conclave_proto::etcd::etcdserverpb as wire;
use tokio::time::Instant;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::{Request, Response};

use crate::caller::require_root;
use crate::calls::{Answer, deadline};
use crate::cluster_wire::{self, admit, peer_address};
use crate::refusal::{MemberRule, Refusal};
use crate::servers::etcdserverpb::cluster_server::Cluster;

/// Metadata of the answer to an addition: what the new node must bring. A message of etcd has no place for it.
const TOKEN_KEY: &str = "conclave-join-token";
/// Metadata of the answer to an addition: where the new node joins, with commas between.
const JOIN_KEY: &str = "conclave-join";

/// Answers `etcdserverpb.Cluster`.
pub(crate) struct ClusterDoor {
    node: NodeHandle,
}

impl ClusterDoor {
    pub(crate) fn new(node: NodeHandle) -> Self {
        Self { node }
    }

    async fn members(&self, consistency: Consistency, deadline: Instant) -> Result<KnownMembers, Refusal> {
        Ok(self.node.known_members(consistency, deadline).await?)
    }

    async fn change(&self, request: MembersRequest, deadline: Instant) -> Result<MembersAnswer, Refusal> {
        Ok(self.node.change_members(request, deadline).await??)
    }

    /// Has something done, and tells the members as they are then.
    async fn changed(
        &self,
        request: MembersRequest,
        deadline: Instant,
    ) -> Result<Vec<wire::Member>, Refusal> {
        self.change(request, deadline).await?;
        Ok(cluster_wire::members(self.members(Consistency::Linearizable, deadline).await?))
    }

    /// Of this service a header tells no revision.
    fn header(&self) -> Option<wire::ResponseHeader> {
        Some(wire::ResponseHeader {
            cluster_id: self.node.cluster_id(),
            member_id: self.node.node_id(),
            raft_term: self.node.term(),
            revision: 0,
        })
    }

    async fn add(
        &self,
        peer_urls: &[String],
        deadline: Instant,
    ) -> Result<Response<wire::MemberAddResponse>, Refusal> {
        let address = peer_address(peer_urls)?;
        let known = self.members(Consistency::Linearizable, deadline).await?;
        if cluster_wire::is_taken(&known, &address) {
            return Err(MemberRule::PeerUrlExists.into());
        }
        let answer = self.change(admit(address), deadline).await?;
        let MembersAnswer::Admitted { id, token, join_addresses } = answer else {
            return Err(MembersRefusal::ChangeUnderWay.into());
        };
        let members = cluster_wire::members(self.members(Consistency::Linearizable, deadline).await?);
        let member = members.iter().find(|member| member.id == id).cloned();
        let mut told = Response::new(wire::MemberAddResponse { header: self.header(), member, members });
        for (key, value) in [(TOKEN_KEY, token.0), (JOIN_KEY, join_addresses.join(","))] {
            if let Ok(value) = MetadataValue::<Ascii>::try_from(value) {
                told.metadata_mut().insert(key, value);
            }
        }
        Ok(told)
    }

    /// Refuses what etcd refuses of a promotion, and a repeated one too.
    async fn require_learner(&self, id: u64, deadline: Instant) -> Result<(), Refusal> {
        let known = self.members(Consistency::Linearizable, deadline).await?;
        if known.voters.contains(&id) {
            return Err(MemberRule::NotALearner.into());
        }
        if known.admissions.iter().any(|waiting| waiting.id == id) {
            return Err(MemberRule::LearnerNotReady.into());
        }
        if known.members.contains_key(&id) { Ok(()) } else { Err(MemberRule::NotFound.into()) }
    }

    async fn require_known(&self, id: u64, deadline: Instant) -> Result<(), Refusal> {
        let known = self.members(Consistency::Linearizable, deadline).await?;
        let is_known = known.members.contains_key(&id) || known.admissions.iter().any(|it| it.id == id);
        if is_known { Ok(()) } else { Err(MemberRule::NotFound.into()) }
    }
}

#[tonic::async_trait]
impl Cluster for ClusterDoor {
    /// The new node comes as a learner, whatever is asked for: the answer says so.
    async fn member_add(&self, request: Request<wire::MemberAddRequest>) -> Answer<wire::MemberAddResponse> {
        let deadline = deadline(&request)?;
        require_root(&self.node, &request, deadline).await?;
        Ok(self.add(&request.into_inner().peer_ur_ls, deadline).await?)
    }

    async fn member_remove(
        &self,
        request: Request<wire::MemberRemoveRequest>,
    ) -> Answer<wire::MemberRemoveResponse> {
        let deadline = deadline(&request)?;
        require_root(&self.node, &request, deadline).await?;
        let id = request.into_inner().id;
        self.require_known(id, deadline).await?;
        let remove = MembersRequest::Remove { id, force_quorum_loss: false };
        let members = self.changed(remove, deadline).await?;
        Ok(Response::new(wire::MemberRemoveResponse { header: self.header(), members }))
    }

    async fn member_update(
        &self,
        request: Request<wire::MemberUpdateRequest>,
    ) -> Answer<wire::MemberUpdateResponse> {
        let deadline = deadline(&request)?;
        require_root(&self.node, &request, deadline).await?;
        let wire::MemberUpdateRequest { id, peer_ur_ls } = request.into_inner();
        let peer_address = peer_address(&peer_ur_ls).map_err(Refusal::from)?;
        let members = self.changed(MembersRequest::Readdress { id, peer_address }, deadline).await?;
        Ok(Response::new(wire::MemberUpdateResponse { header: self.header(), members }))
    }

    async fn member_list(
        &self,
        request: Request<wire::MemberListRequest>,
    ) -> Answer<wire::MemberListResponse> {
        let deadline = deadline(&request)?;
        let consistency = match request.into_inner().linearizable {
            true => Consistency::Linearizable,
            false => Consistency::Local,
        };
        let members = cluster_wire::members(self.members(consistency, deadline).await?);
        Ok(Response::new(wire::MemberListResponse { header: self.header(), members }))
    }

    async fn member_promote(
        &self,
        request: Request<wire::MemberPromoteRequest>,
    ) -> Answer<wire::MemberPromoteResponse> {
        let deadline = deadline(&request)?;
        require_root(&self.node, &request, deadline).await?;
        let id = request.into_inner().id;
        self.require_learner(id, deadline).await?;
        let members = self.changed(MembersRequest::Promote { id }, deadline).await?;
        Ok(Response::new(wire::MemberPromoteResponse { header: self.header(), members }))
    }
}
