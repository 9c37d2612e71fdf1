//! The Election service: whoever is at the head of the line leads, and the value of its key is what it proclaims.

use bytes::Bytes;
use conclave_core::LeaseId;
use conclave_core::kv::{KeyValue, Operation, Put, PutLease, Txn};
use conclave_mvcc::{EventKind, KeyRange, Revised, Revision};
use conclave_node::{WatchFilter, Watched};
use conclave_proto::etcd::v3electionpb as wire;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};
use wire::LeaderKey;

use super::line::{Asker, Lines, Place, closed, was_created};
use crate::calls::Answer;
use crate::header::{header, told};
use crate::kv_wire::key_value;
use crate::refusal::{Refusal, Rule};
use crate::servers::v3electionpb::election_server::Election;
use crate::status::of_recipe;

/// Answers `v3electionpb.Election`.
pub(crate) struct ElectionDoor {
    lines: Lines,
    stop: CancellationToken,
}

impl ElectionDoor {
    pub(crate) fn new(lines: Lines, stop: CancellationToken) -> Self {
        Self { lines, stop }
    }

    async fn elect(
        &self,
        request: Request<wire::CampaignRequest>,
    ) -> Result<wire::CampaignResponse, Refusal> {
        let asker = self.lines.asker(&request).await?;
        let wire::CampaignRequest { name, lease, value } = request.into_inner();
        let place = self.lines.join(&asker, &name, lease, value.clone()).await?;
        if place.found.as_ref().is_some_and(|found| found.value != value) {
            self.say(&asker, &leader_key(&name, &place), value).await?;
        }
        self.lines.come_to_head(&asker, &place).await?;
        let header = header(&self.lines.node, place.revision);
        Ok(wire::CampaignResponse { header, leader: Some(leader_key(&name, &place)) })
    }

    /// Has a leader say something else, if it still leads; tells the revision.
    async fn say(&self, asker: &Asker, leader: &LeaderKey, value: Bytes) -> Result<Revision, Refusal> {
        let lease = LeaseId::new(leader.lease.cast_unsigned()).map_or(PutLease::None, PutLease::On);
        let put = Put { key: leader.key.clone(), value: Some(value), lease, with_previous: false };
        let txn = Txn {
            compares: vec![was_created(&leader.key, leader.rev)],
            success: vec![Operation::Put(put)],
            failure: Vec::new(),
        };
        let (revision, done) = self.lines.change(asker, txn).await?;
        if done.succeeded { Ok(revision) } else { Err(Rule::NotLeader.into()) }
    }

    async fn do_proclaim(
        &self,
        request: Request<wire::ProclaimRequest>,
    ) -> Result<wire::ProclaimResponse, Refusal> {
        let asker = self.lines.asker(&request).await?;
        let wire::ProclaimRequest { leader, value } = request.into_inner();
        let leader = leader.ok_or(Rule::LeaderMissing)?;
        let revision = self.say(&asker, &leader, value).await?;
        Ok(wire::ProclaimResponse { header: header(&self.lines.node, revision) })
    }

    async fn who_leads(
        &self,
        request: Request<wire::LeaderRequest>,
    ) -> Result<wire::LeaderResponse, Refusal> {
        let asker = self.lines.asker(&request).await?;
        let found = self.lines.head(&asker, &request.into_inner().name).await?;
        let header = header(&self.lines.node, found.revision);
        let pair = found.pairs.into_iter().next().ok_or(Rule::NoLeader)?;
        Ok(wire::LeaderResponse { header, kv: Some(key_value(pair)) })
    }

    async fn do_resign(
        &self,
        request: Request<wire::ResignRequest>,
    ) -> Result<wire::ResignResponse, Refusal> {
        let asker = self.lines.asker(&request).await?;
        let leader = request.into_inner().leader.ok_or(Rule::LeaderMissing)?;
        let revision = self.lines.leave(&asker, leader.key, leader.rev).await?;
        Ok(wire::ResignResponse { header: header(&self.lines.node, revision) })
    }
}

