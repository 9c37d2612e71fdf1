//! The network of machines: gRPC over HTTP/2 over TCP, with checksums of its own.
//!
//! Both sides keep their connections alive: a peer that is cut off is noticed within seconds although nothing is
//! refused.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use conclave_checked_stream::{CheckedStream, open};
use futures::TryStreamExt as _;
use http::Uri;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Endpoint, Server};
use tower::ServiceExt as _;
use tower::util::BoxCloneSyncService;

use crate::errors::ConsensusError;
use crate::local_node::BoxFuture;
use crate::network::{Network, PeerListener, PeerRoutes, PeerService};
use crate::peer_status::failed;

/// What a stream may have under way before the other side has read it.
const STREAM_WINDOW_SIZE_BYTES: u32 = 4 << 20;
/// What a connection may have under way before the other side has read it.
const CONNECTION_WINDOW_SIZE_BYTES: u32 = 16 << 20;
/// How often a connection is tried, and how long the answer may take.
const KEEP_ALIVE: Duration = Duration::from_secs(2);
/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// How long calls that are under way may take to end once the node stops.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);

/// The network of machines.
#[derive(Clone, Copy, Debug, Default)]
pub struct TcpNetwork;

impl Network for TcpNetwork {
    fn check(&self, node: u64, address: &str) -> Result<(), ConsensusError> {
        endpoint(node, address).map(drop)
    }

    fn connect(&self, node: u64, address: &str) -> Result<PeerService, ConsensusError> {
        let reached = address.to_owned();
        let connecting = tower::service_fn(move |_: Uri| open(reached.clone()));
        let channel = endpoint(node, address)?.connect_with_connector_lazy(connecting);
        Ok(BoxCloneSyncService::new(channel.map_err(failed)))
    }

    fn listen(&self, address: SocketAddr) -> BoxFuture<'_, io::Result<Box<dyn PeerListener>>> {
        Box::pin(async move {
            let listener = TcpPeerListener::from(TcpListener::bind(address).await?);
            Ok(Box::new(listener) as Box<dyn PeerListener>)
        })
    }
}

/// How a node is reached at an address.
fn endpoint(node: u64, address: &str) -> Result<Endpoint, ConsensusError> {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).map_err(|error| {
        ConsensusError::Address { node, address: address.to_owned(), cause: error.to_string() }
    })?;
    Ok(endpoint
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE)
        .keep_alive_while_idle(true)
        .initial_stream_window_size(STREAM_WINDOW_SIZE_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_SIZE_BYTES))
}

/// A TCP port that is taken.
#[derive(Debug)]
pub struct TcpPeerListener(TcpListener);

impl From<TcpListener> for TcpPeerListener {
    fn from(listener: TcpListener) -> Self {
        Self(listener)
    }
}

impl PeerListener for TcpPeerListener {
    fn serve(
        self: Box<Self>,
        routes: PeerRoutes,
        stop: CancellationToken,
    ) -> BoxFuture<'static, Result<(), ConsensusError>> {
        Box::pin(serve(self.0, routes, stop))
    }
}

async fn serve(
    listener: TcpListener,
    routes: PeerRoutes,
    stop: CancellationToken,
) -> Result<(), ConsensusError> {
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true)).map_ok(CheckedStream::from);
    let serving = Server::builder()
        .initial_stream_window_size(STREAM_WINDOW_SIZE_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_SIZE_BYTES)
        .http2_keepalive_interval(Some(KEEP_ALIVE))
        .http2_keepalive_timeout(Some(KEEP_ALIVE))
        .add_routes(routes)
        .serve_with_incoming_shutdown(incoming, stop.clone().cancelled_owned());
    let drained = async {
        stop.cancelled().await;
        tokio::time::sleep(DRAIN_TIMEOUT).await;
    };
    tokio::select! {
        served = serving => served.map_err(|error| ConsensusError::PeerService(error.to_string())),
        () = drained => {
            tracing::warn!("calls of other nodes were cut off by the shutdown");
            Ok(())
        }
    }
}
