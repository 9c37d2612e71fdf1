//! Keeps the log short: a snapshot is taken when enough came since the last one, by number or by bytes, and what
//! it covers is purged, but for a little that followers may still ask for.
//!
//! A follower that is being sent a snapshot needs the entries after it next: they are kept, within bounds, until a
//! moment after it has arrived, so that the follower needs no second one. What is left of a transfer that nobody comes
//! back for is removed.

use std::time::Duration;

use conclave_storage::{LogStore, StateStore, WorkKind, run};
use openraft::async_runtime::WatchReceiver as _;
use tokio::time::{MissedTickBehavior, interval};

use crate::consensus::Raft;
use crate::snapshot::Snapshots;

/// How often is looked.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);
/// How often is looked for what is left over.
const LEFTOVER_INTERVAL: Duration = Duration::from_secs(10);
/// A snapshot that was not received whole goes when for so long nobody went on with it.
const STAGING_IDLE: Duration = Duration::from_secs(600);
/// Of what a snapshot covers, at most one in so many entries and bytes of the bounds is kept for followers that are
/// a little behind.
const KEPT_PART: u64 = 10;
/// For followers that are being sent a snapshot, at most so many times the bounds are kept.
const HELD_TIMES: u64 = 4;

/// What makes the log too long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogBounds {
    pub(crate) entries: u64,
    pub(crate) size_bytes: u64,
}

/// Works until its task is ended.
pub(crate) struct LogKeeper {
    pub(crate) raft: Raft,
    pub(crate) log: LogStore,
    pub(crate) state: StateStore,
    pub(crate) snapshots: Snapshots,
    pub(crate) bounds: LogBounds,
}

/// What was seen and done at the looks before.
struct Seen {
    /// The first entry that the log was last asked to begin with.
    asked: u64,
    /// Whether there was room for a snapshot.
    has_room: bool,
}

/// Indexes after the last entry that was applied, is in a snapshot, was purged.
#[derive(Clone, Copy, Debug)]
struct Progress {
    applied: u64,
    snapshot: u64,
    purged: u64,
}

/// The sizes of the entries.
trait Sizes {
    fn from(&self, index: u64) -> u64;
    fn start_of_last(&self, size_bytes_max: u64) -> u64;
}

impl Sizes for LogStore {
    fn from(&self, index: u64) -> u64 {
        self.size_bytes_from(index)
    }

    fn start_of_last(&self, size_bytes_max: u64) -> u64 {
        LogStore::start_of_last(self, size_bytes_max)
    }
}

impl LogKeeper {
    /// Looks after the log until the engine ends.
    pub(crate) async fn run(self) {
        let (mut looks, mut leftovers) = (interval(LOOK_INTERVAL), interval(LEFTOVER_INTERVAL));
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        leftovers.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut seen = Seen { asked: 0, has_room: true };
        loop {
            tokio::select! {
                _ = looks.tick() => if self.look(&mut seen).await.is_none() { return },
                _ = leftovers.tick() => self.remove_leftovers(self.progress().purged).await,
            }
        }
    }

    /// None if the engine has ended.
    async fn look(&self, seen: &mut Seen) -> Option<()> {
        let progress = self.progress();
        if progress.wants_snapshot(self.bounds, &self.log) && self.has_room(seen).await {
            self.raft.trigger().snapshot().await.ok()?;
        }
        let start = progress.log_start(self.bounds, &self.log, self.snapshots.needed_from());
        // The engine waits by itself until nobody reads what is to go.
        if start > progress.purged.max(seen.asked) {
            seen.asked = start;
            // Whoever is given one after which the log is gone comes back at once, and would be given it again.
            self.remove_leftovers(start).await;
            tracing::info!(first_index = start, "the log is cut");
            self.raft.trigger().purge_log(start - 1).await.ok()?;
        }
        Some(())
    }

    /// Whether there is room for a snapshot: one that fails stops the node. Tells it when there is none any more.
    async fn has_room(&self, seen: &mut Seen) -> bool {
        let state = self.state.clone();
        let asked =
            run(self.state.threads(), WorkKind::Awaited, (), move || state.require_room_to_flush()).await;
        let refused = asked.ok().and_then(Result::err);
        if let Some(error) = refused.as_ref().filter(|_| seen.has_room) {
            tracing::warn!(%error, "no snapshot is taken, and the log grows until there is room");
        }
        seen.has_room = refused.is_none();
        seen.has_room
    }

    fn progress(&self) -> Progress {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow_watched();
        let next = |index: Option<u64>| index.map_or(0, |index| index + 1);
        Progress {
            applied: next(metrics.last_applied.map(|log_id| log_id.index())),
            snapshot: next(metrics.snapshot.map(|log_id| log_id.index())),
            purged: next(metrics.purged.map(|log_id| log_id.index())),
        }
    }

