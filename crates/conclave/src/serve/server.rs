//! The client port: the doors on one listener.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use conclave_door::{Answering, ByName, Limits, RequestSpanLayer, RpcMetrics, gathered};
use conclave_door_etcd::Ending;
use conclave_door_gateway::{Health, HealthQuestion};
use conclave_door_native::LogLevels;
use conclave_node::NodeHandle;
use futures::future::Either;
use http::{Request, Response};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::body::Body;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tower::Service;

use super::settings::Settings;

/// How often an idle connection is asked whether the other end is still there.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(20);
/// How long it may take to answer.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);
/// Most calls that one connection may have open at once; more wait. Many, for calls that wait for locks stay open, and
/// the renewal of their sessions must not wait behind them.
const STREAMS_A_CONNECTION_MAX: u32 = 10_000;
/// Most calls of one connection that were given up before this node took them in; with more it is closed. After a node
/// stood still, many have been.
const STREAMS_GIVEN_UP_MAX: usize = 1_000;
/// A watch outlives an election, and one that must be held again: so many times election_ms_max, and so long at least.
const WATCH_LEADERLESS_ELECTIONS: u64 = 3;
const WATCH_LEADERLESS_MS_MIN: u64 = 3_000;

/// Serves clients until `stop`, then until the requests under way have ended.
pub(super) async fn serve(
    node: NodeHandle,
    Terms { limits, slow, log_levels }: Terms,
    listener: TcpListener,
    stop: CancellationToken,
) -> Result<(), tonic::transport::Error> {
    let metrics = metrics(&node);
    let span = RequestSpanLayer::new(metrics.rpc, slow);
    let services = conclave_door_native::services(node.clone(), limits.clone(), log_levels, stop.clone());
    let ending = Ending { stop: stop.clone(), tasks: TaskTracker::new() };
    let services = conclave_door_etcd::add_services(services, node.clone(), &limits, ending.clone());
    let http = conclave_door_http::routes(&node, Arc::new(metrics.registry));
    let grpc = services.routes().into_axum_router();
    let grpc = grpc.route_layer(axum::middleware::from_fn(conclave_door_http::grpc_only));
    let gateway = etcd_gateway(node, grpc.clone());
    let rest = grpc.merge(http).merge(gateway).fallback(conclave_door_http::unknown);
    let port = Port { grpc: services.by_name(), rest: rest.into() };
    let incoming = gathered(TcpIncoming::from(listener).with_nodelay(Some(true)));
    let served = Server::builder()
        // Probes and scrapers speak HTTP/1.1.
        .accept_http1(true)
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .max_concurrent_streams(Some(STREAMS_A_CONNECTION_MAX))
        .http2_max_pending_accept_reset_streams(Some(STREAMS_GIVEN_UP_MAX))
        .layer(span)
        .serve_with_incoming_shutdown(port, incoming, stop.cancelled_owned())
        .await;
    ending.tasks.close();
    ending.tasks.wait().await;
    served
}

/// All that is served: calls of gRPC by the names of their services, and whatever else there is.
#[derive(Clone)]
struct Port {
    grpc: ByName,
    rest: Routes,
}

impl Service<Request<Body>> for Port {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Either<Answering, <Routes as Service<Request<Body>>>::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Service::<Request<Body>>::poll_ready(&mut self.rest, context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        match self.grpc.called(&request) {
            Some(service) => Either::Left(service.answer(request)),
            None => Either::Right(self.rest.call(request)),
        }
    }
}

/// etcd's API as JSON over HTTP, before its gRPC services in this process.
fn etcd_gateway(node: NodeHandle, grpc: Router) -> Router {
    let options = conclave_door_gateway::Options {
        message_size_bytes_max: conclave_door_gateway::MESSAGE_SIZE_BYTES_MAX_DEFAULT,
        server_version: conclave_door_etcd::ETCD_VERSION.to_owned(),
        cluster_version: conclave_door_etcd::ETCD_CLUSTER_VERSION.to_owned(),
    };
    conclave_door_gateway::routes(grpc, options, move |question: HealthQuestion| {
        let node = node.clone();
        async move {
            let HealthQuestion { serializable, excluded_alarms } = question;
            let ailment = conclave_door_etcd::ailment(&node, serializable, &excluded_alarms).await;
            ailment.map_or(Health::Healthy, Health::Unhealthy)
        }
    })
}

/// What the node's metrics are told from.
struct Metrics {
    registry: Registry,
    rpc: RpcMetrics,
}

fn metrics(node: &NodeHandle) -> Metrics {
    let mut registry = Registry::default();
    let version = [("version", env!("CARGO_PKG_VERSION"))];
    registry.register("conclave_build", "Version of the program", Info::new(version));
    let rpc = RpcMetrics::register(&mut registry);
    node.register_metrics(&mut registry);
    registry.register_collector(Box::new(conclave_door_http::ProcessCollector));
    Metrics { registry, rpc }
}

/// On what terms clients are served.
pub(super) struct Terms {
    limits: Limits,
    /// A request that takes so long is logged. Zero: none is.
    slow: Duration,
    log_levels: Arc<dyn LogLevels>,
}

impl Terms {
    /// Those of the settings.
    pub(super) fn new(settings: &Settings, log_levels: Arc<dyn LogLevels>) -> Self {
        let slow = Duration::from_millis(settings.log_slow_request_ms);
        Self { limits: limits(settings), slow, log_levels }
    }
}

/// The bounds that the settings set.
fn limits(settings: &Settings) -> Limits {
    Limits {
        key_size_bytes_max: settings.limits_key_size_bytes_max,
        value_size_bytes_max: settings.limits_value_size_bytes_max,
        commit_edits_max: settings.limits_commit_edits_max,
        commit_size_bytes_max: settings.limits_commit_size_bytes_max,
        message_size_bytes_max: settings.limits_message_size_bytes_max,
        author_size_bytes_max: settings.limits_author_size_bytes_max,
        watch_targets_max: settings.limits_watch_targets_max,
        watch_streams_max: settings.limits_watch_streams_max,
        acquire_streams_max: settings.limits_acquire_streams_max,
        keep_alive_streams_max: settings.limits_keep_alive_streams_max,
        watch_leaderless_ms_max: settings
            .election_ms_max
            .saturating_mul(WATCH_LEADERLESS_ELECTIONS)
            .max(WATCH_LEADERLESS_MS_MIN),
    }
}
