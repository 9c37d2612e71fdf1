//! Watches: what is committed to namespaces, in order, each version exactly once, for as long as
//! some node can be reached.
//!
//! A [`Watch`] is a position in the store's history and, most of the time, a stream from some node.
//! When the stream ends, breaks, or stays silent for three heartbeats, the next node is asked to go
//! on from the position. The position is exact (see [`position`]), so nothing is missed and nothing
//! is told twice; chunks of large versions and resets are put together before they are told (see
//! [`assemble`]). After a while away from the client's first node it goes back there (see [`way_home`]).

mod assemble;
mod position;
mod stream;
mod way_home;

use conclave_proto::config::v1::{Item, ItemChange, Version, WatchTarget};

use crate::error::ClientError;

pub use stream::Watch;

/// What to watch, and from where on.
#[derive(Debug, Clone, PartialEq)]
pub struct WatchOptions {
    /// Namespaces to follow, each at most once, perhaps narrowed to a key prefix.
    pub targets: Vec<WatchTarget>,
    /// The first revision whose changes are wanted. 0: a [`WatchEvent::Reset`] with the present
    /// state comes first, then all that follows it.
    pub start_revision: u64,
    /// How often the node sends a sign of life. After three of them without one, it is left.
    pub heartbeat_interval_ms: u32,
    /// The largest event, put together from its chunks, that is accepted.
    pub event_size_bytes_max: usize,
}

impl WatchOptions {
    /// Follows whole namespaces, beginning with their present state.
    pub fn of<N: Into<String>>(namespaces: impl IntoIterator<Item = N>) -> Self {
        let target = |name: N| WatchTarget { namespace: name.into(), key_prefix: String::new() };
        Self {
            targets: namespaces.into_iter().map(target).collect(),
            start_revision: 0,
            heartbeat_interval_ms: 5_000,
            event_size_bytes_max: 256 * 1024 * 1024,
        }
    }

    /// Begins at a revision instead: the last one seen plus 1.
    #[must_use]
    pub fn from_revision(self, start_revision: u64) -> Self {
        Self { start_revision, ..self }
    }

    /// Narrows all targets to keys that begin with `key_prefix`.
    #[must_use]
    pub fn with_prefix(mut self, key_prefix: &str) -> Self {
        for target in &mut self.targets {
            target.key_prefix = key_prefix.into();
        }
        self
    }
}

/// What a watch tells.
#[derive(Debug, Clone)]
pub enum WatchEvent {
    /// A version was committed.
    Version(VersionChange),
    /// The full state of all targets. What was known before is void.
    Reset(Reset),
    /// Nothing new up to this revision: a good position to remember.
    Progress {
        /// All that happened up to and with this revision has been told.
        revision: u64,
    },
    /// The stream was lost, and the watch goes on at the next node. Told once for each loss; until
    /// the next event of another kind, what is known may be out of date.
    Interrupted {
        /// Why the stream was lost.
        cause: ClientError,
    },
}

/// One version of one namespace.
#[derive(Debug, Clone, PartialEq)]
pub struct VersionChange {
    /// Name of the namespace.
    pub namespace: String,
    /// Number, revision, author, message and so on; its list of changed keys is empty.
    pub version: Version,
    /// What changed, in order of key.
    pub changes: Vec<ItemChange>,
}

/// The state of all targets at one revision.
#[derive(Debug, Clone, PartialEq)]
pub struct Reset {
    /// The revision of the store that was read.
    pub revision: u64,
    /// One state for each target.
    pub namespaces: Vec<NamespaceState>,
}

/// The state of one namespace.
#[derive(Debug, Clone, PartialEq)]
pub struct NamespaceState {
    /// Name of the namespace.
    pub namespace: String,
    /// Its version.
    pub version: u64,
    /// Whether it was deleted.
    pub deleted: bool,
    /// Its items in order of key.
    pub items: Vec<Item>,
}
