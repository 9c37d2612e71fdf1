//! The services of a fake node: they note what they are asked, and do as the script says.

use std::sync::Arc;
use std::time::Duration;

use conclave_proto::lock::v1 as wire;
use conclave_proto::lock::v1::election_service_server::ElectionService;
use conclave_proto::lock::v1::lock_service_server::LockService;
use conclave_proto::lock::v1::session_service_server::SessionService;
use conclave_proto::lock::v1::{AcquireRequest, Grant, KeepAliveResponse};
use futures::StreamExt as _;
use futures::stream::BoxStream;
use tokio::sync::watch;
use tokio::time::Instant;
use tonic::{Code, Request, Response, Status, Streaming};

use super::fake_node::{Renewals, Script, refused, stream_of};
use crate::reason;

/// The one session that there is.
pub(super) const SESSION: u64 = 7;

type Answer<T> = Result<Response<T>, Status>;
type Stream<T> = BoxStream<'static, Result<T, Status>>;

#[derive(Clone)]
pub(super) struct Served(pub(super) Arc<watch::Sender<Script>>);

impl Served {
    /// Notes something and decides.
    fn with<T>(&self, change: impl FnOnce(&mut Script) -> T) -> T {
        let mut told = None;
        self.0.send_modify(|script| told = Some(change(script)));
        told.expect("the change was made")
    }

    /// What a renewal comes to.
    async fn renewal(&self) -> Result<u64, Status> {
        let (renewals, ttl_ms) = self.with(|script| {
            script.renewed.push(Instant::now());
            (script.renewals, script.ttl_ms())
        });
        match renewals {
            Renewals::Silence => std::future::pending().await,
            Renewals::Refused => return Err(refused(Code::Unavailable, reason::NO_LEADER)),
            Renewals::Late => tokio::time::sleep(Duration::from_secs(1)).await,
            Renewals::Answered | Renewals::Gone => {}
        }
        Ok(ttl_ms)
    }

    fn acquire(&self, request: AcquireRequest, candidacy: bool) -> Answer<Stream<wire::AcquireResponse>> {
        let feed = self.with(|script| {
            script.acquired.push((request, candidacy));
            script.acquires.pop_front()
        });
        Ok(Response::new(stream_of(feed)))
    }
}

fn unexpected<T>() -> Answer<T> {
    Err(Status::failed_precondition("no test makes this call"))
}

#[tonic::async_trait]
impl SessionService for Served {
    type KeepAliveStream = Stream<KeepAliveResponse>;

    async fn open_session(
        &self,
        request: Request<wire::OpenSessionRequest>,
    ) -> Answer<wire::OpenSessionResponse> {
        let request = request.into_inner();
        let session =
            wire::Session { id: SESSION, ttl_ms: request.ttl_ms, owner: request.owner, ..Default::default() };
        Ok(Response::new(wire::OpenSessionResponse { session: Some(session) }))
    }

    async fn keep_alive(
        &self,
        requests: Request<Streaming<wire::KeepAliveRequest>>,
    ) -> Answer<Self::KeepAliveStream> {
        let served = self.clone();
        let answers = requests.into_inner().then(move |request| {
            let served = served.clone();
            async move {
                let session_id = request?.session_id;
                Ok(KeepAliveResponse { session_id, ttl_ms: served.renewal().await? })
            }
        });
        Ok(Response::new(answers.boxed()))
    }

    async fn renew_session(
        &self,
        _: Request<wire::RenewSessionRequest>,
    ) -> Answer<wire::RenewSessionResponse> {
        unexpected()
    }

    async fn close_session(
        &self,
        request: Request<wire::CloseSessionRequest>,
    ) -> Answer<wire::CloseSessionResponse> {
        self.with(|script| script.closed.push(request.into_inner().session_id));
        Ok(Response::new(wire::CloseSessionResponse::default()))
    }