fn leader_key(name: &Bytes, place: &Place) -> LeaderKey {
    LeaderKey {
        name: name.clone(),
        key: place.key.clone(),
        rev: told(place.created),
        lease: place.lease.get().cast_signed(),
    }
}

/// Whoever observes an election, and what he was told.
struct Observer {
    lines: Lines,
    asker: Asker,
    name: Bytes,
    /// Who leads, as it was told last, and when that was.
    told: Option<(KeyValue, Revision)>,
}

impl Observer {
    /// Who leads next, or what the leader says next.
    async fn next(&mut self) -> Result<(KeyValue, Revision), Refusal> {
        loop {
            let (range, since) = match self.told.take() {
                Some((leader, since)) => (KeyRange::single(leader.key), since),
                None => {
                    let head = self.lines.head(&self.asker, &self.name).await?;
                    let revision = head.revision;
                    if let Some(pair) = head.pairs.into_iter().next() {
                        return Ok((pair, revision));
                    }
                    (KeyRange::prefix([&self.name, &b"/"[..]].concat()), revision)
                }
            };
            if let Some(said) = self.said_in(range, since).await? {
                return Ok(said);
            }
        }
    }

    /// The next that is put in a range after a revision; none if there is to be looked who leads.
    async fn said_in(
        &self,
        range: KeyRange,
        since: Revision,
    ) -> Result<Option<(KeyValue, Revision)>, Refusal> {
        let mut watcher = self.lines.node.watch(WatchFilter { ranges: vec![range] }, since.next())?;
        loop {
            match watcher.next().await.map_err(closed)? {
                Watched::Changes(revised) => return Ok(first_put(&revised)),
                Watched::Progress(_) => {}
                Watched::Behind { .. } => return Ok(None),
            }
        }
    }
}

/// What was put first; none if something was deleted first.
fn first_put(revised: &Revised) -> Option<(KeyValue, Revision)> {
    let revision = revised.revision;
    let event = revised.events.iter().min_by_key(|event| event.order)?;
    match &event.kind {
        EventKind::Put(record) => Some((KeyValue::new(event.key.clone(), record.clone()), revision)),
        EventKind::Delete { .. } => None,
    }
}

#[tonic::async_trait]
impl Election for ElectionDoor {
    async fn campaign(&self, request: Request<wire::CampaignRequest>) -> Answer<wire::CampaignResponse> {
        self.elect(request).await.map(Response::new).map_err(|refusal| of_recipe(&refusal.into()))
    }

    async fn proclaim(&self, request: Request<wire::ProclaimRequest>) -> Answer<wire::ProclaimResponse> {
        self.do_proclaim(request).await.map(Response::new).map_err(|refusal| of_recipe(&refusal.into()))
    }

    async fn leader(&self, request: Request<wire::LeaderRequest>) -> Answer<wire::LeaderResponse> {
        self.who_leads(request).await.map(Response::new).map_err(|refusal| of_recipe(&refusal.into()))
    }

    type ObserveStream = BoxStream<'static, Result<wire::LeaderResponse, Status>>;

    async fn observe(&self, request: Request<wire::LeaderRequest>) -> Answer<Self::ObserveStream> {
        let asker = self.lines.asker(&request).await?;
        let name = request.into_inner().name;
        let observer = Observer { lines: self.lines.clone(), asker, name, told: None };
        let told = stream::unfold(Some(observer), |observer| async {
            let mut observer = observer?;
            match observer.next().await {
                Ok((leader, revision)) => {
                    let header = header(&observer.lines.node, revision);
                    let answer = wire::LeaderResponse { header, kv: Some(key_value(leader.clone())) };
                    observer.told = Some((leader, revision));
                    Some((Ok(answer), Some(observer)))
                }
                Err(refusal) => Some((Err(of_recipe(&refusal.into())), None)),
            }
        });
        Ok(Response::new(Box::pin(told.take_until(self.stop.clone().cancelled_owned()))))
    }

    async fn resign(&self, request: Request<wire::ResignRequest>) -> Answer<wire::ResignResponse> {
        self.do_resign(request).await.map(Response::new).map_err(|refusal| of_recipe(&refusal.into()))
    }
}
