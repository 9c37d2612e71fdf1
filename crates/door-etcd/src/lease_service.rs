//! The Lease service: leases are granted, renewed and revoked. They are the sessions of Conclave's own API.

use conclave_core::auth::Caller;
use conclave_core::lease::{self, LeaseCommand, LeaseInfo, LeaseOutcome, LeaseRejection, RevokeLease};
use conclave_core::{Command, LeaseId, Outcome, Rejection, kv, may_know_keys_of};
use conclave_door::{Limits, Places};
use conclave_mvcc::{MapError, ReadMap};
use conclave_node::{Consistency, NodeHandle};
use conclave_proto::etcd::etcdserverpb as wire;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt as _, stream};
use tokio::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

use crate::caller::{by, caller};
use crate::calls::{Answer, deadline, made_request_id, other_answer};
use crate::header::header;
use crate::lease_wire::{grant, lease_id, left_s, told_id, ttl_s};
use crate::refusal::Refusal;
use crate::servers::etcdserverpb::lease_server::Lease;

/// How long a renewal may take before the client is sent to another member.
const RENEWAL_TIMEOUT: Duration = Duration::from_secs(3);
/// Most renewals of one stream that are under way at once.
const RENEWALS_UNDER_WAY_MAX: usize = 64;
/// How many leases are listed at once.
const PAGE_LEASES: usize = 10_000;

/// Answers `etcdserverpb.Lease`.
#[derive(Clone)]
pub(crate) struct LeaseDoor {
    node: NodeHandle,
    streams: Places,
    stop: CancellationToken,
}

impl LeaseDoor {
    pub(crate) fn new(node: NodeHandle, limits: &Limits, stop: CancellationToken) -> Self {
        let streams = Places::new("streams of renewals", limits.keep_alive_streams_max);
        Self { node, streams, stop }
    }

    /// Has a command about leases applied, once: a retry of this attempt is known by its id.
    async fn propose(
        &self,
        caller: Option<Caller>,
        command: LeaseCommand,
        deadline: Instant,
    ) -> Result<LeaseOutcome, Refusal> {
        let id = made_request_id();
        match self.node.propose(id, by(caller, Command::Lease(command)), deadline).await?? {
            Outcome::Lease(outcome) => Ok(outcome),
            _ => Err(other_answer()),
        }
    }

    /// The lease that somebody names; a new one if he names none.
    pub(crate) async fn required(
        &self,
        caller: Option<Caller>,
        id: i64,
        ttl_s: i64,
        deadline: Instant,
    ) -> Result<LeaseId, Refusal> {
        if let Some(id) = lease_id(id) {
            return Ok(id);
        }
        let grant = grant(wire::LeaseGrantRequest { id: 0, ttl: ttl_s }, rand::random())?;
        match self.propose(caller, LeaseCommand::Grant(grant), deadline).await? {
            LeaseOutcome::Granted(lease) => Ok(lease.id),
            _ => Err(other_answer()),
        }
    }

    async fn renew(&self, id: i64) -> Result<wire::LeaseKeepAliveResponse, Refusal> {
        let renewed = match lease_id(id) {
            Some(lease) => self.node.renew(lease, Instant::now() + RENEWAL_TIMEOUT).await?,
            None => None,
        };
        let header = header(&self.node, self.node.revision());
        Ok(wire::LeaseKeepAliveResponse { header, id, ttl: renewed.map_or(0, ttl_s) })
    }

    async fn time_to_live(
        &self,
        caller: Option<Caller>,
        request: wire::LeaseTimeToLiveRequest,
        deadline: Instant,
    ) -> Result<Option<wire::LeaseTimeToLiveResponse>, Refusal> {
        let Some(id) = lease_id(request.id) else { return Ok(None) };
        let keys_max = if request.keys { usize::MAX } else { 0 };
        let read = move |view: &dyn ReadMap| {
            if keys_max > 0
                && let Err(rejection) = may_know_keys_of(view, caller.as_ref(), id)?
            {
                return Ok(Err(rejection));
            }
            Ok(Ok((lease::get(view, id)?, kv::keys_of(view, id, keys_max)?)))
        };
        let (found, keys) = self.node.read(Consistency::Linearizable, deadline, read).await??;
        let left = self.node.time_left(vec![id], deadline).await?.pop().flatten();
        let (Some(found), Some(left)) = (found, left) else { return Ok(None) };
        Ok(Some(wire::LeaseTimeToLiveResponse {
            header: header(&self.node, self.node.revision()),
            id: request.id,
            ttl: left_s(left),
            granted_ttl: ttl_s(found.ttl_ms),
            keys,
        }))
    }

    /// All leases, that which ends first before the others.
    async fn all(&self, deadline: Instant) -> Result<Vec<LeaseId>, Refusal> {
        let ids = self.node.read(Consistency::Linearizable, deadline, ids).await?;
        let left = self.node.time_left(ids.clone(), deadline).await?;
        let mut lasting: Vec<_> =
            left.into_iter().zip(ids).filter_map(|(left, id)| Some((left?, id))).collect();
        lasting.sort_unstable();
        Ok(lasting.into_iter().map(|(_, id)| id).collect())
    }
}

fn ids(view: &dyn ReadMap) -> Result<Vec<LeaseId>, MapError> {
    let mut ids = Vec::new();
    loop {
        let (page, more) = lease::list(view, ids.last().copied(), PAGE_LEASES)?;
        ids.extend(page.iter().map(|lease: &LeaseInfo| lease.id));
        if !more {
            return Ok(ids);
        }
    }
}

