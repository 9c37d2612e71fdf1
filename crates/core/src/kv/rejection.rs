//! Why something about plain keys was refused.

use serde::{Deserialize, Serialize};

/// Why something about plain keys was refused. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum KvRejection {
    /// A key that is to keep its value or its lease does not exist.
    #[error("a key that is to keep its value or its lease does not exist: set both")]
    KeyNotFound,
    /// There is no such lease.
    #[error("lease {id} does not exist: it ended, or never was")]
    LeaseNotFound {
        /// Its id.
        id: u64,
    },
    /// What was at the revision was given up.
    #[error("what was before revision {compacted} was given up, so revision {asked} cannot be read")]
    Compacted {
        /// The revision asked for.
        asked: u64,
        /// The oldest one that can be read.
        compacted: u64,
    },
    /// The store is not at that revision yet.
    #[error("the store is at revision {newest}, not yet at {asked}")]
    FutureRevision {
        /// The revision asked for.
        asked: u64,
        /// The newest that there is.
        newest: u64,
    },
    /// The key belongs to Conclave's own domains.
    #[error(
        "key {key:?} belongs to Conclave: items are changed by the API of the configuration (conclave.config.v1), nothing else under \"conclave/\" at all"
    )]
    Reserved {
        /// The key, as far as it is text.
        key: String,
    },
    /// Too many keys would change at one revision.
    #[error("more than {keys_max} keys would change in one step: delete less at a time")]
    TooManyChanges {
        /// The most that may.
        keys_max: u64,
    },
    /// The answer would be too large.
    #[error("the answer would take more than {size_bytes_max} bytes: read less at a time, with a limit")]
    TooMuchToTell {
        /// The most that an answer may take.
        size_bytes_max: u64,
    },
}

impl KvRejection {
    /// Its stable code.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::KeyNotFound => "key-not-found",
            Self::LeaseNotFound { .. } => "session-not-found",
            Self::Compacted { .. } => "revision-compacted",
            Self::FutureRevision { .. } => "revision-not-found",
            Self::Reserved { .. } => "key-reserved",
            Self::TooManyChanges { .. } => "change-too-large",
            Self::TooMuchToTell { .. } => "answer-too-large",
        }
    }
}
