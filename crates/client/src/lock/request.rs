//! A lock that is asked for.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use conclave_proto::lock::v1::lock_mode::Mode;
use conclave_proto::lock::v1::{Exclusive, Permits, Shared};
use tokio::time::Instant;

use super::asking::Asking;
use super::guard::LockGuard;
use super::session::Session;
use crate::error::ClientError;

/// Asks for a lock: exclusively, for as long as it takes, unless told otherwise. Begun by
/// [`Session::lock`].
#[must_use = "nothing is asked for before acquire or try_acquire"]
pub struct LockRequest<'s> {
    session: &'s Session,
    asking: Asking,
    on_waiting: Box<dyn FnMut(u64) + Send + 's>,
}

impl<'s> LockRequest<'s> {
    pub(super) fn new(session: &'s Session, name: String) -> Self {
        let asking = Asking::of(session, name, Some(Mode::Exclusive(Exclusive {})));
        Self { session, asking, on_waiting: Box::new(|_| ()) }
    }

    /// An election's request.
    pub(super) fn campaign(session: &'s Session, asking: Asking) -> Self {
        Self { session, asking, on_waiting: Box::new(|_| ()) }
    }

    /// Others may hold it as well, shared. A session that holds a lock shared cannot ask for it exclusively as well:
    /// release it first.
    pub fn shared(mut self) -> Self {
        self.asking.mode = Some(Mode::Shared(Shared {}));
        self
    }

    /// Wants some of a number of permits, of which there are as many for all that ask for this lock.
    pub fn permits(mut self, count: u32, capacity: u32) -> Self {
        self.asking.mode = Some(Mode::Permits(Permits { count, capacity }));
        self
    }

    /// Waits for so long at most.
    pub fn wait(mut self, wait: Duration) -> Self {
        self.asking.wait = Some(wait);
        self
    }

    /// Who asks, for people: at most 256 bytes. Unless this is told, the owner of the session.
    pub fn owner(mut self, owner: impl Into<String>) -> Self {
        self.asking.owner = owner.into();
        self
    }

    /// Whatever is to be known of the holder: at most 4,096 bytes.
    pub fn metadata(mut self, metadata: impl Into<Bytes>) -> Self {
        self.asking.metadata = metadata.into();
        self
    }

    /// Has it told how many come before, at first and whenever that is known to have changed.
    pub fn on_waiting(mut self, on_waiting: impl FnMut(u64) + Send + 's) -> Self {
        self.on_waiting = Box::new(on_waiting);
        self
    }

    /// Waits until the lock is held. A wait that is dropped leaves the queue.
    ///
    /// # Errors
    /// If the lock cannot be had in time ([`ClientError::is_lock_busy`]), the session is lost, or the request breaks a
    /// rule. The first answer must come within the client's timeout; then nodes may fail for as long as the session
    /// lives, and the place in the queue is kept.
    pub async fn acquire(self) -> Result<LockGuard, ClientError> {
        let Self { session, asking, on_waiting } = self;
        if let Some(lost) = session.lease().lost_by_now() {
            return Err(lost.error());
        }
        let name = asking.name.clone();
        let mut ticket = session.ask(asking);
        let grant = ticket.granted(on_waiting).await?;
        Ok(LockGuard::new(name, session.id(), grant, ticket))
    }

    /// Takes the lock if it can be had now.
    ///
    /// # Errors
    /// As [`LockRequest::acquire`], but for a lock that is held: that is none.
    pub async fn try_acquire(self) -> Result<Option<LockGuard>, ClientError> {
        match self.wait(Duration::ZERO).acquire().await {
            Ok(guard) => Ok(Some(guard)),
            Err(error) if error.is_lock_busy() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Asking {
    pub(super) fn of(session: &Session, name: String, mode: Option<Mode>) -> Self {
        Self {
            name,
            session_id: session.id(),
            mode,
            owner: session.owner().into(),
            metadata: Bytes::new(),
            wait: None,
            request_id: String::new(),
            asked: Instant::now(),
        }
    }
}

impl fmt::Debug for LockRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockRequest").field("asking", &self.asking).finish_non_exhaustive()
    }
}
