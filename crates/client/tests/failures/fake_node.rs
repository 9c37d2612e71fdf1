//! A node that does what a test tells it to, on a loopback port.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};

use conclave_client::config::{self, watch_response::Event};
use conclave_client::{Client, ClientOptions};
use conclave_proto::config::v1::config_service_server::{ConfigService, ConfigServiceServer};
use futures::{Stream, StreamExt as _, stream};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_stream::wrappers::{TcpListenerStream, UnboundedReceiverStream};
use tonic::{Request, Response, Status};

/// What a node does with a call.
#[derive(Clone)]
pub(crate) enum Reply<T> {
    Answer(T),
    Refuse(Status),
    /// Never says a word.
    Silence,
}

/// How a watch stream ends when all that was told is sent.
#[derive(Clone)]
pub(crate) enum End {
    /// The node closes it.
    Close,
    /// It stays open, silent.
    Silence,
}

/// What a node does with a watch.
pub(crate) enum Stage {
    Stream(Vec<Event>, End),
    /// Tells what the test sends, when it sends it, and closes the stream when the sender is dropped.
    Live(mpsc::UnboundedReceiver<Event>),
    Refuse(Status),
    /// Opens the stream when the test says so, tells this, and then nothing more.
    Late(oneshot::Receiver<()>, Vec<Event>),
}

/// What a node was asked, in order, and what it will do.
#[derive(Default)]
struct Script {
    commits: VecDeque<Reply<config::CommitResponse>>,
    lists: VecDeque<Reply<config::ListResponse>>,
    searches: VecDeque<Reply<config::SearchResponse>>,
    watches: VecDeque<Stage>,
    committed: Vec<config::CommitRequest>,
    listed: Vec<config::ListRequest>,
    searched: Vec<config::SearchRequest>,
    watched: Vec<config::WatchRequest>,
}

/// A node; it ends with its owner.
pub(crate) struct FakeNode {
    address: String,
    script: Arc<Mutex<Script>>,
    _server: JoinSet<()>,
}

impl FakeNode {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound").to_string();
        let script = Arc::<Mutex<Script>>::default();
        let service = ConfigServiceServer::new(Served(Arc::clone(&script)));
        let serving = tonic::transport::Server::builder()
            .add_service(service)
            .serve_with_incoming(TcpListenerStream::new(listener));
        let mut server = JoinSet::new();
        server.spawn(async { serving.await.expect("the server serves") });
        Self { address, script, _server: server }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn on_commit(&self, reply: Reply<config::CommitResponse>) -> &Self {
        self.script().commits.push_back(reply);
        self
    }

    pub(crate) fn on_list(&self, reply: Reply<config::ListResponse>) -> &Self {
        self.script().lists.push_back(reply);
        self
    }

    pub(crate) fn on_search(&self, reply: Reply<config::SearchResponse>) -> &Self {
        self.script().searches.push_back(reply);
        self
    }

    pub(crate) fn on_watch(&self, stage: Stage) -> &Self {
        self.script().watches.push_back(stage);
        self
    }

    /// The request ids of the commits that arrived here.
    pub(crate) fn request_ids(&self) -> Vec<String> {
        let ids = |commit: &config::CommitRequest| commit.authorship.clone().unwrap_or_default().request_id;
        self.script().committed.iter().map(ids).collect()
    }

    /// The page tokens of the listings that arrived here.
    pub(crate) fn page_tokens(&self) -> Vec<String> {
        self.script().listed.iter().map(|list| list.page_token.clone()).collect()
    }

    /// The page tokens of the searches that arrived here.
    pub(crate) fn search_tokens(&self) -> Vec<String> {
        self.script().searched.iter().map(|search| search.page_token.clone()).collect()
    }

    /// The revisions from which watches were begun here.
    pub(crate) fn watched_from(&self) -> Vec<u64> {
        self.script().watched.iter().map(|watch| watch.start_revision).collect()
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().expect("no test panics in here")
    }
}

/// An address where nobody listens.
pub(crate) async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    listener.local_addr().expect("it is bound").to_string()
}

/// A client of these nodes that waits for short times only.
pub(crate) fn client_of(addresses: &[&str]) -> Client {
    let options = ClientOptions {
        timeout_ms: 5_000,
        attempt_timeout_ms: 150,
        backoff_min_ms: 1,
        backoff_max_ms: 10,
        // Tests name the nodes in the order in which they are to be asked.
        client_id: String::new(),
        ..ClientOptions::new(addresses.iter().copied())
    };
    Client::connect(options).expect("the options can be used")
}

struct Served(Arc<Mutex<Script>>);

impl Served {
    fn script(&self) -> MutexGuard<'_, Script> {
        self.0.lock().expect("no test panics in here")
    }
}

