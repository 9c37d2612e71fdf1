//! The Maintenance service: what operators ask of one member.

use conclave_core::auth::Caller;
use conclave_core::cluster::{ClusterCommand, ClusterOutcome, SetAlarm, alarms as by_hand};
use conclave_core::kv::{Hashing, KvHash};
use conclave_core::{Command, Digest, Outcome, digest};
use conclave_mvcc::{ReadMap, Revision};
use conclave_node::{Consistency, MembersRefusal, MembersRequest, NodeHandle};
use conclave_proto::etcd::etcdserverpb as wire;
use tokio::time::{Duration, Instant};
use tonic::{Request, Response};
use wire::alarm_request::AlarmAction;

use crate::caller::{by, caller, require_root};
use crate::calls::{Answer, deadline, made_request_id, other_answer};
use crate::header::{header, told};
use crate::maintenance_wire::{alarm_by_hand, alarms, downgrade_refusal, is_asked_for, status};
use crate::refusal::{MemberRule, Refusal};
use crate::servers::etcdserverpb::maintenance_server::Maintenance;
use crate::snapshot_stream::{SnapshotStream, snapshot};

/// Most rows that are hashed in one go: other reads come between.
const HASHED_ROWS_MAX: usize = 10_000;

/// How long it may take to find out whether somebody may have a snapshot, which itself may take as long as it does.
const PERMISSION_TIMEOUT: Duration = Duration::from_secs(5);

/// Answers `etcdserverpb.Maintenance`.
pub(crate) struct MaintenanceDoor {
    node: NodeHandle,
}

impl MaintenanceDoor {
    pub(crate) fn new(node: NodeHandle) -> Self {
        Self { node }
    }

    fn header(&self) -> Option<wire::ResponseHeader> {
        header(&self.node, self.node.revision())
    }

    /// A hash over plain keys, computed a piece at a time.
    async fn hash_keys(&self, revision: Option<Revision>, deadline: Instant) -> Result<KvHash, Refusal> {
        // A follower is asked too, for what it has itself.
        let begin = move |view: &dyn ReadMap| Hashing::begin(view, revision);
        let mut hashing = self.node.read(Consistency::Local, deadline, begin).await??;
        loop {
            let go_on = move |view: &dyn ReadMap| {
                let mut hashing = hashing.clone();
                let hash = hashing.go_on(view, HASHED_ROWS_MAX)?;
                Ok((hash, hashing))
            };
            let (hash, rest) = self.node.read(Consistency::Local, deadline, go_on).await?;
            hashing = rest;
            if let Some(hash) = hash? {
                return Ok(hash);
            }
        }
    }

    async fn lead(&self, to: u64, deadline: Instant) -> Result<(), Refusal> {
        let known = self.node.known_members(Consistency::Local, deadline).await?;
        if known.leader_id != Some(self.node.node_id()) {
            return Err(MemberRule::NotLeader.into());
        }
        if !known.voters.contains(&to) {
            return Err(MemberRule::BadTransferee.into());
        }
        let request = MembersRequest::Transfer { to: Some(to) };
        match self.node.change_members(request, deadline).await? {
            Err(MembersRefusal::Silent { .. } | MembersRefusal::Behind { .. }) => {
                Err(MemberRule::NotHandedOver.into())
            }
            Err(refusal) => Err(refusal.into()),
            Ok(_) => Ok(()),
        }
    }

    async fn alarms(
        &self,
        caller: Option<Caller>,
        request: &wire::AlarmRequest,
        deadline: Instant,
    ) -> Result<Vec<wire::AlarmMember>, Refusal> {
        match AlarmAction::try_from(request.action) {
            Ok(AlarmAction::Get) => self.raised(request, deadline).await,
            Ok(AlarmAction::Activate) => self.set_alarm(caller, request, true, deadline).await,
            Ok(AlarmAction::Deactivate) => self.set_alarm(caller, request, false, deadline).await,
            Err(_) => Err(MemberRule::UnknownMethod.into()),
        }
    }

    /// What nodes have found out, and what was raised by hand.
    async fn raised(
        &self,
        request: &wire::AlarmRequest,
        deadline: Instant,
    ) -> Result<Vec<wire::AlarmMember>, Refusal> {
        let by_hand = self.node.read(Consistency::Linearizable, deadline, by_hand).await?;
        let all = alarms(&self.node.cluster_status().await?, &by_hand);
        Ok(all.into_iter().filter(|alarm| is_asked_for(request, alarm)).collect())
    }

