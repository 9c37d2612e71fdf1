//! Refusals that are answers: they depend on nothing but state and command.

use serde::{Deserialize, Serialize};

/// Why a command or a read was refused. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Rejection {
    /// There is no such namespace, or it was deleted.
    #[error("namespace {namespace:?} does not exist: create it, or check its name")]
    NamespaceNotFound {
        /// Its name.
        namespace: String,
    },
    /// There is one already.
    #[error("namespace {namespace:?} exists already: use it, or choose another name")]
    NamespaceExists {
        /// Its name.
        namespace: String,
    },
    /// The namespace has no such item.
    #[error("namespace {namespace:?} has no item {key:?}: check the key")]
    KeyNotFound {
        /// Name of the namespace.
        namespace: String,
        /// Key of the item.
        key: String,
    },
    /// The namespace has no such version.
    #[error("namespace {namespace:?} has no version {version}: choose one from 1 to its newest, {newest}")]
    VersionNotFound {
        /// Name of the namespace.
        namespace: String,
        /// The version asked for.
        version: u64,
        /// The newest that there is.
        newest: u64,
    },
    /// The store is not at that revision yet.
    #[error("there is no revision {revision}: choose one from 1 to the newest, {newest}")]
    RevisionNotFound {
        /// The revision asked for.
        revision: u64,
        /// The newest that there is.
        newest: u64,
    },
    /// The namespace is at another version than was expected.
    #[error(
        "namespace {namespace:?} is at version {found}, not at {expected} as expected: \
         read what changed and try again from there"
    )]
    VersionMismatch {
        /// Name of the namespace.
        namespace: String,
        /// The version that was expected.
        expected: u64,
        /// The one that it is at.
        found: u64,
    },
    /// The item was last changed at another revision than was expected. 0: it does not exist.
    #[error(
        "item {key:?} of namespace {namespace:?} is at mod_revision {found}, not at {expected} as expected \
         (0: no such item): read it and try again from there"
    )]
    ItemRevisionMismatch {
        /// Name of the namespace.
        namespace: String,
        /// Key of the item.
        key: String,
        /// The mod_revision that was expected.
        expected: u64,
        /// The one that it has.
        found: u64,
    },
    /// Another command came under this id before.
    #[error("request id {request_id:?} was used for another command: use a new id for each request")]
    RequestIdReused {
        /// The id.
        request_id: String,
    },
}

impl Rejection {
    /// A stable code for programs.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NamespaceNotFound { .. } => "namespace-not-found",
            Self::NamespaceExists { .. } => "namespace-exists",
            Self::KeyNotFound { .. } => "key-not-found",
            Self::VersionNotFound { .. } => "version-not-found",
            Self::RevisionNotFound { .. } => "revision-not-found",
            Self::VersionMismatch { .. } => "version-mismatch",
            Self::ItemRevisionMismatch { .. } => "item-revision-mismatch",
            Self::RequestIdReused { .. } => "request-id-reused",
        }
    }
}
