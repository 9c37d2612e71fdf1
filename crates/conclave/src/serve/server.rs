//! The client port: the doors on one listener.

use std::time::Duration;

use conclave_door::Limits;
use conclave_node::NodeHandle;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

use super::settings::Settings;

/// How often an idle connection is asked whether the other end is still there.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(20);
/// How long it may take to answer.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);
/// Most calls that one connection may have open at once; more wait.
const STREAMS_A_CONNECTION_MAX: u32 = 1_000;

/// Serves clients until `stop`, then until the requests under way have ended.
pub(super) async fn serve(
    node: NodeHandle,
    limits: Limits,
    listener: TcpListener,
    stop: CancellationToken,
) -> Result<(), tonic::transport::Error> {
    let routes = conclave_door_native::services(node, limits, stop.clone());
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    Server::builder()
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .max_concurrent_streams(Some(STREAMS_A_CONNECTION_MAX))
        .layer(conclave_door::RequestSpanLayer)
        .add_routes(routes)
        .serve_with_incoming_shutdown(incoming, stop.cancelled_owned())
        .await
}

/// The bounds that the settings set.
pub(super) fn limits(settings: &Settings) -> Limits {
    Limits {
        key_size_bytes_max: settings.limits_key_size_bytes_max,
        value_size_bytes_max: settings.limits_value_size_bytes_max,
        commit_edits_max: settings.limits_commit_edits_max,
        commit_size_bytes_max: settings.limits_commit_size_bytes_max,
        message_size_bytes_max: settings.limits_message_size_bytes_max,
        author_size_bytes_max: settings.limits_author_size_bytes_max,
        watch_targets_max: settings.limits_watch_targets_max,
        watch_streams_max: settings.limits_watch_streams_max,
    }
}
