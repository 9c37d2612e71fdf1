//! Why a command about leases was refused.

use serde::{Deserialize, Serialize};

/// Why a command about leases was refused. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum LeaseRejection {
    /// There is none with this id, or it has ended.
    #[error("there is no session {id}, or no more: it was closed, or not renewed in time; open a new one")]
    NotFound {
        /// The id.
        id: u64,
    },
    /// There is one with this id.
    #[error("session {id} exists already: choose another id")]
    Exists {
        /// The id.
        id: u64,
    },
    /// There are too many.
    #[error("there are {leases_max} sessions, as many as there may be: close those that are not needed")]
    Full {
        /// How many there may be.
        leases_max: u64,
    },
    /// Whoever found out leads no more.
    #[error("term {term} is over: whoever leads now measures anew")]
    OtherTerm {
        /// The term of whoever found out.
        term: u64,
    },
}

impl LeaseRejection {
    /// A stable code for programs.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "session-not-found",
            Self::Exists { .. } => "session-exists",
            Self::Full { .. } => "sessions-full",
            Self::OtherTerm { .. } => "term-over",
        }
    }
}
