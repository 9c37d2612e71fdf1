//! From the state machine to the watch hubs, and from a hub back to the store's history.

use std::io;
use std::sync::Arc;

use conclave_mvcc::{ChangeLimits, KeyRange, MapError, Revised, Revision, changes_since, floor_of};
use conclave_raft::{ApplyObserver, Newest};
use conclave_storage::{StateStore, WorkKind};
use conclave_watch::{ChangeSource, Hub, HubStats, WatchOptions};

/// The hub of each of the store's clocks.
#[derive(Clone)]
pub(crate) struct Hubs {
    /// Of the keys that have a past.
    pub(crate) history: Hub,
    /// Of those of which only the present is kept: sessions and locks.
    pub(crate) present: Hub,
}

impl Hubs {
    pub(crate) fn new(state: &StateStore, options: &WatchOptions) -> Result<Self, MapError> {
        let newest = state.read(Newest::of)?;
        let source = Arc::new(History { state: state.clone() });
        let history = Hub::new(source, options.clone(), newest.revision);
        let present = history.beside(Arc::new(NoHistory), newest.present);
        Ok(Self { history, present })
    }

    /// What both hold.
    pub(crate) fn stats(&self) -> HubStats {
        let (history, present) = (self.history.stats(), self.present.stats());
        HubStats {
            watchers: history.watchers + present.watchers,
            tail_revisions: history.tail_revisions + present.tail_revisions,
            tail_size_bytes: history.tail_size_bytes + present.tail_size_bytes,
        }
    }

    pub(crate) async fn close(&self) {
        self.history.close().await;
        self.present.close().await;
    }
}

/// Hands what was applied to the hubs: after it was written, before its answers are sent.
impl ApplyObserver for Hubs {
    fn applied(&self, revised: &[Revised], present: &[Revised]) {
        for (hub, changes) in [(&self.history, revised), (&self.present, present)] {
            if let Some(newest) = changes.last() {
                hub.publish(changes, newest.revision);
            }
        }
    }

    fn replaced(&self, newest: Newest) {
        self.history.reset(newest.revision);
        self.present.reset(newest.present);
    }
}

/// For watchers of what has no history: whoever is behind reads the present anew.
struct NoHistory;

impl ChangeSource for NoHistory {
    fn spawn(&self, read: Box<dyn FnOnce() + Send>) -> io::Result<()> {
        read();
        Ok(())
    }

    fn changes_since(
        &self,
        _from: Revision,
        _ranges: &[KeyRange],
        _limits: ChangeLimits,
    ) -> Result<Option<Vec<Revised>>, MapError> {
        Ok(None)
    }
}

/// The history of the state store, for watchers that are behind.
struct History {
    state: StateStore,
}

impl ChangeSource for History {
    fn spawn(&self, read: Box<dyn FnOnce() + Send>) -> io::Result<()> {
        self.state.threads().spawn(WorkKind::Awaited, read)
    }

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
