//! The service that a client calls, and the loop that serves.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use conclave_raft::unsent;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Full};
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep;
use tokio_util::task::TaskTracker;
use tonic::Status;
use tonic::body::Body;
use tower::{Service, ServiceExt};

use super::HostId;
use super::body::{Broken, arriving, send};
use super::call::{Call, End};
use super::carrier::{Incoming, Net, Piece};

/// That the connection broke; the call may have arrived.
fn lost(broken: impl std::fmt::Display) -> Status {
    Status::unavailable(broken.to_string())
}

/// The network as one host has it, from one start to its end.
#[derive(Clone)]
pub(crate) struct HostNet {
    net: Arc<Net>,
    host: HostId,
}

impl HostNet {
    pub(crate) fn new(net: Arc<Net>, host: HostId) -> Self {
        Self { net, host }
    }

    /// How calls to `address` are made. Those to a path of `repeatable` may arrive twice.
    pub(crate) fn connect(&self, address: &str, repeatable: &'static [&'static str]) -> Channel {
        Channel { net: self.clone(), address: address.to_owned(), repeatable }
    }

    /// From now on, calls to `address` come here.
    pub(crate) fn listen(&self, address: &str) -> Served {
        let arriving = self.net.serve(self.host, address.to_owned());
        Served { net: Arc::clone(&self.net), arriving }
    }
}

/// Calls to one address.
#[derive(Clone)]
pub(crate) struct Channel {
    net: HostNet,
    address: String,
    repeatable: &'static [&'static str],
}

type Answering = Pin<Box<dyn Future<Output = Result<Response<Body>, Status>> + Send>>;

impl Service<Request<Body>> for Channel {
    type Response = Response<Body>;
    type Error = Status;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Answering {
        let channel = self.clone();
        Box::pin(async move {
            let may_repeat = channel.repeatable.iter().any(|path| request.uri().path().ends_with(path));
            if may_repeat && channel.net.net.is_repeated(channel.net.host, &channel.address) {
                return channel.call_twice(request).await;
            }
            channel.call_once(request).await
        })
    }
}

impl Channel {
    /// Nobody waits for the first answer.
    async fn call_twice(self, request: Request<Body>) -> Result<Response<Body>, Status> {
        let (parts, body) = request.into_parts();
        let whole = body.collect().await.map_err(lost)?.to_bytes();
        let again = || Request::from_parts(parts.clone(), Body::new(Full::new(whole.clone())));
        let first = self.clone().call_once(again());
        let tasks = TaskTracker::new();
        tasks.spawn(async move {
            if let Ok(response) = first.await {
                drop(response.into_body().collect().await);
            }
        });
        self.call_once(again()).await
    }

    async fn call_once(self, request: Request<Body>) -> Result<Response<Body>, Status> {
        let Self { net: HostNet { net, host }, address, .. } = self;
        let (mut parts, body) = request.into_parts();
        let Some(call) = net.open(host, &address, parts.uri.path()) else {
            sleep(Duration::from_millis(1)).await;
            return Err(unsent(format!("{address} was not reached")));
        };
        parts.uri = at(&address, &parts.uri);
        let (inlet, arriving_request) = arriving(&net, &call, End::Server);
        let (responds, response) = oneshot::channel();
        parts.extensions.insert(Responds(Arc::new(parking_lot::Mutex::new(Some(responds)))));
        let incoming = Incoming { call: Arc::clone(&call), parts, body: arriving_request };
        let mut unwanted = Unwanted { net: &net, call: &call, is_answered: false };
        net.send(&call, End::Client, Piece::Request(Box::new(incoming)));
        TaskTracker::new().spawn(send(Arc::clone(&net), Arc::clone(&call), End::Client, body, inlet));
        let broken = || lost(Broken { path: call.path.clone() });
        let answered = tokio::select! {
            biased;
            Ok(answered) = response => Ok(answered),
            () = call.broken(End::Client).cancelled() => Err(broken()),
        };
        unwanted.is_answered = true;
        let (parts, body) = answered?;
        Ok(Response::from_parts(parts, Body::new(body)))
    }
}

/// Where the response of a call goes, kept beside its request.
#[derive(Clone)]
struct Responds(Arc<parking_lot::Mutex<Option<RespondsTo>>>);

type RespondsTo = oneshot::Sender<(http::response::Parts, super::body::Arriving)>;

/// Tells the server if the client waits for the response no longer.
struct Unwanted<'a> {
    net: &'a Arc<Net>,
    call: &'a Arc<Call>,
    is_answered: bool,
}

impl Drop for Unwanted<'_> {
    fn drop(&mut self) {
        if !self.is_answered {
            self.net.send(self.call, End::Client, Piece::Cancel);
        }
    }
}

/// The same path, at `address`.
fn at(address: &str, uri: &Uri) -> Uri {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let uri = Uri::builder().scheme("http").authority(address).path_and_query(path).build();
    uri.expect("a path that was in a URI and the address of a host make a URI")
}

/// An address at which a host serves.
pub(crate) struct Served {
    net: Arc<Net>,
    arriving: mpsc::UnboundedReceiver<Incoming>,
}

impl Served {
    /// Hands what arrives to `service`, until the host ends or this is dropped.
    pub(crate) async fn run<S>(mut self, service: S)
    where
        S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
        S::Error: Send,
        S::Future: Send,
    {
        let tasks = TaskTracker::new();
        while let Some(incoming) = self.arriving.recv().await {
            tasks.spawn(answer(Arc::clone(&self.net), incoming, service.clone()));
        }
    }
}

async fn answer<S>(net: Arc<Net>, incoming: Incoming, service: S)
where
    S: Service<Request<Body>, Response = Response<Body>> + Send + 'static,
    S::Error: Send,
    S::Future: Send,
{
    let Incoming { call, mut parts, body } = incoming;
    let responds = parts.extensions.remove::<Responds>().and_then(|responds| responds.0.lock().take());
    let Some(responds) = responds else { return };
    let request = Request::from_parts(parts, Body::new(body));
    let answered = tokio::select! {
        biased;
        () = call.broken(End::Server).cancelled() => return,
        answered = service.oneshot(request) => answered,
    };
    let Ok(response) = answered else {
        return net.send(&call, End::Server, Piece::Cancel);
    };
    let (parts, body) = response.into_parts();
    let (inlet, arriving_response) = arriving(&net, &call, End::Client);
    let head = Box::new((parts, arriving_response));
    net.send(&call, End::Server, Piece::Response(responds, head));
    send(net, call, End::Server, body, inlet).await;
}