pub(crate) async fn replied<T>(reply: Option<Reply<T>>) -> Result<Response<T>, Status> {
    match reply {
        Some(Reply::Answer(answer)) => Ok(Response::new(answer)),
        Some(Reply::Refuse(status)) => Err(status),
        Some(Reply::Silence) => std::future::pending().await,
        None => Err(unexpected()),
    }
}

#[allow(clippy::unnecessary_wraps, reason = "streams carry results")]
fn message(event: Event) -> Result<config::WatchResponse, Status> {
    Ok(config::WatchResponse { event: Some(event) })
}

pub(crate) fn unexpected() -> Status {
    Status::failed_precondition("the test told this node nothing about such a call")
}

/// Calls that no test makes, written as the trait's macro would write them.
macro_rules! unexpected {
    ($($call:ident($request:ident) $response:ident;)*) => {$(
        fn $call<'s, 'f>(&'s self, _: Request<config::$request>) -> Unexpected<'f, config::$response>
        where
            's: 'f,
        {
            Box::pin(async { Err(unexpected()) })
        }
    )*};
}

type Unexpected<'f, A> = Pin<Box<dyn Future<Output = Result<Response<A>, Status>> + Send + 'f>>;

#[tonic::async_trait]
impl ConfigService for Served {
    async fn commit(
        &self,
        request: Request<config::CommitRequest>,
    ) -> Result<Response<config::CommitResponse>, Status> {
        let reply = {
            let mut script = self.script();
            script.committed.push(request.into_inner());
            script.commits.pop_front()
        };
        replied(reply).await
    }

    async fn list(
        &self,
        request: Request<config::ListRequest>,
    ) -> Result<Response<config::ListResponse>, Status> {
        let reply = {
            let mut script = self.script();
            script.listed.push(request.into_inner());
            script.lists.pop_front()
        };
        replied(reply).await
    }

    async fn search(
        &self,
        request: Request<config::SearchRequest>,
    ) -> Result<Response<config::SearchResponse>, Status> {
        let reply = {
            let mut script = self.script();
            script.searched.push(request.into_inner());
            script.searches.pop_front()
        };
        replied(reply).await
    }

    type WatchStream = Pin<Box<dyn Stream<Item = Result<config::WatchResponse, Status>> + Send>>;

    async fn watch(
        &self,
        request: Request<config::WatchRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let stage = {
            let mut script = self.script();
            script.watched.push(request.into_inner());
            script.watches.pop_front()
        };
        match stage {
            None => Err(unexpected()),
            Some(Stage::Refuse(status)) => Err(status),
            Some(Stage::Live(events)) => {
                Ok(Response::new(UnboundedReceiverStream::new(events).map(message).boxed()))
            }
            Some(Stage::Late(may_open, events)) => {
                may_open.await.map_err(|_| unexpected())?;
                Ok(Response::new(
                    stream::iter(events.into_iter().map(message)).chain(stream::pending()).boxed(),
                ))
            }
            Some(Stage::Stream(events, end)) => {
                let told = stream::iter(events.into_iter().map(message));
                Ok(Response::new(match end {
                    End::Close => told.boxed(),
                    End::Silence => told.chain(stream::pending()).boxed(),
                }))
            }
        }
    }

    unexpected! {
        create_namespace(CreateNamespaceRequest) CreateNamespaceResponse;
        update_namespace(UpdateNamespaceRequest) UpdateNamespaceResponse;
        get_namespace(GetNamespaceRequest) GetNamespaceResponse;
        list_namespaces(ListNamespacesRequest) ListNamespacesResponse;
        delete_namespace(DeleteNamespaceRequest) DeleteNamespaceResponse;
        get_defaults(GetDefaultsRequest) GetDefaultsResponse;
        update_defaults(UpdateDefaultsRequest) UpdateDefaultsResponse;
        get(GetRequest) GetResponse;
        history(HistoryRequest) HistoryResponse;
        item_history(ItemHistoryRequest) ItemHistoryResponse;
        diff(DiffRequest) DiffResponse;
        rollback(RollbackRequest) RollbackResponse;
        set_tag(SetTagRequest) SetTagResponse;
        delete_tag(DeleteTagRequest) DeleteTagResponse;
        list_tags(ListTagsRequest) ListTagsResponse;
        create_snapshot(CreateSnapshotRequest) CreateSnapshotResponse;
        get_snapshot(GetSnapshotRequest) GetSnapshotResponse;
        list_snapshots(ListSnapshotsRequest) ListSnapshotsResponse;
        list_snapshot_namespaces(ListSnapshotNamespacesRequest) ListSnapshotNamespacesResponse;
        delete_snapshot(DeleteSnapshotRequest) DeleteSnapshotResponse;
        rollback_snapshot(RollbackSnapshotRequest) RollbackSnapshotResponse;
    }
}
