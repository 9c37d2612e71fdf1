//! How nodes reach one another and are reached: passed in, so that a simulation can carry their calls itself.
//!
//! A call is an HTTP request with its answer, as gRPC makes them; what it says is nothing to the network.
//! `tcp_network.rs` is the one that machines have.

use std::io;
use std::net::SocketAddr;

use tokio_util::sync::CancellationToken;
use tonic::Status;
use tower::util::BoxCloneSyncService;

use crate::errors::ConsensusError;
use crate::local_node::BoxFuture;

/// A call of another node, its messages in the body.
pub type PeerRequest = http::Request<tonic::body::Body>;
/// The answer to one.
pub type PeerResponse = http::Response<tonic::body::Body>;

/// The way to a node. Clones share it.
///
/// What goes wrong is told by the call's future, never by `poll_ready`, of whose errors callers see only the text:
///
/// - [`unsent`](crate::unsent) says that the call was **surely not sent**: whoever made it may take another way with the
///   same proposal. It must be given only if no part of the call came to the node or ever will. (Any status does so that
///   has a [`tonic::ConnectError`] among its sources.)
/// - Any other status leaves open what the node did. With [`Code::Unavailable`](tonic::Code::Unavailable) it is of no
///   use to try again at once; after most other codes consensus does.
///
/// A call that nobody answers need not end: callers wait as long as they mean to, and then drop it. Dropping a call, or
/// its answer, ends it; the body of the request is dropped then too. An answer's body may break off, with a status.
pub type PeerService = BoxCloneSyncService<PeerRequest, PeerResponse, Status>;

/// What serves the calls of other nodes. As long as a clone of it is there, it holds the node's stores.
pub type PeerRoutes = tonic::service::Routes;

/// How nodes reach one another and are reached.
pub trait Network: Send + Sync + 'static {
    /// Whether this can be an address of `node` (`host:port`). Nothing is connected.
    ///
    /// # Errors
    /// [`ConsensusError::Address`] if it cannot.
    fn check(&self, node: u64, address: &str) -> Result<(), ConsensusError>;

    /// A new way to `node` at `address`: connected when it is first used, and anew when it breaks. Two
    /// ways do not hold each other up. Called within the runtime that uses it.
    ///
    /// # Errors
    /// As of [`check`](Network::check). Whether somebody is there, the calls tell.
    fn connect(&self, node: u64, address: &str) -> Result<PeerService, ConsensusError>;

    /// Takes the address at which the other nodes reach this one. Calls wait until they are served.
    fn listen(&self, address: SocketAddr) -> BoxFuture<'_, io::Result<Box<dyn PeerListener>>>;
}

/// An address that is taken.
pub trait PeerListener: Send + 'static {
    /// Serves calls until `stop` is cancelled, and a little longer for those under way; `routes` are dropped then. The
    /// streams end by themselves with `stop`.
    ///
    /// # Errors
    /// [`ConsensusError::PeerService`] if calls cannot be taken any more.
    fn serve(
        self: Box<Self>,
        routes: PeerRoutes,
        stop: CancellationToken,
    ) -> BoxFuture<'static, Result<(), ConsensusError>>;
}
