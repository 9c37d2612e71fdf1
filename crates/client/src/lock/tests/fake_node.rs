//! A node in this process: its script, what it was asked, and connections to it through memory, so that tokio's
//! paused time holds for them.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use conclave_proto::lock::v1::election_service_server::ElectionServiceServer;
use conclave_proto::lock::v1::lock_service_server::LockServiceServer;
use conclave_proto::lock::v1::session_service_server::SessionServiceServer;
use conclave_proto::lock::v1::{
    AcquireRequest, AcquireResponse, Grant, ObserveResponse, ProclaimRequest, ReleaseRequest,
    TryAcquireRequest, Waiting, WatchLocksResponse, acquire_response::Event,
};
use futures::StreamExt as _;
use hyper_util::rt::TokioIo;
use tokio::io::DuplexStream;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Duration, Instant};
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::transport::{Endpoint, Server, Uri};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use super::TTL;
use super::fake_service::Served;
use crate::nodes::Node;

/// How a node takes renewals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Renewals {
    /// It answers them.
    Answered,
    /// It answers them a second late.
    Late,
    /// It says nothing.
    Silence,
    /// It cannot answer them.
    Refused,
    /// It knows no such session.
    Gone,
}

/// What is told on one stream.
pub(super) type Feed<M> = mpsc::UnboundedReceiver<Result<M, Status>>;
/// Where a test tells it.
pub(super) type Teller<M> = mpsc::UnboundedSender<Result<M, Status>>;

/// What a node does, and what it was asked.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) renewals: Renewals,
    /// How the next asks for a lock, or candidacies, go; further ones are told nothing.
    pub(super) acquires: VecDeque<Feed<AcquireResponse>>,
    /// How often a release is refused for now.
    pub(super) releases_refused: u32,
    /// What a try without waiting comes to: a grant with this token, or that the lock is held.
    pub(super) try_token: Option<u64>,
    pub(super) observations: VecDeque<Feed<ObserveResponse>>,
    pub(super) watches: VecDeque<Feed<WatchLocksResponse>>,

    pub(super) renewed: Vec<Instant>,
    /// Each ask, and whether it was a candidacy.
    pub(super) acquired: Vec<(AcquireRequest, bool)>,
    pub(super) tried: Vec<TryAcquireRequest>,
    pub(super) released: Vec<ReleaseRequest>,
    pub(super) proclaimed: Vec<ProclaimRequest>,
    pub(super) closed: Vec<u64>,
}

/// A node; it ends with its owner.
pub(super) struct FakeNode {
    connections: mpsc::UnboundedSender<io::Result<DuplexStream>>,
    script: Arc<watch::Sender<Script>>,
    _server: JoinSet<()>,
}

impl FakeNode {
    pub(super) fn start() -> Self {
        let script = Arc::new(watch::Sender::new(Script::new()));
        let (connections, incoming) = mpsc::unbounded_channel();
        let served = Served(Arc::clone(&script));
        let serving = Server::builder()
            .add_service(SessionServiceServer::new(served.clone()))
            .add_service(LockServiceServer::new(served.clone()))
            .add_service(ElectionServiceServer::new(served))
            .serve_with_incoming(UnboundedReceiverStream::new(incoming));
        let mut server = JoinSet::new();
        server.spawn(async { serving.await.expect("the server serves") });
        Self { connections, script, _server: server }
    }

    /// The node as a client knows it.
    pub(super) fn connect(&self) -> Node {
        let connections = self.connections.clone();
        let connector = tower::service_fn(move |_: Uri| {
            let (near, far) = tokio::io::duplex(1 << 16);
            let sent = connections.send(Ok(far)).map_err(|_| io::ErrorKind::ConnectionRefused);
            async move { sent.map(|()| TokioIo::new(near)).map_err(io::Error::from) }
        });
        let channel = Endpoint::from_static("http://fake").connect_with_connector_lazy(connector);
        Node { url: "http://fake".into(), channel }
    }

    /// Changes what the node does.
    pub(super) fn does(&self, change: impl FnOnce(&mut Script)) {
        self.script.send_modify(change);
    }

    /// What the next ask for a lock is told, when the test tells it.
    pub(super) fn on_acquire(&self) -> Teller<AcquireResponse> {
        let (teller, feed) = mpsc::unbounded_channel();
        self.does(|script| script.acquires.push_back(feed));
        teller
    }

    /// What it was asked.
    pub(super) fn asked<T>(&self, read: impl FnOnce(&Script) -> T) -> T {
        read(&self.script.borrow())
    }

    /// Waits until it was asked something.
    pub(super) async fn until(&self, mut was_asked: impl FnMut(&Script) -> bool) {
        let mut script = self.script.subscribe();
        let asked = script.wait_for(|script| was_asked(script));
        tokio::time::timeout(Duration::from_secs(100), asked).await.expect("in time").expect("it lives");
    }
}

impl Script {
    fn new() -> Self {
        Self {
            renewals: Renewals::Answered,
            acquires: VecDeque::new(),
            releases_refused: 0,
            try_token: None,
            observations: VecDeque::new(),
            watches: VecDeque::new(),
            renewed: Vec::new(),
            acquired: Vec::new(),
            tried: Vec::new(),
            released: Vec::new(),
            proclaimed: Vec::new(),
            closed: Vec::new(),
        }
    }

    /// The TTL that a renewal is answered with.
    pub(super) fn ttl_ms(&self) -> u64 {
        match self.renewals {
            Renewals::Gone => 0,
            _ => u64::try_from(TTL.as_millis()).expect("it is short"),
        }
    }
}

pub(super) fn waiting(ticket: u64, ahead: u64) -> Result<AcquireResponse, Status> {
    Ok(AcquireResponse { event: Some(Event::Waiting(Waiting { ahead, ticket })) })
}

pub(super) fn granted(ticket: u64, token: u64) -> Result<AcquireResponse, Status> {
    Ok(AcquireResponse { event: Some(Event::Granted(Grant { token, ticket, since_ms: 1 })) })
}

pub(super) fn refused(code: Code, reason: &str) -> Status {
    Status::with_error_details(code, reason, ErrorDetails::with_error_info(reason, "conclave", []))
}

/// A stream of what a feed tells; without one, nothing.
pub(super) fn stream_of<M: Send + 'static>(
    feed: Option<Feed<M>>,
) -> futures::stream::BoxStream<'static, Result<M, Status>> {
    match feed {
        Some(feed) => UnboundedReceiverStream::new(feed).boxed(),
        None => futures::stream::pending().boxed(),
    }
}
