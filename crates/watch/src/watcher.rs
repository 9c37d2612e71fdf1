//! One watcher: a cursor over the store's revisions, pulled by its reader.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use conclave_mvcc::{ChangeLimits, MapError, Revised, Revision};
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

use crate::filter::{Ranges, WatchFilter};
use crate::hub::{Shared, Signal};
use crate::tail::{Place, Resets};

/// What a watcher is told next.
#[derive(Debug, Clone)]
pub enum Watched {
    /// One revision, cut to the watcher's ranges; never empty.
    Changes(Revised),
    /// Nothing else in the ranges happened up to and including this revision. Told when the watcher has
    /// come to the newest revision and saw nothing of its own on the last stretch.
    Progress(Revision),
    /// The cursor lies further back than the watcher reaches ([`Reach`]), or what happened from it on is gone.
    /// The reader reads the full state at some revision R, sends it on, and calls [`Watcher::resume_from`] with
    /// R + 1; until then this is all it is told.
    Behind {
        /// Newest revision.
        newest: Revision,
    },
}

/// How far back a watcher reads, before it is told that it is behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reach {
    /// As far as [`WatchOptions::behind_revisions_max`](crate::WatchOptions::behind_revisions_max) says, and never
    /// past a replaced state: for readers to whom reading all anew is cheaper.
    #[default]
    Bounded,
    /// As long as the changes are there, also after the state was replaced: it brings its history with it.
    History,
    /// What is in memory alone: it never reads history.
    Tail,
}

/// Why a watcher is told nothing any more.
#[derive(Debug, Clone, thiserror::Error)]
pub enum WatchClosed {
    /// The hub was closed: the node stops. Another node goes on from the same revision.
    #[error("the node stops: watch again, from the revision after the last one seen")]
    Closed,
    /// The store's history cannot be read.
    #[error("history cannot be read: {0}")]
    Failed(String),
}

/// A cursor over the revisions of one store. Dropping it ends the watch.
pub struct Watcher {
    shared: Arc<Shared>,
    ranges: Arc<Ranges>,
    signal: watch::Receiver<Signal>,
    /// The revision that is looked at next; `replay` holds older ones.
    cursor: Revision,
    /// All up to here was handed out or announced (or lies before the start).
    told: Revision,
    /// Read from history, cut to the ranges, not handed out yet.
    replay: VecDeque<Revised>,
    /// A read of history that still runs: kept here so that a cancelled `next` loses nothing.
    reading: Option<oneshot::Receiver<Result<Option<Piece>, MapError>>>,
    resets_seen: Resets,
    behind: bool,
    counted: bool,
    reach: Reach,
}

/// What a read of history brought.
struct Piece {
    matching: VecDeque<Revised>,
    next: Revision,
}

/// What there is to do at the cursor.
enum Step {
    Tell(Watched),
    Skip,
    CatchUp { upto: Revision },
    Wait,
}

impl Watcher {
    pub(crate) fn new(
        shared: Arc<Shared>,
        filter: WatchFilter,
        start: Revision,
        signal: watch::Receiver<Signal>,
    ) -> Self {
        shared.watchers.fetch_add(1, Ordering::Relaxed);
        let resets_seen = shared.tail.lock().resets();
        let cursor = start.max(Revision::new(1));
        Self {
            ranges: Arc::new(filter.into()),
            signal,
            cursor,
            told: cursor.previous(),
            replay: VecDeque::new(),
            reading: None,
            resets_seen,
            behind: false,
            counted: true,
            reach: Reach::default(),
            shared,
        }
    }

    /// The same with another reach.
    pub fn reaching(mut self, reach: Reach) -> Self {
        self.reach = reach;
        self
    }

    pub(crate) fn uncounted(mut self) -> Self {
        if std::mem::replace(&mut self.counted, false) {
            self.shared.watchers.fetch_sub(1, Ordering::Relaxed);
        }
        self
    }

    /// What comes next; waits until there is something. Cancel-safe: when the future is dropped, the next
    /// call goes on from the same place.
    pub async fn next(&mut self) -> Result<Watched, WatchClosed> {
        loop {
            // A long stretch without a match must not keep the thread from others.
            tokio::task::consume_budget().await;
            if *self.signal.borrow_and_update() == Signal::Closed {
                return Err(WatchClosed::Closed);
            }
            if let Some(revised) = self.replay.pop_front() {
                return Ok(self.tell(revised));
            }
            match self.step() {
                Step::Tell(watched) => return Ok(watched),
                Step::Skip => {}
                Step::CatchUp { upto } => self.catch_up(upto).await?,
                Step::Wait => self.signal.changed().await.map_err(|_| WatchClosed::Closed)?,
            }
        }
    }

    /// Goes on from `revision`, which may lie anywhere: the reader knows all that lies before it.
    pub fn resume_from(&mut self, revision: Revision) {
        self.cursor = revision.max(Revision::new(1));
        self.told = self.cursor.previous();
        self.replay.clear();
        self.reading = None;
        self.resets_seen = self.shared.tail.lock().resets();
        self.behind = false;
    }

