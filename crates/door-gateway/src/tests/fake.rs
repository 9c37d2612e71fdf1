//! A small server of some of etcd's calls, which answers what an etcd answered that was asked the same.

use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use conclave_proto::etcd::etcdserverpb::kv_server::{Kv, KvServer};
use conclave_proto::etcd::etcdserverpb::lease_server::{Lease, LeaseServer};
use conclave_proto::etcd::etcdserverpb::watch_request::RequestUnion;
use conclave_proto::etcd::etcdserverpb::watch_server::{Watch, WatchServer};
use conclave_proto::etcd::etcdserverpb::{self as pb, ResponseHeader};
use conclave_proto::etcd::mvccpb::KeyValue;
use conclave_proto::etcd::v3electionpb::{self as election, election_server::Election};
use conclave_proto::etcd::v3lockpb::{self as lock, lock_server::Lock};
use futures::{Stream, StreamExt as _, stream};
use tokio::sync::Notify;
use tonic::service::Routes;
use tonic::{Code, Request, Response, Status, Streaming};

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// The calls, and what is told when one waits for a lock, and when one that waits is given up.
#[derive(Clone, Default)]
pub(super) struct Fake {
    pub(super) waits: Arc<Notify>,
    pub(super) given_up: Arc<Notify>,
}

/// Tells when it is dropped.
struct Waiting(Arc<Notify>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

pub(super) fn routes() -> Router {
    Fake::default().routes()
}

impl Fake {
    pub(super) fn routes(self) -> Router {
        let mut routes = Routes::new(KvServer::new(self.clone()));
        routes = routes.add_service(WatchServer::new(self.clone()));
        routes = routes.add_service(LeaseServer::new(self.clone()));
        routes = routes.add_service(lock::lock_server::LockServer::new(self.clone()));
        routes = routes.add_service(election::election_server::ElectionServer::new(self));
        routes.into_axum_router()
    }

    /// Never answers; tells when it is given up.
    async fn wait<T>(&self) -> T {
        let _waiting = Waiting(Arc::clone(&self.given_up));
        self.waits.notify_one();
        std::future::pending().await
    }
}

pub(super) fn header(revision: i64) -> Option<ResponseHeader> {
    Some(ResponseHeader { cluster_id: 324, member_id: 331, revision, raft_term: 2 })
}

fn key_value() -> KeyValue {
    let (key, value) = ("foo".into(), "bar".into());
    KeyValue { key, create_revision: 2, mod_revision: 2, version: 1, value, lease: 0 }
}

/// What is asked for by name: metadata is told back, a code is failed with.
fn range(request: &Request<pb::RangeRequest>) -> Result<pb::RangeResponse, Status> {
    let key = std::str::from_utf8(&request.get_ref().key).unwrap();
    let value = |name: &str| request.metadata().get(name).map(|it| it.to_str().unwrap().to_owned());
    match key {
        "" => Err(Status::invalid_argument("etcdserver: key is not provided")),
        "foo" => Ok(pb::RangeResponse { header: header(2), kvs: vec![key_value()], more: false, count: 1 }),
        key if key.starts_with("code ") => {
            Err(Status::new(Code::from_i32(key[5..].parse().unwrap()), "etcdserver: no\n\"way\""))
        }
        name => {
            let told = KeyValue { value: value(name).unwrap_or_default().into(), ..KeyValue::default() };
            Ok(pb::RangeResponse { kvs: vec![told], ..pb::RangeResponse::default() })
        }
    }
}

#[tonic::async_trait]
impl Kv for Fake {
    type RangeStreamStream = Answers<pb::RangeStreamResponse>;

    async fn range(&self, request: Request<pb::RangeRequest>) -> Result<Response<pb::RangeResponse>, Status> {
        range(&request).map(Response::new)
    }

    async fn range_stream(
        &self,
        _: Request<pb::RangeRequest>,
    ) -> Result<Response<Self::RangeStreamStream>, Status> {
        Err(Status::unimplemented("no path leads here"))
    }

    /// Tells how large the value was.
    async fn put(&self, request: Request<pb::PutRequest>) -> Result<Response<pb::PutResponse>, Status> {
        let revision = i64::try_from(request.get_ref().value.len()).unwrap();
        Ok(Response::new(pb::PutResponse { header: header(revision), prev_kv: None }))
    }

    async fn delete_range(
        &self,
        _: Request<pb::DeleteRangeRequest>,
    ) -> Result<Response<pb::DeleteRangeResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn txn(&self, _: Request<pb::TxnRequest>) -> Result<Response<pb::TxnResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn compact(
        &self,
        _: Request<pb::CompactionRequest>,
    ) -> Result<Response<pb::CompactionResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }
}

#[tonic::async_trait]
impl Watch for Fake {
    type WatchStream = Answers<pb::WatchResponse>;

