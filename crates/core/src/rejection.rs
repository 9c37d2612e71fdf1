//! Refusals that are answers: they depend on nothing but state and command.

use serde::{Deserialize, Serialize};

use crate::auth::AuthRejection;
use crate::cluster::ClusterRejection;
use crate::kv::KvRejection;
use crate::lease::LeaseRejection;
use crate::lock::LockRejection;

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
    /// The version was there and is no longer kept.
    #[error(
        "version {version} of namespace {namespace:?} is no longer kept: the oldest that is, is {oldest}; \
         tag a version to keep it"
    )]
    VersionDropped {
        /// Name of the namespace.
        namespace: String,
        /// The version asked for.
        version: u64,
        /// The oldest one that is kept.
        oldest: u64,
    },
    /// What the namespace held at the revision is no longer kept.
    #[error(
        "what namespace {namespace:?} held at revision {revision} is no longer kept: the oldest revision that \
         is, is {oldest}"
    )]
    RevisionDropped {
        /// Name of the namespace.
        namespace: String,
        /// The revision asked for.
        revision: u64,
        /// The oldest one of which all is kept.
        oldest: u64,
    },
    /// Nothing was committed by then, or what was is no longer kept.
    #[error(
        "namespace {namespace:?} has no version that was committed by {time_ms} ms: the oldest that is kept \
         is of {oldest_ms} ms since 1970-01-01 UTC"
    )]
    NoVersionThen {
        /// Name of the namespace.
        namespace: String,
        /// The time asked for: milliseconds since 1970-01-01 UTC.
        time_ms: i64,
        /// When the oldest version that is kept was committed.
        oldest_ms: i64,
        /// Whether older ones were dropped.
        dropped: bool,
    },
    /// The namespace has no such tag.
    #[error("namespace {namespace:?} has no tag {tag:?}: list its tags")]
    TagNotFound {
        /// Name of the namespace.
        namespace: String,
        /// Name of the tag.
        tag: String,
    },
    /// The tag names another version already.
    #[error("tag {tag:?} of namespace {namespace:?} names version {version}: ask for it to be moved")]
    TagExists {
        /// Name of the namespace.
        namespace: String,
        /// Name of the tag.
        tag: String,
        /// The version that it names.
        version: u64,
    },
    /// There is no such snapshot.
    #[error("there is no snapshot {snapshot:?}: list the snapshots")]
    SnapshotNotFound {
        /// Its name.
        snapshot: String,
    },
    /// There is one already.
    #[error("snapshot {snapshot:?} exists already: choose another name, or delete it first")]
    SnapshotExists {
        /// Its name.
        snapshot: String,
    },
    /// The snapshot is of other namespaces, or the namespace came later.
    #[error("namespace {namespace:?} is not in snapshot {snapshot:?}: list the namespaces of the snapshot")]
    NotInSnapshot {
        /// Name of the snapshot.
        snapshot: String,
        /// Name of the namespace.
        namespace: String,
    },
    /// More than is allowed would be used.
    #[error("{} {allowed} {}, and {used} would be used: {}", quota.owner(namespace), quota.what(), quota.advice())]
    QuotaExceeded {
        /// Name of the namespace; empty: of the whole store.
        namespace: String,
        /// What is bounded.
        quota: QuotaKind,
        /// What would be used.
        used: u64,
        /// The most that may be.
        allowed: u64,
        /// When it may be tried again, in milliseconds; 0: not before something is changed.
        retry_after_ms: u64,
    },
    /// More would change, or be gone through to find what changes, at one revision than may.
    #[error(
        "{items} items and {size_bytes} bytes would change or be gone through in one commit, of which there may be at most \
         {items_max} and {size_bytes_max}: roll back or delete less at a time"
    )]
    ChangeTooLarge {
        /// Items that would change or be gone through, as far as they were counted.
        items: u64,
        /// The most that may.
        items_max: u64,
        /// Bytes that would be written, as far as they were counted.
        size_bytes: u64,
        /// The most that may be.
        size_bytes_max: u64,
    },
    /// Of a command about the cluster's nodes.
    #[error(transparent)]
    Cluster(#[from] ClusterRejection),
    /// Of a command about leases.
    #[error(transparent)]
    Lease(#[from] LeaseRejection),
    /// Of a command about locks, or of one that depends on them.
    #[error(transparent)]
    Lock(#[from] LockRejection),
    /// Of a command about plain keys, or a read of them.
    #[error(transparent)]
    Kv(#[from] KvRejection),
    /// For who asked, or of a command about users and roles.
    #[error(transparent)]
    Auth(#[from] AuthRejection),
}

/// What a quota bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum QuotaKind {
    /// Items of a namespace.
    Items,
    /// Bytes of a namespace.
    SizeBytes,
    /// Versions of a namespace within a minute.
    VersionsPerMinute,
    /// Namespaces of the store.
    Namespaces,
    /// Tags of a namespace.
    Tags,
    /// Snapshots of the store.
    Snapshots,
}

impl QuotaKind {
    /// All that there are.
    pub const ALL: [Self; 6] = [
        Self::Items,
        Self::SizeBytes,
        Self::VersionsPerMinute,
        Self::Namespaces,
        Self::Tags,
        Self::Snapshots,
    ];

    /// A stable name for programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Items => "items",
            Self::SizeBytes => "size-bytes",
            Self::VersionsPerMinute => "versions-per-minute",
            Self::Namespaces => "namespaces",
            Self::Tags => "tags",
            Self::Snapshots => "snapshots",
        }
    }

    fn owner(self, namespace: &str) -> String {
        match self {
            Self::Namespaces | Self::Snapshots => "the store may have".to_owned(),
            _ => format!("namespace {namespace:?} may have"),
        }
    }

    fn what(self) -> &'static str {
        match self {
            Self::Items => "items",
            Self::SizeBytes => "bytes",
            Self::VersionsPerMinute => "versions a minute",
            Self::Namespaces => "namespaces",
            Self::Tags => "tags",
            Self::Snapshots => "snapshots",
        }
    }

    fn advice(self) -> &'static str {
        match self {
            Self::VersionsPerMinute => "wait, or have its quota raised",
            Self::Tags | Self::Snapshots => "delete one that is no longer needed",
            _ => "delete what is no longer needed, or have the quota raised",
        }
    }
}

