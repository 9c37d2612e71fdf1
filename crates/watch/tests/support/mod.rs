//! A store's history in memory, with the faults that the tests need.
#![allow(dead_code, reason = "each test file uses its part")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use conclave_mvcc::{ChangeLimits, Event, EventKind, KeyRange, MapError, Record, Revised, Revision};
use conclave_watch::{ChangeSource, Hub, WatchClosed, WatchFilter, WatchOptions, Watched, Watcher};
use parking_lot::{Condvar, Mutex};

/// How long a test waits for what must come.
const WAIT: Duration = Duration::from_secs(20);

/// All revisions from 1 on.
#[derive(Default)]
pub(crate) struct History {
    revised: Mutex<Vec<Revised>>,
    pub(crate) reads: AtomicUsize,
    held: Mutex<bool>,
    released: Condvar,
    pub(crate) broken: Mutex<Option<String>>,
    /// Changes of these keys up to this revision are gone.
    pub(crate) gone: Mutex<Option<(KeyRange, Revision)>>,
}

impl History {
    pub(crate) fn append(&self, revised: Revised) {
        self.revised.lock().push(revised);
    }

    pub(crate) fn newest(&self) -> Revision {
        self.revised.lock().last().map_or(Revision::ZERO, |last| last.revision)
    }

    pub(crate) fn all(&self) -> Vec<Revised> {
        self.revised.lock().clone()
    }

    /// Reads wait until `release`.
    pub(crate) fn hold(&self) {
        *self.held.lock() = true;
    }

    pub(crate) fn release(&self) {
        *self.held.lock() = false;
        self.released.notify_all();
    }
}

impl ChangeSource for History {
    #[expect(clippy::disallowed_methods, reason = "there is no store whose threads could be asked")]
    fn spawn(&self, read: Box<dyn FnOnce() + Send>) -> std::io::Result<()> {
        drop(tokio::task::spawn_blocking(read));
        Ok(())
    }

    fn changes_since(
        &self,
        from: Revision,
        ranges: &[KeyRange],
        limits: ChangeLimits,
    ) -> Result<Option<Vec<Revised>>, MapError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        let mut held = self.held.lock();
        self.released.wait_while(&mut held, |held| *held);
        if let Some(cause) = self.broken.lock().as_ref() {
            return Err(MapError::new(cause));
        }
        if let Some((keys, upto)) = self.gone.lock().as_ref()
            && from <= *upto
            && ranges.iter().any(|range| range.contains(&keys.start))
        {
            return Ok(None);
        }
        let all = self.revised.lock();
        Ok(Some(all.iter().filter(|one| one.revision >= from).take(limits.revisions_max).cloned().collect()))
    }
}

/// A revision that puts `value_bytes` bytes under each key.
pub(crate) fn revised(revision: u64, keys: &[u8], value_bytes: usize) -> Revised {
    let revision = Revision::new(revision);
    let event = |key: &u8| Event {
        key: Bytes::copy_from_slice(&[*key]),
        kind: EventKind::Put(Record {
            create_revision: revision,
            mod_revision: revision,
            version: 1,
            annotations: Bytes::new(),
            value: Bytes::from(vec![*key; value_bytes]),
        }),
        previous: None,
        order: 0,
    };
    Revised { revision, events: keys.iter().map(event).collect() }
}

/// A hub over a history that both begin empty.
pub(crate) struct Store {
    pub(crate) history: Arc<History>,
    pub(crate) hub: Hub,
}

impl Store {
    pub(crate) fn new(options: WatchOptions) -> Self {
        let history = Arc::new(History::default());
        let source: Arc<dyn ChangeSource> = history.clone();
        Self { hub: Hub::new(source, options, Revision::ZERO), history }
    }

    /// Applies and publishes one revision with these keys; says which.
    pub(crate) fn commit(&self, keys: &[u8]) -> Revision {
        self.commit_sized(keys, 8)
    }

    pub(crate) fn commit_sized(&self, keys: &[u8], value_bytes: usize) -> Revision {
        let one = revised(self.history.newest().get() + 1, keys, value_bytes);
        self.history.append(one.clone());
        self.hub.publish(std::slice::from_ref(&one), one.revision);
        one.revision
    }

    /// The newest revision before those in memory.
    pub(crate) fn before_tail(&self) -> u64 {
        self.history.newest().get() - self.hub.stats().tail_revisions as u64
    }

    pub(crate) fn watch(&self, ranges: &[(u8, u8)], start: u64) -> Watcher {
        self.hub.watch(filter(ranges), Revision::new(start))
    }
}

pub(crate) fn filter(ranges: &[(u8, u8)]) -> WatchFilter {
    let range = |(start, end): &(u8, u8)| KeyRange::new(vec![*start], vec![*end]);
    WatchFilter { ranges: ranges.iter().map(range).collect() }
}

/// What is seen of a watched thing: easy to compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen {
    Changes(u64, Vec<u8>),
    Progress(u64),
    Behind(u64),
    Closed,
    Failed,
}

pub(crate) fn seen(next: Result<Watched, WatchClosed>) -> Seen {
    match next {
        Ok(Watched::Changes(revised)) => {
            Seen::Changes(revised.revision.get(), revised.events.iter().map(|event| event.key[0]).collect())
        }
        Ok(Watched::Progress(revision)) => Seen::Progress(revision.get()),
        Ok(Watched::Behind { newest }) => Seen::Behind(newest.get()),
        Err(WatchClosed::Closed) => Seen::Closed,
        Err(WatchClosed::Failed(_)) => Seen::Failed,
    }
}

/// What the watcher is told next; it must come.
pub(crate) async fn next(watcher: &mut Watcher) -> Seen {
    let next = tokio::time::timeout(WAIT, watcher.next()).await;
    seen(next.expect("the watcher is told something in time"))
}

/// Polls `next` once and drops it: what it was told, if that was ready.
pub(crate) async fn poll_once(watcher: &mut Watcher) -> Option<Seen> {
    tokio::select! {
        biased;
        next = watcher.next() => Some(seen(next)),
        () = std::future::ready(()) => None,
    }
}
