//! A lock that is held.

use conclave_proto::lock::v1::Grant;

use super::lost::LockLost;
use super::ticket::Ticket;
use crate::error::ClientError;

/// A lock that is held, until it is released, dropped, or lost. The session must be kept as long.
///
/// A worker that was paused may hold a guard of a lock that is another's by now. So give the [token](Self::token) to
/// whatever the lock protects, and let that refuse a smaller one than it has seen; commits check it themselves (see
/// [`Fenced`](crate::Fenced)).
#[derive(Debug)]
#[must_use = "a guard that is dropped releases the lock"]
pub struct LockGuard {
    name: String,
    session_id: u64,
    grant: Grant,
    ticket: Ticket,
}

impl LockGuard {
    pub(super) fn new(name: String, session_id: u64, grant: Grant, ticket: Ticket) -> Self {
        Self { name, session_id, grant, ticket }
    }

    /// Name of the lock.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Id of the session that holds it.
    pub fn session_id(&self) -> u64 {
        self.session_id
    }

    /// The fencing token: greater than all that were granted before, of this lock and of all others.
    pub fn token(&self) -> u64 {
        self.grant.token
    }

    /// The grant, as the node told it.
    pub fn grant(&self) -> Grant {
        self.grant
    }

    /// Whether it is held, as far as can be known at this moment. Once it is not, it never is again.
    pub fn is_held(&self) -> bool {
        self.ticket.is_held()
    }

    /// Waits until it is lost: stop then all that is done under it. After a pause of the process this is ready at once
    /// if the session may have ended meanwhile.
    pub async fn lost(&self) -> LockLost {
        self.ticket.lost().await
    }

    /// Releases the lock. One that is merely dropped is released in the background, as long as the runtime lives.
    ///
    /// # Errors
    /// If no node answers in time: then it goes on in the background, until the session ends.
    pub async fn release(self) -> Result<(), ClientError> {
        self.ticket.release().await
    }
}
