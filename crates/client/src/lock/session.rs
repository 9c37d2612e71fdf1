//! A session that renews itself.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use conclave_proto::lock::v1::OpenSessionRequest;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;
use tonic::Code;

use super::asking::Asking;
use super::clock::{BootClock, Clock};
use super::election::Election;
use super::keeper::keep;
use super::lease::Lease;
use super::lost::{SessionLost, SessionLostCause};
use super::request::LockRequest;
use super::ticket::Ticket;
use crate::client::Client;
use crate::error::{ClientError, reason};

/// What a session is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionOptions {
    /// How long it lives without being renewed: a second to a day. The locks of a worker that dies are another's so
    /// much later; a worker that reaches no node for so long loses them.
    pub ttl: Duration,
    /// Whose it is, for people: a host, a process. At most 256 bytes.
    pub owner: String,
    /// Whatever else is to be known of it, for people and tools.
    pub metadata: BTreeMap<String, String>,
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self { ttl: Duration::from_secs(15), owner: String::new(), metadata: BTreeMap::new() }
    }
}

/// A session of this worker, on which its locks hang. It renews itself, over whichever node answers, until it is
/// closed or dropped; then all its locks are released.
///
/// It is lost when it cannot be renewed in time. That is told **before** the cluster can have ended it: a tenth of
/// the TTL earlier, by a clock that goes on while this process is paused and while the machine sleeps.
#[derive(Debug)]
pub struct Session {
    client: Client,
    lease: Arc<Lease>,
    owner: String,
    /// The keeper, and those that attend tickets: all of them end with the session.
    tasks: TaskTracker,
    keeper: JoinHandle<Result<(), ClientError>>,
    /// Dropping it tells the keeper to close the session.
    alive: Option<oneshot::Sender<Infallible>>,
}

impl Client {
    /// Opens a session, which renews itself in a task of its own.
    ///
    /// # Errors
    /// If no node answers in time, or the options break a rule.
    pub async fn open_session(&self, options: SessionOptions) -> Result<Session, ClientError> {
        Session::open(self.clone(), options, Arc::new(BootClock)).await
    }
}

impl Session {
    pub(super) async fn open(
        client: Client,
        options: SessionOptions,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ClientError> {
        let owner = options.owner.clone();
        let request = OpenSessionRequest {
            ttl_ms: u64::try_from(options.ttl.as_millis()).unwrap_or(u64::MAX),
            owner: options.owner,
            metadata: options.metadata,
            request_id: String::new(),
        };
        // It may be the first of several attempts that opened it.
        let sent = clock.now();
        let opened = client.open_bare_session(request).await?.session.ok_or_else(no_session)?;
        let ttl = Duration::from_millis(opened.ttl_ms);
        let lease = Arc::new(Lease::new(opened.id, ttl, sent, clock));
        if let Some(lost) = lease.lost_by_now() {
            return Err(lost.error());
        }
        let (alive, gone) = oneshot::channel();
        let tasks = TaskTracker::new();
        let keeper = tasks.spawn(keep(client.clone(), Arc::clone(&lease), gone));
        Ok(Self { client, lease, owner, tasks, keeper, alive: Some(alive) })
    }

    /// Its id, never 0.
    pub fn id(&self) -> u64 {
        self.lease.id()
    }

    /// How long it lives without being renewed.
    pub fn ttl(&self) -> Duration {
        self.lease.ttl()
    }

    /// Whether it surely lives at this moment. Once it does not, it never does again.
    pub fn is_alive(&self) -> bool {
        self.lease.lost_by_now().is_none()
    }

    /// Waits until it is lost: stop then all that is done under its locks. After a pause of the process this is ready
    /// at once, before anything is asked of a node.
    pub async fn lost(&self) -> SessionLost {
        self.lease.lost().await
    }

    /// Asks for a lock: exclusively, for as long as it takes, unless the request is told otherwise.
    pub fn lock(&self, name: impl Into<String>) -> LockRequest<'_> {
        LockRequest::new(self, name.into())
    }

    /// An election in which this session may stand.
    pub fn election(&self, name: impl Into<String>) -> Election<'_> {
        Election::new(self, name.into())
    }

    /// Ends it, and releases all that hangs on it. A session that is merely dropped is closed in the background, as
    /// long as the runtime lives.
    ///
    /// # Errors
    /// If no node answers: then the session ends when its TTL is over.
    pub async fn close(mut self) -> Result<(), ClientError> {
        self.let_go();
        let closed = (&mut self.keeper).await.unwrap_or_else(|_| Err(stopped()));
        self.tasks.wait().await;
        closed
    }

    /// Asks for a lock, in a task of its own.
    pub(super) fn ask(&self, asking: Asking) -> Ticket {
        Ticket::ask(&self.tasks, self.client.clone(), Arc::clone(&self.lease), asking)
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    pub(super) fn lease(&self) -> &Arc<Lease> {
        &self.lease
    }

    pub(super) fn owner(&self) -> &str {
        &self.owner
    }

    fn let_go(&mut self) {
        self.alive = None;
        self.lease.end(SessionLostCause::Closed);
        self.tasks.close();
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.let_go();
    }
}

fn no_session() -> ClientError {
    ClientError::local(Code::Internal, reason::STREAM_BROKEN, "the node told no session")
}

fn stopped() -> ClientError {
    ClientError::local(
        Code::Cancelled,
        reason::SESSION_LOST,
        "the runtime stopped before the session was closed",
    )
}
