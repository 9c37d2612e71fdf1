//! Whether what a cache knows is current.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::content::Content;
use crate::error::ClientError;

/// Whether what a cache knows is current.
#[derive(Debug, Clone)]
pub enum CacheState {
    /// It follows a node.
    Fresh {
        /// All that happened up to and with this revision of the store is known.
        revision: u64,
    },
    /// No node can be followed at present. The cache goes on trying.
    Stale {
        /// When what is known was last known to be current.
        since: SystemTime,
        /// Whether it is the last good copy of an earlier run: nothing was heard from the cluster yet.
        from_file: bool,
        /// Why no node can be followed.
        cause: ClientError,
    },
}

impl CacheState {
    /// Whether a node is followed.
    pub fn is_fresh(&self) -> bool {
        matches!(self, Self::Fresh { .. })
    }

    /// For how long it is not known whether this is current; zero while it is fresh. By the clock of this
    /// machine: a clock that was set back makes it zero, too.
    pub fn age(&self) -> Duration {
        match self {
            Self::Fresh { .. } => Duration::ZERO,
            Self::Stale { since, .. } => since.elapsed().unwrap_or_default(),
        }
    }
}

/// What a cache knows at one moment.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) content: Arc<Content>,
    pub(super) state: CacheState,
}
