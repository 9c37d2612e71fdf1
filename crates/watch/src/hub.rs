//! The hub: takes in what was applied, wakes whoever waits, and reads history for whoever is behind.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use conclave_mvcc::{ChangeLimits, KeyRange, MapError, Revised, Revision};
use parking_lot::Mutex;
use prometheus_client::registry::Registry;
use tokio::sync::{Semaphore, watch};

use crate::filter::WatchFilter;
use crate::metrics::WatchMetrics;
use crate::options::WatchOptions;
use crate::tail::Tail;
use crate::watcher::Watcher;

/// History, for the watchers that are behind the tail.
pub trait ChangeSource: Send + Sync + 'static {
    /// Has `read`, which calls [`ChangeSource::changes_since`], done where it may block. It comes to its end also if
    /// nobody waits for it.
    fn spawn(&self, read: Box<dyn FnOnce() + Send>) -> io::Result<()>;

    /// Whole revisions from `from` on, in order, with the previous records; at least one if there is one. Of
    /// keys beyond `ranges` some may be missing. None: changes in the ranges from there on are gone.
    fn changes_since(
        &self,
        from: Revision,
        ranges: &[KeyRange],
        limits: ChangeLimits,
    ) -> Result<Option<Vec<Revised>>, MapError>;
}

/// The meeting place of one store's changes and all its watchers. Clones are the same hub.
#[derive(Clone)]
pub struct Hub {
    shared: Arc<Shared>,
}

/// How much a hub holds at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HubStats {
    /// Watchers that exist.
    pub watchers: usize,
    /// Revisions in the tail.
    pub tail_revisions: usize,
    /// Bytes in the tail.
    pub tail_size_bytes: usize,
}

/// What the hub and its watchers share. The lock is held for a few instructions at a time.
pub(crate) struct Shared {
    pub(crate) tail: Mutex<Tail>,
    pub(crate) source: Arc<dyn ChangeSource>,
    pub(crate) options: WatchOptions,
    pub(crate) catch_up_turns: Arc<Semaphore>,
    pub(crate) watchers: AtomicUsize,
    pub(crate) metrics: WatchMetrics,
    signal: watch::Sender<Signal>,
}

/// Told to all watchers; a watcher that slept through several sees only the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// There is something to look at.
    Look,
    /// The hub is closed.
    Closed,
}

impl Hub {
    /// A hub for a store whose newest revision is `newest`.
    pub fn new(source: Arc<dyn ChangeSource>, options: WatchOptions, newest: Revision) -> Self {
        Self::measured(source, options, newest, WatchMetrics::default())
    }

    /// A hub of another clock of the same store: it has the same bounds, and they are measured together.
    pub fn beside(&self, source: Arc<dyn ChangeSource>, newest: Revision) -> Self {
        Self::measured(source, self.shared.options.clone(), newest, self.shared.metrics.clone())
    }

    fn measured(
        source: Arc<dyn ChangeSource>,
        mut options: WatchOptions,
        newest: Revision,
        metrics: WatchMetrics,
    ) -> Self {
        options.catch_up_reads_max = options.catch_up_reads_max.max(1);
        let shared = Shared {
            tail: Mutex::new(Tail::new(&options, newest)),
            source,
            catch_up_turns: Arc::new(Semaphore::new(options.catch_up_reads_max as usize)),
            watchers: AtomicUsize::new(0),
            metrics,
            signal: watch::Sender::new(Signal::Look),
            options,
        };
        Self { shared: Arc::new(shared) }
    }

    /// Takes in revisions that the store holds by now, in order, and wakes the watchers. `newest` is the
    /// store's newest revision. Never waits; what was published before is ignored.
    pub fn publish(&self, revised: &[Revised], newest: Revision) {
        self.shared.tail.lock().append(revised, newest);
        self.wake();
    }

    /// The store was replaced by a snapshot at `newest`, which holds all history that was kept. Watchers that had not
    /// come so far are told that they are behind, unless they go on with history.
    pub fn reset(&self, newest: Revision) {
        self.shared.tail.lock().reset(newest);
        self.wake();
    }

    /// Newest revision that was published.
    pub fn newest(&self) -> Revision {
        self.shared.tail.lock().newest()
    }

    /// A new watcher of `filter`'s ranges, from revision `start` on. `start` may lie in the future.
    pub fn watch(&self, filter: WatchFilter, start: Revision) -> Watcher {
        Watcher::new(Arc::clone(&self.shared), filter, start, self.shared.signal.subscribe())
    }

    /// The same for the node itself: it is not counted among the watchers.
    pub fn follow(&self, filter: WatchFilter, start: Revision) -> Watcher {
        self.watch(filter, start).uncounted()
    }

    /// Has `registry` tell how far watches are behind.
    pub fn register_metrics(&self, registry: &mut Registry) {
        self.shared.metrics.register(registry);
    }

    /// What the hub holds at this moment.
    pub fn stats(&self) -> HubStats {
        let tail = self.shared.tail.lock();
        HubStats {
            watchers: self.shared.watchers.load(Ordering::Relaxed),
            tail_revisions: tail.revisions(),
            tail_size_bytes: tail.size_bytes(),
        }
    }

    /// Ends all watchers, then waits until no read of history runs any more.
    pub async fn close(&self) {
        self.shared.signal.send_replace(Signal::Closed);
        // Whoever has all the turns knows that no read runs; and none begins, since the turns are never
        // given back.
        let turns = &self.shared.catch_up_turns;
        if let Ok(all) = turns.acquire_many(self.shared.options.catch_up_reads_max).await {
            turns.close();
            all.forget();
        }
    }

    fn wake(&self) {
        self.shared.signal.send_if_modified(|signal| *signal == Signal::Look);
    }
}
