//! Changes of configuration that depend on a lock.

use conclave_proto::config::v1::{
    CommitRequest, DeleteNamespaceRequest, HeldLock, RollbackRequest, RollbackSnapshotRequest,
};

use super::election::Leader;
use super::guard::LockGuard;

/// A change of configuration that can be made to depend on locks: it is refused, in the same step, unless each is
/// held with its token (lock-token-mismatch). A worker that was paused and has lost its lock cannot write any more.
///
/// ```no_run
/// # use conclave_client::{ClientError, Client, Fenced as _, SessionOptions, config::CommitRequest};
/// # async fn example(client: Client) -> Result<(), ClientError> {
/// let session = client.open_session(SessionOptions::default()).await?;
/// let guard = session.lock("orders/42").acquire().await?;
/// client.commit(CommitRequest::default().held(&guard)).await?;
/// # Ok(())
/// # }
/// ```
pub trait Fenced {
    /// Refuses the change unless this lock is held too: at most 16 of them.
    #[must_use]
    fn held(self, lock: impl Into<HeldLock>) -> Self;
}

/// All requests have the same field.
macro_rules! fenced {
    ($($request:ty),*) => {$(
        impl Fenced for $request {
            fn held(mut self, lock: impl Into<HeldLock>) -> Self {
                self.held_locks.push(lock.into());
                self
            }
        }
    )*};
}

fenced!(CommitRequest, DeleteNamespaceRequest, RollbackRequest, RollbackSnapshotRequest);

impl From<&LockGuard> for HeldLock {
    fn from(guard: &LockGuard) -> Self {
        Self { name: guard.name().into(), token: guard.token() }
    }
}

impl From<&Leader> for HeldLock {
    fn from(leader: &Leader) -> Self {
        Self { name: leader.name().into(), token: leader.token() }
    }
}