    /// What a node has found out ends by itself, when its cause does: nobody takes it back.
    async fn set_alarm(
        &self,
        caller: Option<Caller>,
        request: &wire::AlarmRequest,
        raised: bool,
        deadline: Instant,
    ) -> Result<Vec<wire::AlarmMember>, Refusal> {
        let Some(alarm) = alarm_by_hand(request, raised)? else { return Ok(Vec::new()) };
        let command = ClusterCommand::SetAlarm(SetAlarm { member_id: alarm.member_id, raised });
        let id = made_request_id();
        match self.node.propose(id, by(caller, Command::Cluster(command)), deadline).await?? {
            Outcome::Cluster(ClusterOutcome::AlarmSet { is_news }) if raised || is_news => Ok(vec![alarm]),
            Outcome::Cluster(_) => Ok(Vec::new()),
            _ => Err(other_answer()),
        }
    }
}

#[tonic::async_trait]
impl Maintenance for MaintenanceDoor {
    async fn alarm(&self, request: Request<wire::AlarmRequest>) -> Answer<wire::AlarmResponse> {
        let deadline = deadline(&request)?;
        let caller = caller(&self.node, request.metadata(), deadline).await?;
        let alarms = self.alarms(caller, &request.into_inner(), deadline).await?;
        Ok(Response::new(wire::AlarmResponse { header: self.header(), alarms }))
    }

    async fn status(&self, _: Request<wire::StatusRequest>) -> Answer<wire::StatusResponse> {
        let told = self.node.own_status().map_err(Refusal::from)?;
        let by_hand = self.node.read_now(by_hand).map_err(Refusal::from)?;
        let status = status(&told, &by_hand, !self.node.is_voter());
        Ok(Response::new(wire::StatusResponse { header: self.header(), ..status }))
    }

    /// Space is given back all the time: there is nothing to do.
    async fn defragment(
        &self,
        request: Request<wire::DefragmentRequest>,
    ) -> Answer<wire::DefragmentResponse> {
        let deadline = deadline(&request)?;
        require_root(&self.node, &request, deadline).await?;
        Ok(Response::new(wire::DefragmentResponse { header: None }))
    }

    async fn hash(&self, request: Request<wire::HashRequest>) -> Answer<wire::HashResponse> {
        let deadline = deadline(&request)?;
        require_root(&self.node, &request, deadline).await?;
        let read = self.node.read(Consistency::Local, deadline, digest).await;
        let hash = short(read.map_err(Refusal::from)?);
        Ok(Response::new(wire::HashResponse { header: self.header(), hash }))
    }

    async fn hash_kv(&self, request: Request<wire::HashKvRequest>) -> Answer<wire::HashKvResponse> {
        let deadline = deadline(&request)?;
        require_root(&self.node, &request, deadline).await?;
        let revision = u64::try_from(request.into_inner().revision).ok().filter(|revision| *revision > 0);
        let hash = self.hash_keys(revision.map(Revision::new), deadline).await?;
        Ok(Response::new(wire::HashKvResponse {
            header: self.header(),
            hash: hash.short(),
            compact_revision: compact_revision(hash.compacted),
            hash_revision: told(hash.revision),
        }))
    }

    type SnapshotStream = SnapshotStream;

    async fn snapshot(&self, request: Request<wire::SnapshotRequest>) -> Answer<Self::SnapshotStream> {
        require_root(&self.node, &request, Instant::now() + PERMISSION_TIMEOUT).await?;
        Ok(Response::new(snapshot(&self.node)))
    }

    async fn move_leader(
        &self,
        request: Request<wire::MoveLeaderRequest>,
    ) -> Answer<wire::MoveLeaderResponse> {
        let deadline = deadline(&request)?;
        require_root(&self.node, &request, deadline).await?;
        self.lead(request.into_inner().target_id, deadline).await?;
        Ok(Response::new(wire::MoveLeaderResponse { header: None }))
    }

    async fn downgrade(&self, request: Request<wire::DowngradeRequest>) -> Answer<wire::DowngradeResponse> {
        Err(Refusal::from(downgrade_refusal(&request.into_inner())).into())
    }
}

/// etcd tells -1 where nothing was ever compacted.
fn compact_revision(compacted: Revision) -> i64 {
    if compacted == Revision::ZERO { -1 } else { told(compacted) }
}

/// The first 32 bits.
fn short(digest: Digest) -> u32 {
    let [first, second, third, fourth, ..] = *digest.as_bytes();
    u32::from_be_bytes([first, second, third, fourth])
}
