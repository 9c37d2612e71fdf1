//! Why a command about locks was refused.

use serde::{Deserialize, Serialize};

/// Why a command about locks was refused. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum LockRejection {
    /// Nobody holds it or waits for it.
    #[error("nobody holds lock {name:?} or waits for it")]
    NotFound {
        /// Name of the lock.
        name: String,
    },
    /// It cannot be had now, and whoever asked would not wait.
    #[error(
        "lock {name:?} is held or waited for by others, now by {owner:?} (session {session}): wait for it, or try again later"
    )]
    Held {
        /// Name of the lock.
        name: String,
        /// Who holds it, or is the next to: the first of them.
        owner: String,
        /// Session of that one.
        session: u64,
        /// Token of that one; 0: it waits itself.
        token: u64,
    },
    /// Too many wait.
    #[error("{waiters_max} wait for lock {name:?}, as many as there may be: try again later")]
    QueueFull {
        /// Name of the lock.
        name: String,
        /// How many may wait.
        waiters_max: u64,
    },
    /// The session has too many tickets.
    #[error(
        "session {session} holds or waits for {tickets_max} locks, as many as it may: open another session"
    )]
    TicketsFull {
        /// The session.
        session: u64,
        /// How many tickets it may have.
        tickets_max: u64,
    },
    /// Locks with permits and others are not the same.
    #[error(
        "lock {name:?} has {capacity} permits now (0: it is held exclusively or shared), and was asked for with \
         {asked}: ask for it as the others do, or choose another name"
    )]
    CapacityMismatch {
        /// Name of the lock.
        name: String,
        /// How many permits it has; 0: it has none.
        capacity: u32,
        /// How many it was asked for with.
        asked: u32,
    },
    /// The session holds it in another mode already: to wait would be to wait for itself.
    #[error(
        "session {session} holds lock {name:?} in another mode already (shared or exclusive): release it first, then \
         ask again"
    )]
    ModeChange {
        /// Name of the lock.
        name: String,
        /// The session.
        session: u64,
        /// Token with which it holds it.
        token: u64,
    },
    /// The session has no such ticket.
    #[error("session {session} does not hold lock {name:?}, or no more, nor wait for it as was said")]
    NotHeld {
        /// Name of the lock.
        name: String,
        /// The session.
        session: u64,
    },
    /// The lock is not held with this token.
    #[error(
        "lock {name:?} is not held with token {token}, but with {held_token} (0: by nobody): it was lost; stop, and \
         acquire it anew"
    )]
    TokenMismatch {
        /// Name of the lock.
        name: String,
        /// The token.
        token: u64,
        /// Token with which it is held, of several the first holder's; 0: nobody holds it.
        held_token: u64,
    },
    /// The same request came in another mode before.
    #[error(
        "request id {request_id:?} was used for lock {name:?} in another mode: use a new id for each request"
    )]
    RequestIdReused {
        /// Name of the lock.
        name: String,
        /// The id.
        request_id: String,
    },
    /// The lock was to be taken from who holds it with this token, and is not held with it.
    #[error(
        "lock {name:?} is not held with token {token}, but with {held_token} (0: by nobody), so nothing was taken: look who \
         holds it now, and whether it is still to be taken"
    )]
    NothingTaken {
        /// Name of the lock.
        name: String,
        /// The token.
        token: u64,
        /// Token with which it is held, of several the first holder's; 0: nobody holds it.
        held_token: u64,
    },
}

impl LockRejection {
    /// A stable code for programs.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "lock-not-found",
            Self::Held { .. } => "lock-held",
            Self::QueueFull { .. } => "lock-queue-full",
            Self::TicketsFull { .. } => "session-tickets-full",
            Self::CapacityMismatch { .. } => "lock-capacity-mismatch",
            Self::ModeChange { .. } => "lock-mode-change",
            Self::NotHeld { .. } => "lock-not-held",
            Self::TokenMismatch { .. } | Self::NothingTaken { .. } => "lock-token-mismatch",
            Self::RequestIdReused { .. } => "acquire-id-reused",
        }
    }
}
