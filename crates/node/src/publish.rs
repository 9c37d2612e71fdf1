//! From the state machine to the watch hub, and from the watch hub back to the store's history.

use conclave_mvcc::{ChangeLimits, KeyRange, MapError, Revised, Revision, changes_since, floor_of};
use conclave_raft::ApplyObserver;
use conclave_storage::StateStore;
use conclave_watch::{ChangeSource, Hub};

/// Hands what was applied to the hub: after it was written, before its answers are sent.
pub(crate) struct Publisher {
    pub(crate) hub: Hub,
}

impl ApplyObserver for Publisher {
    fn applied(&self, revised: &[Revised], newest: Revision) {
        self.hub.publish(revised, newest);
    }

    fn replaced(&self, newest: Revision) {
        self.hub.reset(newest);
    }
}

/// The history of the state store, for watchers that are behind.
pub(crate) struct History {
    pub(crate) state: StateStore,
}

impl ChangeSource for History {
    fn changes_since(
        &self,
        from: Revision,
        ranges: &[KeyRange],
        limits: ChangeLimits,
    ) -> Result<Option<Vec<Revised>>, MapError> {
        self.state.read(|view| {
            for range in ranges {
                if from <= floor_of(view, range)? {
                    return Ok(None);
                }
            }
            changes_since(view, from, limits).map(Some)
        })
    }
}