    /// All up to and including this revision was told (or lies before the start): a watch that starts at
    /// the next one misses nothing.
    pub fn told(&self) -> Revision {
        self.told
    }

    fn step(&mut self) -> Step {
        let (place, newest, resets) = {
            let tail = self.shared.tail.lock();
            (tail.place(self.cursor), tail.newest(), tail.resets())
        };
        self.note_resets(resets);
        if self.behind {
            return Step::Tell(Watched::Behind { newest });
        }
        match place {
            Place::At(revised, since) => self.look_at(&revised, since),
            Place::PastNewest => self.announce(newest),
            Place::BeforeTail if !self.reaches_from(newest) => {
                self.fall_behind();
                Step::Tell(Watched::Behind { newest })
            }
            Place::BeforeTail => Step::CatchUp { upto: newest },
        }
    }

    fn look_at(&mut self, revised: &Revised, since: Instant) -> Step {
        self.cursor = revised.revision.next();
        let Some(cut) = self.ranges.cut(revised) else { return Step::Skip };
        self.shared.metrics.delivered(since.elapsed());
        Step::Tell(self.tell(cut))
    }

    fn tell(&mut self, revised: Revised) -> Watched {
        assert!(revised.revision > self.told, "revisions are told in order, each once");
        self.told = revised.revision;
        Watched::Changes(revised)
    }

    /// Nothing is left up to `newest`: says so, if that is news.
    fn announce(&mut self, newest: Revision) -> Step {
        self.cursor = self.cursor.max(newest.next());
        let seen = self.cursor.previous();
        if seen <= self.told {
            return Step::Wait;
        }
        self.told = seen;
        Step::Tell(Watched::Progress(seen))
    }

    fn note_resets(&mut self, resets: Resets) {
        if resets != self.resets_seen {
            self.resets_seen = resets;
            if self.cursor <= resets.newest && self.reach == Reach::Bounded {
                self.fall_behind();
            }
        }
    }

    /// Whether the cursor, which lies before the tail, may go on from history.
    fn reaches_from(&self, newest: Revision) -> bool {
        let behind = newest.get().saturating_sub(self.cursor.previous().get());
        match self.reach {
            Reach::Bounded => behind <= self.shared.options.behind_revisions_max,
            Reach::History => true,
            Reach::Tail => false,
        }
    }

    fn fall_behind(&mut self) {
        self.behind = true;
        self.reading = None;
        tracing::debug!(cursor = self.cursor.get(), "history cannot be replayed for a watcher");
    }

    /// Reads a piece of history from the cursor on, not past `upto`.
    async fn catch_up(&mut self, upto: Revision) -> Result<(), WatchClosed> {
        if self.reading.is_none() {
            self.reading = Some(self.start_reading(upto).await?);
        }
        let reading = self.reading.as_mut().expect("it was set just above");
        let ended = reading.await;
        self.reading = None;
        match ended.map_err(|_| failed("it was cut short"))?.map_err(failed)? {
            Some(piece) => {
                self.replay = piece.matching;
                self.cursor = piece.next;
            }
            None => self.fall_behind(),
        }
        Ok(())
    }

    async fn start_reading(
        &self,
        upto: Revision,
    ) -> Result<oneshot::Receiver<Result<Option<Piece>, MapError>>, WatchClosed> {
        let turns = Arc::clone(&self.shared.catch_up_turns);
        let turn = turns.acquire_owned().await.map_err(|_| WatchClosed::Closed)?;
        if *self.signal.borrow() == Signal::Closed {
            return Err(WatchClosed::Closed);
        }
        let (shared, ranges, from) = (Arc::clone(&self.shared), Arc::clone(&self.ranges), self.cursor);
        shared.metrics.read_history();
        let (done, reading) = oneshot::channel();
        let source = Arc::clone(&shared.source);
        let read = move || {
            let _turn = turn;
            // If nobody waits any more, nobody is told.
            let _ = done.send(read_piece(&shared, &ranges, from, upto));
        };
        source.spawn(Box::new(read)).map_err(failed)?;
        Ok(reading)
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        if self.counted {
            self.shared.watchers.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// One bounded read of history; none if it is gone. What the store holds beyond `upto` was not published yet
/// and waits for it.
fn read_piece(
    shared: &Shared,
    ranges: &Ranges,
    from: Revision,
    upto: Revision,
) -> Result<Option<Piece>, MapError> {
    let limits = ChangeLimits {
        revisions_max: shared.options.catch_up_revisions_max,
        size_bytes_max: shared.options.catch_up_size_bytes_max,
    };
    let Some(read) = shared.source.changes_since(from, ranges.as_slice(), limits)? else {
        return Ok(None);
    };
    let known = read.iter().take_while(|revised| revised.revision <= upto);
    let matching = known.clone().filter_map(|revised| ranges.cut(revised)).collect();
    let all_known = known.count() == read.len();
    let next = match read.last() {
        Some(last) if all_known => last.revision.next(),
        _ => upto.next(),
    };
    Ok(Some(Piece { matching, next }))
}

fn failed(cause: impl std::fmt::Display) -> WatchClosed {
    tracing::error!(%cause, "a watcher cannot read history");
    WatchClosed::Failed(cause.to_string())
}
