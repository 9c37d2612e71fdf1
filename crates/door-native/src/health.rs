//! `grpc.health.v1`, read from the node's readiness whenever somebody asks: no copy of it is kept.

use std::pin::Pin;

use conclave_door::Refusal;
use conclave_node::Readiness;
use conclave_proto::cluster::v1::cluster_service_server::SERVICE_NAME as CLUSTER;
use conclave_proto::config::v1::config_service_server::SERVICE_NAME as CONFIG;
use conclave_proto::lock::v1::election_service_server::SERVICE_NAME as ELECTIONS;
use conclave_proto::lock::v1::lock_service_server::SERVICE_NAME as LOCKS;
use conclave_proto::lock::v1::session_service_server::SERVICE_NAME as SESSIONS;
use futures::{Stream, StreamExt as _, stream};
use tokio::sync::watch;
use tokio_stream::wrappers::WatchStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::Health;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

/// Answers `grpc.health.v1.Health`.
pub(crate) struct HealthDoor {
    readiness: watch::Receiver<Readiness>,
    stop: CancellationToken,
}

/// What a health check can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subject {
    /// The services of what is stored, and the node as a whole: they need a leader.
    Whole,
    /// The cluster service: it also tells that there is no leader.
    Cluster,
}

impl HealthDoor {
    pub(crate) fn new(readiness: watch::Receiver<Readiness>, stop: CancellationToken) -> Self {
        Self { readiness, stop }
    }
}

#[tonic::async_trait]
impl Health for HealthDoor {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        let service = request.into_inner().service;
        match Subject::of(&service) {
            Some(subject) => Ok(Response::new(response(subject.serving(*self.readiness.borrow())))),
            None => Err(Refusal::UnknownService { service }.into()),
        }
    }

    type WatchStream = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let stop = self.stop.clone().cancelled_owned();
        let statuses = match Subject::of(&request.into_inner().service) {
            Some(subject) => follow(self.readiness.clone(), subject).boxed(),
            // The protocol wants the call to stay open: the service could come to be.
            None => stream::iter([ServingStatus::ServiceUnknown]).chain(stream::pending()).boxed(),
        };
        Ok(Response::new(statuses.map(|status| Ok(response(status))).take_until(stop).boxed()))
    }
}

impl Subject {
    fn of(service: &str) -> Option<Self> {
        match service {
            "" | CONFIG | SESSIONS | LOCKS | ELECTIONS => Some(Self::Whole),
            CLUSTER => Some(Self::Cluster),
            _ => None,
        }
    }

    fn serving(self, readiness: Readiness) -> ServingStatus {
        match (self, readiness) {
            (_, Readiness::Ready)
            | (Self::Cluster, Readiness::NoLeader | Readiness::Recovering | Readiness::Corrupt) => {
                ServingStatus::Serving
            }
            (_, Readiness::ShuttingDown)
            | (Self::Whole, Readiness::NoLeader | Readiness::Recovering | Readiness::Corrupt) => {
                ServingStatus::NotServing
            }
        }
    }
}

/// The status now, and then each other one.
fn follow(readiness: watch::Receiver<Readiness>, subject: Subject) -> impl Stream<Item = ServingStatus> {
    let statuses = WatchStream::new(readiness).map(move |readiness| subject.serving(readiness));
    let mut told = None;
    statuses.filter(move |status| {
        let is_news = told.replace(*status) != Some(*status);
        std::future::ready(is_news)
    })
}

fn response(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse { status: status.into() }
}

#[cfg(test)]
mod tests {
    use tonic::Code;

    use super::*;

    fn asked(service: &str) -> Request<HealthCheckRequest> {
        Request::new(HealthCheckRequest { service: service.into() })
    }

    fn door(readiness: Readiness) -> (watch::Sender<Readiness>, CancellationToken, HealthDoor) {
        let sender = watch::Sender::new(readiness);
        let stop = CancellationToken::new();
        let door = HealthDoor::new(sender.subscribe(), stop.clone());
        (sender, stop, door)
    }

    #[tokio::test]
    async fn the_whole_serves_while_there_is_a_leader_and_the_cluster_service_longer() {
        for (readiness, whole, cluster) in [
            (Readiness::Ready, ServingStatus::Serving, ServingStatus::Serving),
            (Readiness::NoLeader, ServingStatus::NotServing, ServingStatus::Serving),
            (Readiness::Recovering, ServingStatus::NotServing, ServingStatus::Serving),
            (Readiness::ShuttingDown, ServingStatus::NotServing, ServingStatus::NotServing),
        ] {
            let (_sender, _, door) = door(readiness);
            let of_all = ["", CONFIG, SESSIONS, LOCKS, ELECTIONS].map(|service| (service, whole));
            for (service, expected) in of_all.into_iter().chain([(CLUSTER, cluster)]) {
                let told = door.check(asked(service)).await.unwrap().into_inner().status();
                assert_eq!(told, expected, "{service} while {readiness:?}");
            }
        }
    }

    #[tokio::test]
    async fn an_unknown_service_is_told() {
        let (_sender, stop, door) = door(Readiness::Ready);
        assert_eq!(door.check(asked("nothing")).await.unwrap_err().code(), Code::NotFound);
        let mut statuses = door.watch(asked("nothing")).await.unwrap().into_inner();
        let first = statuses.next().await.unwrap().unwrap();
        assert_eq!(first.status(), ServingStatus::ServiceUnknown);
        stop.cancel();
        assert!(statuses.next().await.is_none());
    }

    #[tokio::test]
    async fn a_watch_tells_changes_only_and_ends_with_the_node() {
        let (sender, stop, door) = door(Readiness::Recovering);
        let mut statuses = door.watch(asked("")).await.unwrap().into_inner();
        assert_eq!(statuses.next().await.unwrap().unwrap().status(), ServingStatus::NotServing);
        sender.send_replace(Readiness::NoLeader);
        assert!(futures::poll!(statuses.next()).is_pending());
        sender.send_replace(Readiness::Ready);
        assert_eq!(statuses.next().await.unwrap().unwrap().status(), ServingStatus::Serving);
        stop.cancel();
        assert!(statuses.next().await.is_none());
    }
}