impl Rejection {
    /// Whether it is only of this moment: the same command may be answered otherwise once some time has passed, or its
    /// caller has logged in, also under the same request id.
    pub(crate) fn passes(&self) -> bool {
        match self {
            Self::QuotaExceeded { retry_after_ms, .. } => *retry_after_ms > 0,
            Self::Auth(rejection) => rejection.passes(),
            Self::Cluster(rejection) => *rejection == ClusterRejection::NoSpaceAlarm,
            _ => false,
        }
    }

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
            Self::VersionDropped { .. } => "version-dropped",
            Self::RevisionDropped { .. } => "revision-dropped",
            Self::NoVersionThen { .. } => "no-version-then",
            Self::TagNotFound { .. } => "tag-not-found",
            Self::TagExists { .. } => "tag-exists",
            Self::SnapshotNotFound { .. } => "snapshot-not-found",
            Self::SnapshotExists { .. } => "snapshot-exists",
            Self::NotInSnapshot { .. } => "not-in-snapshot",
            Self::QuotaExceeded { .. } => "quota-exceeded",
            Self::ChangeTooLarge { .. } => "change-too-large",
            Self::Cluster(rejection) => rejection.reason(),
            Self::Lease(rejection) => rejection.reason(),
            Self::Lock(rejection) => rejection.reason(),
            Self::Kv(rejection) => rejection.reason(),
            Self::Auth(rejection) => rejection.reason(),
        }
    }
}
