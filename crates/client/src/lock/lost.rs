//! Why a session or a lock is lost.

use conclave_proto::lock::v1::{ForcedRelease, Lost, LostReason};
use tonic::Code;

use crate::error::{ClientError, reason};

/// A session that is lost, or may be from now on: stop all that is done under its locks.
#[derive(Debug, Clone, thiserror::Error)]
#[error("session {session_id} is lost: {cause}")]
pub struct SessionLost {
    /// Id of the session.
    pub session_id: u64,
    /// Why.
    pub cause: SessionLostCause,
}

/// Why a session is lost.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum SessionLostCause {
    /// The cluster has no such session any more: it was not renewed in time, or somebody closed it.
    #[error("the cluster has ended it")]
    Expired,
    /// This program closed it, or dropped it.
    #[error("it was closed")]
    Closed,
    /// No node has renewed it for so long that the cluster may end it soon.
    #[error("no node has renewed it in time: {last}")]
    Unreachable {
        /// What came of the last attempt.
        last: ClientError,
    },
    /// This process did not run for so long that the cluster may have ended it: it was paused, or the machine was
    /// suspended, or the program kept its runtime busy.
    #[error("this process stood still for too long")]
    Paused,
}

impl SessionLost {
    /// The error of calls that need the session.
    pub(crate) fn error(&self) -> ClientError {
        ClientError::local(Code::FailedPrecondition, reason::SESSION_LOST, self.to_string())
    }
}

/// Why a lock is held no more, or may be no more.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum LockLost {
    /// Its session is lost.
    #[error(transparent)]
    Session(SessionLost),
    /// It was taken by force.
    #[error("it was taken by force{}: {}", by(.0), .0.reason)]
    Forced(ForcedRelease),
    /// It was released under this guard, by another call.
    #[error("it was released")]
    Released,
    /// It is not held with this token any more; how that came was not seen.
    #[error("it is held no more")]
    Gone,
}

impl LockLost {
    /// The error of a wait for a lock that this ended.
    pub(super) fn refusal(&self) -> ClientError {
        let message = format!("the lock was lost before it was told: {self}");
        ClientError::local(Code::FailedPrecondition, reason::LOCK_NOT_HELD, message)
    }

    /// What a node told; none: the session ended.
    pub(super) fn told(lost: Lost) -> Option<Self> {
        match (lost.reason(), lost.forced_release) {
            (LostReason::SessionEnded, _) => None,
            (LostReason::Forced, forced) => Some(Self::Forced(forced.unwrap_or_default())),
            (LostReason::Released, _) => Some(Self::Released),
            (LostReason::Unspecified, _) => Some(Self::Gone),
        }
    }
}

fn by(forced: &ForcedRelease) -> String {
    match forced.author.as_str() {
        "" => String::new(),
        author => format!(" by {author:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_by_force_says_by_whom_if_that_is_known() {
        let told = |author: &str| {
            let forced =
                ForcedRelease { author: author.into(), reason: "stuck".into(), ..Default::default() };
            LockLost::Forced(forced).to_string()
        };
        assert_eq!(told("ada"), "it was taken by force by \"ada\": stuck");
        assert_eq!(told(""), "it was taken by force: stuck");
    }
}
