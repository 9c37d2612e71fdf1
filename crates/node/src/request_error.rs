//! Why a request could not be answered by this node, this time. Never an answer of the store: those are
//! replicated, and the same on all nodes.

use std::time::Duration;

use conclave_mvcc::MapError;
use conclave_raft::Stopped;

/// Why a request could not be answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// No leader is known, or none could be reached. Nothing was changed.
    #[error("no leader is known to this node: too few nodes can reach one another")]
    NoLeader {
        /// When to try again.
        retry_after: Duration,
    },
    /// The write was proposed, and it is not known whether it will be applied. The same request id
    /// settles it.
    #[error("it is not known whether the write took place: try again with the same request id")]
    OutcomeUnknown,
    /// A change of the members was begun, and it is not known whether it was or will be made. Asking again makes
    /// what is left of it.
    #[error(
        "it is not known whether the change of the members was or will be made: `conclave cluster members` shows how \
         things stand, and the same command again does what is left"
    )]
    ChangeOutcomeUnknown,
    /// Too much is under way here. Nothing was changed.
    #[error("too many requests are under way on this node")]
    Overloaded {
        /// When to try again.
        retry_after: Duration,
    },
    /// The leader has hardly any room on its disk. Nothing was changed; reads go on.
    #[error("the leader has hardly any room left on its disk: make room; writes then go on by themselves")]
    NoSpace {
        /// When to try again.
        retry_after: Duration,
    },
    /// The disk of this node has no room for what was asked; another node may have.
    #[error(
        "the disk of this node has no room: {needed_bytes} bytes are needed, but {free_bytes} are free: make room, or \
         ask another node"
    )]
    NoRoom {
        /// What is needed.
        needed_bytes: u64,
        /// What is free.
        free_bytes: u64,
    },
    /// The node is about to stop. Nothing was changed; another node can answer.
    #[error("the node is about to stop: ask another one")]
    ShuttingDown {
        /// When to try again.
        retry_after: Duration,
    },
    /// The node has started and still replays its log; another node can answer.
    #[error("the node has just started and does not know yet what is committed: ask another one")]
    Recovering {
        /// When to try again.
        retry_after: Duration,
    },
    /// What this node has applied is not what most others have; another node can answer.
    #[error("what this node has applied is not what most others have: ask another one, and replace this one")]
    Corrupt {
        /// When to try again.
        retry_after: Duration,
    },
    /// The deadline passed before there was an answer. Nothing was changed.
    #[error("the deadline passed before there was an answer")]
    DeadlineExceeded,
    /// The node has stopped itself: its data cannot be read or written.
    #[error("the node has stopped itself: {cause}")]
    NodeFailed {
        /// What went wrong.
        cause: String,
    },
}

/// How long whoever is refused should wait before trying again.
pub(crate) const RETRY_AFTER: Duration = Duration::from_millis(200);

impl RequestError {
    pub(crate) fn no_leader() -> Self {
        Self::NoLeader { retry_after: RETRY_AFTER }
    }

    pub(crate) fn overloaded() -> Self {
        Self::Overloaded { retry_after: RETRY_AFTER }
    }

    pub(crate) fn shutting_down() -> Self {
        Self::ShuttingDown { retry_after: RETRY_AFTER }
    }

    pub(crate) fn corrupt() -> Self {
        Self::Corrupt { retry_after: RETRY_AFTER }
    }

    pub(crate) fn recovering() -> Self {
        Self::Recovering { retry_after: RETRY_AFTER }
    }
}

impl From<Stopped> for RequestError {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::AsTold => Self::shutting_down(),
            Stopped::ByItself(cause) => Self::NodeFailed { cause },
        }
    }
}

impl From<MapError> for RequestError {
    fn from(error: MapError) -> Self {
        Self::NodeFailed { cause: error.to_string() }
    }
}