    /// Of transfers that nobody comes back for, or could not use: the log begins with entry `log_start`.
    async fn remove_leftovers(&self, log_start: u64) {
        let (snapshots, state) = (self.snapshots.clone(), self.state.clone());
        let removing = run(self.state.threads(), WorkKind::Awaited, (), move || {
            snapshots.release(log_start);
            state.remove_idle_staging(STAGING_IDLE)
        });
        match removing.await {
            Ok(Ok(true)) => tracing::info!("a snapshot that was not received whole is removed"),
            Ok(Ok(false)) | Err(_) => {}
            Ok(Err(error)) => tracing::warn!(%error, "a snapshot that was not received whole stays"),
        }
    }
}

impl Progress {
    fn wants_snapshot(&self, bounds: LogBounds, sizes: &impl Sizes) -> bool {
        let covered = self.snapshot.max(self.purged);
        if self.applied <= covered {
            return false;
        }
        let size_bytes = sizes.from(covered).saturating_sub(sizes.from(self.applied));
        self.applied - covered >= bounds.entries || size_bytes >= bounds.size_bytes
    }

    /// The index that the log is to begin with.
    fn log_start(&self, bounds: LogBounds, sizes: &impl Sizes, needed_from: Option<u64>) -> u64 {
        let kept =
            LogBounds { entries: bounds.entries / KEPT_PART, size_bytes: bounds.size_bytes / KEPT_PART };
        let start = self.start_within(kept, sizes);
        let held = LogBounds {
            entries: bounds.entries.saturating_mul(HELD_TIMES),
            size_bytes: bounds.size_bytes.saturating_mul(HELD_TIMES),
        };
        match needed_from {
            Some(needed) if needed >= self.start_within(held, sizes) => start.min(needed),
            _ => start,
        }
    }

    /// The first entry from which on the snapshot covers no more than `bounds`.
    fn start_within(&self, bounds: LogBounds, sizes: &impl Sizes) -> u64 {
        let after = sizes.from(self.snapshot);
        let by_bytes = sizes.start_of_last(bounds.size_bytes.saturating_add(after));
        self.snapshot.saturating_sub(bounds.entries).max(by_bytes.min(self.snapshot))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Entries from 0 on, all of this size.
    struct Even {
        count: u64,
        size_bytes: u64,
    }

    impl Sizes for Even {
        fn from(&self, index: u64) -> u64 {
            self.count.saturating_sub(index) * self.size_bytes
        }

        fn start_of_last(&self, size_bytes_max: u64) -> u64 {
            self.count.saturating_sub(size_bytes_max / self.size_bytes)
        }
    }

    const BOUNDS: LogBounds = LogBounds { entries: 100, size_bytes: 10_000 };

    fn progress(applied: u64, snapshot: u64, purged: u64) -> Progress {
        Progress { applied, snapshot, purged }
    }

    fn wants_snapshot(progress: Progress, size_bytes: u64) -> bool {
        progress.wants_snapshot(BOUNDS, &Even { count: 1_000, size_bytes })
    }

    #[test]
    fn entries_or_bytes_since_the_last_one_make_a_snapshot_due() {
        assert!(!wants_snapshot(progress(0, 0, 0), 1));
        assert!(!wants_snapshot(progress(99, 0, 0), 1));
        assert!(wants_snapshot(progress(100, 0, 0), 1));
        assert!(!wants_snapshot(progress(9, 0, 0), 1_000));
        assert!(wants_snapshot(progress(10, 0, 0), 1_000));
        assert!(!wants_snapshot(progress(209, 200, 190), 1_000));
        assert!(wants_snapshot(progress(210, 200, 190), 1_000));
        assert!(!wants_snapshot(progress(209, 0, 200), 1_000), "what was purged was in one");
        assert!(!wants_snapshot(progress(10, 10, 0), 100_000), "what is not applied cannot be in one");
    }

    fn log_start(progress: Progress, size_bytes: u64, needed_from: Option<u64>) -> u64 {
        progress.log_start(BOUNDS, &Even { count: 1_000, size_bytes }, needed_from)
    }

    #[test]
    fn a_part_of_the_bounds_is_kept() {
        assert_eq!(log_start(progress(900, 0, 0), 1, None), 0, "nothing without a snapshot");
        assert_eq!(log_start(progress(900, 800, 0), 1, None), 790);
        assert_eq!(log_start(progress(900, 800, 0), 500, None), 798);
        assert_eq!(log_start(progress(900, 800, 0), 5_000, None), 800);
        assert_eq!(log_start(progress(900, 5, 0), 1, None), 0);
    }

    #[test]
    fn what_a_snapshot_on_its_way_is_followed_by_is_kept_within_bounds() {
        assert_eq!(log_start(progress(900, 800, 0), 1, Some(500)), 500);
        assert_eq!(log_start(progress(900, 800, 0), 1, Some(400)), 400);
        assert_eq!(log_start(progress(900, 800, 0), 1, Some(399)), 790, "too much");
        assert_eq!(log_start(progress(900, 800, 0), 1_000, Some(760)), 760);
        assert_eq!(log_start(progress(900, 800, 0), 1_000, Some(759)), 799, "too much");
        assert_eq!(log_start(progress(900, 800, 0), 1, Some(801)), 790);
    }
}