    /// Tells of each request that it came; goes on after the last one, as etcd does.
    async fn watch(
        &self,
        request: Request<Streaming<pb::WatchRequest>>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let waiting = Waiting(Arc::clone(&self.given_up));
        let told = request.into_inner().map(|asked| watched(&asked?));
        let waits = stream::once(async move {
            let _waiting = waiting;
            std::future::pending().await
        });
        Ok(Response::new(Box::pin(told.chain(waits))))
    }
}

fn watched(asked: &pb::WatchRequest) -> Result<pb::WatchResponse, Status> {
    let told = pb::WatchResponse { header: header(3), ..pb::WatchResponse::default() };
    match asked.request_union.as_ref() {
        Some(RequestUnion::CreateRequest(create)) => {
            Ok(pb::WatchResponse { watch_id: create.watch_id, created: true, ..told })
        }
        Some(RequestUnion::CancelRequest(cancel)) => {
            Ok(pb::WatchResponse { watch_id: cancel.watch_id, canceled: true, ..told })
        }
        Some(RequestUnion::ProgressRequest(_)) => Ok(pb::WatchResponse { watch_id: -1, ..told }),
        None => Err(Status::unavailable("etcdserver: no leader")),
    }
}

#[tonic::async_trait]
impl Lease for Fake {
    type LeaseKeepAliveStream = Answers<pb::LeaseKeepAliveResponse>;

    async fn lease_keep_alive(
        &self,
        request: Request<Streaming<pb::LeaseKeepAliveRequest>>,
    ) -> Result<Response<Self::LeaseKeepAliveStream>, Status> {
        let told = request.into_inner().map(|asked| {
            let id = asked?.id;
            let ttl = if id == 777 { 60 } else { 0 };
            Ok(pb::LeaseKeepAliveResponse { header: header(3), id, ttl })
        });
        Ok(Response::new(Box::pin(told)))
    }

    async fn lease_grant(
        &self,
        _: Request<pb::LeaseGrantRequest>,
    ) -> Result<Response<pb::LeaseGrantResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn lease_revoke(
        &self,
        _: Request<pb::LeaseRevokeRequest>,
    ) -> Result<Response<pb::LeaseRevokeResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn lease_time_to_live(
        &self,
        _: Request<pb::LeaseTimeToLiveRequest>,
    ) -> Result<Response<pb::LeaseTimeToLiveResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn lease_leases(
        &self,
        _: Request<pb::LeaseLeasesRequest>,
    ) -> Result<Response<pb::LeaseLeasesResponse>, Status> {
        let leases = vec![pb::LeaseStatus { id: 777 }];
        Ok(Response::new(pb::LeaseLeasesResponse { header: header(3), leases }))
    }
}

#[tonic::async_trait]
impl Lock for Fake {
    /// Somebody else holds it.
    async fn lock(&self, _: Request<lock::LockRequest>) -> Result<Response<lock::LockResponse>, Status> {
        self.wait().await
    }

    async fn unlock(
        &self,
        _: Request<lock::UnlockRequest>,
    ) -> Result<Response<lock::UnlockResponse>, Status> {
        Ok(Response::new(lock::UnlockResponse { header: header(9) }))
    }
}

#[tonic::async_trait]
impl Election for Fake {
    type ObserveStream = Answers<election::LeaderResponse>;

    /// Nobody is elected, or what the name says.
    async fn observe(
        &self,
        request: Request<election::LeaderRequest>,
    ) -> Result<Response<Self::ObserveStream>, Status> {
        let elected = || election::LeaderResponse { header: header(10), kv: Some(key_value()) };
        let elected = stream::iter([Ok(elected())]);
        match std::str::from_utf8(&request.get_ref().name).unwrap() {
            "refused" => Err(Status::unknown("auth: user name is empty")),
            "refused later" => {
                let broken = stream::iter([Err(Status::unavailable("error reading from server: EOF"))]);
                Ok(Response::new(Box::pin(elected.chain(broken))))
            }
            "elected" => Ok(Response::new(Box::pin(elected.chain(stream::pending())))),
            "ended" => Ok(Response::new(Box::pin(stream::empty()))),
            _ => Ok(Response::new(Box::pin(stream::pending()))),
        }
    }

    async fn campaign(
        &self,
        _: Request<election::CampaignRequest>,
    ) -> Result<Response<election::CampaignResponse>, Status> {
        self.wait().await
    }

    async fn proclaim(
        &self,
        _: Request<election::ProclaimRequest>,
    ) -> Result<Response<election::ProclaimResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn leader(
        &self,
        _: Request<election::LeaderRequest>,
    ) -> Result<Response<election::LeaderResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn resign(
        &self,
        _: Request<election::ResignRequest>,
    ) -> Result<Response<election::ResignResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }
}
