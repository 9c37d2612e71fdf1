//! A watch: a cursor over the store's revisions, from one of its hubs.

use conclave_mvcc::Revision;
use conclave_watch::{WatchFilter, Watcher};
use tokio::time::Instant;

use crate::handle::NodeHandle;
use crate::propose::with_margin;
use crate::read::become_fresh;
use crate::request_error::RequestError;

impl NodeHandle {
    /// A watcher of `filter`'s ranges from the revision `start` on. It lives until it is dropped or the
    /// node stops.
    ///
    /// # Errors
    /// [`RequestError::Recovering`] while the node does not know yet what is committed.
    pub fn watch(&self, filter: WatchFilter, start: Revision) -> Result<Watcher, RequestError> {
        self.shared.require_sound()?;
        Ok(self.shared.hubs.history.watch(filter, start))
    }

    /// The same of keys of which only the present is kept: sessions and locks. `start` is of their own clock; whoever
    /// is behind reads them anew.
    ///
    /// # Errors
    /// [`RequestError::Recovering`] while the node does not know yet what is committed.
    pub fn watch_present(&self, filter: WatchFilter, start: Revision) -> Result<Watcher, RequestError> {
        self.shared.require_sound()?;
        Ok(self.shared.hubs.present.watch(filter, start))
    }

    /// The revision that this node has come to.
    pub fn revision(&self) -> Revision {
        self.shared.hubs.history.newest()
    }

    /// The newest revision of the whole store: waits until this node has come so far.
    pub async fn newest_revision(&self, deadline: Instant) -> Result<Revision, RequestError> {
        become_fresh(&self.shared, with_margin(deadline)).await?;
        Ok(self.shared.hubs.history.newest())
    }
}