#[tonic::async_trait]
impl Lease for LeaseDoor {
    async fn lease_grant(
        &self,
        request: Request<wire::LeaseGrantRequest>,
    ) -> Answer<wire::LeaseGrantResponse> {
        let deadline = deadline(&request)?;
        let caller = caller(&self.node, request.metadata(), deadline).await?;
        let grant = grant(request.into_inner(), rand::random())?;
        match self.propose(caller, LeaseCommand::Grant(grant), deadline).await? {
            LeaseOutcome::Granted(lease) => Ok(Response::new(wire::LeaseGrantResponse {
                header: header(&self.node, self.node.revision()),
                id: told_id(lease.id),
                ttl: ttl_s(lease.ttl_ms),
                error: String::new(),
            })),
            _ => Err(other_answer().into()),
        }
    }

    async fn lease_revoke(
        &self,
        request: Request<wire::LeaseRevokeRequest>,
    ) -> Answer<wire::LeaseRevokeResponse> {
        let deadline = deadline(&request)?;
        let caller = caller(&self.node, request.metadata(), deadline).await?;
        let id = lease_id(request.into_inner().id).ok_or_else(not_found)?;
        self.propose(caller, LeaseCommand::Revoke(RevokeLease { id }), deadline).await?;
        // Its keys went at a revision that this node may not have come to yet. It has ended, whether that can be told
        // or not.
        let newest = self.node.newest_revision(deadline).await;
        let revision = newest.unwrap_or_else(|_| self.node.revision());
        Ok(Response::new(wire::LeaseRevokeResponse { header: header(&self.node, revision) }))
    }

    type LeaseKeepAliveStream = BoxStream<'static, Result<wire::LeaseKeepAliveResponse, Status>>;

    /// Each request is answered, in order. It is pulled by the client: what is not read of the answers is not renewed,
    /// and of the requests no more are taken in than may be under way.
    async fn lease_keep_alive(
        &self,
        request: Request<Streaming<wire::LeaseKeepAliveRequest>>,
    ) -> Answer<Self::LeaseKeepAliveStream> {
        let place = self.streams.take().map_err(Refusal::from)?;
        let door = self.clone();
        let renew = move |id| {
            let door = door.clone();
            async move { door.renew(id).await.map_err(Status::from) }
        };
        let answers = renewals(request.into_inner(), renew);
        let answers = answers.take_until(self.stop.clone().cancelled_owned());
        // The place is given back when the stream is gone.
        Ok(Response::new(Box::pin(answers.inspect(move |_| _ = &place))))
    }

    async fn lease_time_to_live(
        &self,
        request: Request<wire::LeaseTimeToLiveRequest>,
    ) -> Answer<wire::LeaseTimeToLiveResponse> {
        let deadline = deadline(&request)?;
        let caller = caller(&self.node, request.metadata(), deadline).await?;
        let request = request.into_inner();
        let id = request.id;
        let told = self.time_to_live(caller, request, deadline).await?;
        Ok(Response::new(told.unwrap_or_else(|| wire::LeaseTimeToLiveResponse {
            header: header(&self.node, self.node.revision()),
            id,
            ttl: -1,
            granted_ttl: 0,
            keys: Vec::new(),
        })))
    }

    async fn lease_leases(
        &self,
        request: Request<wire::LeaseLeasesRequest>,
    ) -> Answer<wire::LeaseLeasesResponse> {
        let deadline = deadline(&request)?;
        let leases = self.all(deadline).await?;
        let leases = leases.into_iter().map(|id| wire::LeaseStatus { id: told_id(id) }).collect();
        let header = header(&self.node, self.node.revision());
        Ok(Response::new(wire::LeaseLeasesResponse { header, leases }))
    }
}

/// The answers to renewals, up to the first failure.
fn renewals<F>(
    requests: impl Stream<Item = Result<wire::LeaseKeepAliveRequest, Status>> + Send + 'static,
    renew: impl Fn(i64) -> F + Clone + Send + 'static,
) -> BoxStream<'static, Result<wire::LeaseKeepAliveResponse, Status>>
where
    F: Future<Output = Result<wire::LeaseKeepAliveResponse, Status>> + Send,
{
    let answer = move |request: Result<wire::LeaseKeepAliveRequest, Status>| {
        let renew = renew.clone();
        async move { renew(request?.id).await }
    };
    let answers = Box::pin(requests.map(answer).buffered(RENEWALS_UNDER_WAY_MAX));
    Box::pin(stream::unfold(Some(answers), |answers| async {
        let mut answers = answers?;
        let answer = answers.next().await?;
        let answers = answer.is_ok().then_some(answers);
        Some((answer, answers))
    }))
}

fn not_found() -> Refusal {
    Rejection::from(LeaseRejection::NotFound { id: 0 }).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_failure_ends_the_renewals() {
        let requests = stream::iter([1, 2, 3].map(|id| Ok(wire::LeaseKeepAliveRequest { id })));
        let renew = |id| async move {
            let told = wire::LeaseKeepAliveResponse { id, ..wire::LeaseKeepAliveResponse::default() };
            if id == 2 { Err(Status::unavailable("no leader")) } else { Ok(told) }
        };
        let answers: Vec<_> = renewals(requests, renew).collect().await;
        assert_eq!(answers.len(), 2);
        assert_eq!((answers[0].as_ref().unwrap().id, answers[1].is_err()), (1, true));
    }
}