    async fn get_session(&self, _: Request<wire::GetSessionRequest>) -> Answer<wire::GetSessionResponse> {
        unexpected()
    }

    async fn list_sessions(
        &self,
        _: Request<wire::ListSessionsRequest>,
    ) -> Answer<wire::ListSessionsResponse> {
        unexpected()
    }
}

#[tonic::async_trait]
impl LockService for Served {
    type AcquireStream = Stream<wire::AcquireResponse>;
    type WatchLocksStream = Stream<wire::WatchLocksResponse>;

    async fn acquire(&self, request: Request<AcquireRequest>) -> Answer<Self::AcquireStream> {
        Self::acquire(self, request.into_inner(), false)
    }

    async fn try_acquire(
        &self,
        request: Request<wire::TryAcquireRequest>,
    ) -> Answer<wire::TryAcquireResponse> {
        let token = self.with(|script| {
            script.tried.push(request.into_inner());
            script.try_token
        });
        let token = token.ok_or_else(|| refused(Code::FailedPrecondition, reason::LOCK_HELD))?;
        let granted = Some(Grant { token, ..Default::default() });
        Ok(Response::new(wire::TryAcquireResponse { granted }))
    }

    async fn release(&self, request: Request<wire::ReleaseRequest>) -> Answer<wire::ReleaseResponse> {
        self.with(|script| {
            if script.releases_refused > 0 {
                script.releases_refused -= 1;
                return Err(refused(Code::Unavailable, reason::NO_LEADER));
            }
            script.released.push(request.into_inner());
            Ok(Response::new(wire::ReleaseResponse { released: 1 }))
        })
    }

    async fn get_lock(&self, _: Request<wire::GetLockRequest>) -> Answer<wire::GetLockResponse> {
        unexpected()
    }

    async fn list_locks(&self, _: Request<wire::ListLocksRequest>) -> Answer<wire::ListLocksResponse> {
        unexpected()
    }

    async fn watch_locks(&self, _: Request<wire::WatchLocksRequest>) -> Answer<Self::WatchLocksStream> {
        Ok(Response::new(stream_of(self.with(|script| script.watches.pop_front()))))
    }

    async fn force_release(
        &self,
        _: Request<wire::ForceReleaseRequest>,
    ) -> Answer<wire::ForceReleaseResponse> {
        unexpected()
    }

    async fn check_token(&self, _: Request<wire::CheckTokenRequest>) -> Answer<wire::CheckTokenResponse> {
        unexpected()
    }
}

#[tonic::async_trait]
impl ElectionService for Served {
    type CampaignStream = Stream<wire::AcquireResponse>;
    type ObserveStream = Stream<wire::ObserveResponse>;

    async fn campaign(&self, request: Request<wire::CampaignRequest>) -> Answer<Self::CampaignStream> {
        let asked = request.into_inner();
        let request = AcquireRequest {
            name: asked.name,
            session_id: asked.session_id,
            mode: None,
            wait_ms: asked.wait_ms,
            owner: asked.owner,
            metadata: asked.value,
            request_id: asked.request_id,
        };
        Self::acquire(self, request, true)
    }

    async fn proclaim(&self, request: Request<wire::ProclaimRequest>) -> Answer<wire::ProclaimResponse> {
        self.with(|script| script.proclaimed.push(request.into_inner()));
        Ok(Response::new(wire::ProclaimResponse { revision: 9 }))
    }

    async fn resign(&self, _: Request<wire::ResignRequest>) -> Answer<wire::ResignResponse> {
        unexpected()
    }

    async fn get_leader(&self, _: Request<wire::GetLeaderRequest>) -> Answer<wire::GetLeaderResponse> {
        unexpected()
    }

    async fn observe(&self, _: Request<wire::ObserveRequest>) -> Answer<Self::ObserveStream> {
        Ok(Response::new(stream_of(self.with(|script| script.observations.pop_front()))))
    }
}
