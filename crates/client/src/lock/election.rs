//! Elections: an exclusive lock whose holder tells a value.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use conclave_proto::lock::v1::{Grant, ProclaimRequest};

use super::asking::Asking;
use super::guard::LockGuard;
use super::lost::LockLost;
use super::request::LockRequest;
use super::session::Session;
use crate::client::Client;
use crate::error::ClientError;

/// An election in which a session may stand. Begun by [`Session::election`].
#[derive(Clone)]
#[must_use = "nothing is asked for before campaign"]
pub struct Election<'s> {
    session: &'s Session,
    asking: Asking,
    on_waiting: Arc<dyn Fn(u64) + Send + Sync + 's>,
}

impl<'s> Election<'s> {
    pub(super) fn new(session: &'s Session, name: String) -> Self {
        Self { session, asking: Asking::of(session, name, None), on_waiting: Arc::new(|_| ()) }
    }

    /// Waits for so long at most.
    pub fn wait(mut self, wait: Duration) -> Self {
        self.asking.wait = Some(wait);
        self
    }

    /// Who stands, for people: at most 256 bytes. Unless this is told, the owner of the session.
    pub fn owner(mut self, owner: impl Into<String>) -> Self {
        self.asking.owner = owner.into();
        self
    }

    /// Has it told how many come before, at first and whenever that is known to have changed.
    pub fn on_waiting(mut self, on_waiting: impl Fn(u64) + Send + Sync + 's) -> Self {
        self.on_waiting = Arc::new(on_waiting);
        self
    }

    /// Stands for election until it is won. A campaign that is dropped stands no more.
    ///
    /// # Errors
    /// As [`LockRequest::acquire`].
    pub async fn campaign(&self, value: impl Into<Bytes>) -> Result<Leader, ClientError> {
        let asking = Asking { metadata: value.into(), ..self.asking.clone() };
        let request =
            LockRequest::campaign(self.session, asking).on_waiting(|ahead| (self.on_waiting)(ahead));
        let guard = request.acquire().await?;
        Ok(Leader { client: self.session.client().clone(), guard })
    }
}

impl fmt::Debug for Election<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Election").field("asking", &self.asking).finish_non_exhaustive()
    }
}

/// The leadership of an election, until it is resigned, dropped, or lost. The session must be kept as long.
#[derive(Debug)]
#[must_use = "a leadership that is dropped is resigned"]
pub struct Leader {
    client: Client,
    guard: LockGuard,
}

impl Leader {
    /// Name of the election.
    pub fn name(&self) -> &str {
        self.guard.name()
    }

    /// The fencing token: greater than those of all leaders before.
    pub fn token(&self) -> u64 {
        self.guard.token()
    }

    /// The grant, as the node told it.
    pub fn grant(&self) -> Grant {
        self.guard.grant()
    }

    /// Whether it leads, as far as can be known at this moment. Once it does not, it never does again.
    pub fn is_leader(&self) -> bool {
        self.guard.is_held()
    }

    /// Changes the value: at most 4,096 bytes.
    ///
    /// # Errors
    /// If no node answers in time, or leadership is lost.
    pub async fn proclaim(&self, value: impl Into<Bytes>) -> Result<(), ClientError> {
        let (name, session_id) = (self.name().to_owned(), self.guard.session_id());
        let request = ProclaimRequest { name, session_id, token: self.token(), value: value.into() };
        self.client.proclaim(request).await.map(|_| ())
    }

    /// Waits until leadership is lost: stop then all that only a leader may do.
    pub async fn lost(&self) -> LockLost {
        self.guard.lost().await
    }

    /// Gives leadership up. One that is merely dropped is given up in the background, as long as the runtime lives.
    ///
    /// # Errors
    /// If no node answers in time: then it goes on in the background, until the session ends.
    pub async fn resign(self) -> Result<(), ClientError> {
        self.guard.release().await
    }
}
