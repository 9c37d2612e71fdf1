//! Alarms: what is wrong with this node that somebody must know of, and what the node does about it itself.
//!
//! | alarm | raised | what the node does | ends |
//! |---|---|---|---|
//! | `no-space` | less than `space_reserve_bytes` are free | as the leader it hands leadership to a voter with room, else refuses writes but for those that give room back (`room.rs`); reads go on | by itself, when a quarter more than that is free |
//! | `slow-disk` | an fsync of the log takes longer than `slow_fsync_ms` | it warns | by itself, a minute after the last one |
//! | `corrupt` | it has not applied what most voters have | it serves nothing, and leads no longer | when it is replaced |
//! | `clock-ahead` | its clock is a minute ahead of most other voters' | it leads no longer | by itself, when the clock is right |
//!
//! The last two are concluded from what the members tell (`survey.rs`). Refusing in time is what keeps a full disk from stopping the node: what was begun still finds room.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use conclave_storage::{LogPace, Space, WorkKind, run};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::handle::Shared;

/// How often the disk is looked at.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// How long a disk may take to say how much room it has. One that hangs is told by its fsyncs.
const SPACE_TIMEOUT: Duration = Duration::from_millis(500);
/// How long a disk counts as slow after its last slow fsync.
const SLOW_FOR: Duration = Duration::from_secs(60);

/// Something that somebody must know of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Alarm {
    /// Hardly any room is left on the disk of the data directory.
    NoSpace,
    /// The disk takes long to make the log durable.
    SlowDisk,
    /// What it has applied is not what most voters have.
    Corrupt,
    /// Its clock is far ahead of those of most other voters.
    ClockAhead,
}

impl Alarm {
    /// All that there are.
    pub const ALL: [Self; 4] = [Self::NoSpace, Self::SlowDisk, Self::Corrupt, Self::ClockAhead];

    /// A stable name for programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoSpace => "no-space",
            Self::SlowDisk => "slow-disk",
            Self::Corrupt => "corrupt",
            Self::ClockAhead => "clock-ahead",
        }
    }
}

impl fmt::Display for Alarm {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// When alarms are raised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlarmOptions {
    /// Less free space than this, in bytes, is too little. 0: any is enough.
    pub space_reserve_bytes: u64,
    /// An fsync that takes longer is slow.
    pub slow_fsync: Duration,
}

/// What is raised on this node, and how much room its disk has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Alarms {
    /// What is raised.
    pub raised: BTreeSet<Alarm>,
    /// The room of the disk, as it last told.
    pub space: Option<Space>,
}

/// Looks at the disk until the node stops, and tells what is raised.
pub(crate) async fn watch_disk(shared: Arc<Shared>, disk: WatchedDisk, stop: CancellationToken) {
    let watching = async {
        let mut looks = interval(LOOK_INTERVAL);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut alarms = DiskAlarms::default();
        loop {
            looks.tick().await;
            let signs = DiskSigns {
                space: space(&shared, &disk.path).await,
                slowest_fsync: disk.pace.take_slowest(),
            };
            let raised = alarms.judge(signs, &disk.options, Instant::now());
            shared.alarms.send_if_modified(|alarms| keep(&mut alarms.space, signs.space));
            for alarm in [Alarm::NoSpace, Alarm::SlowDisk] {
                set(&shared.alarms, alarm, raised.contains(&alarm));
            }
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = watching => {}
    }
}

/// The disk that is watched.
pub(crate) struct WatchedDisk {
    pub(crate) path: PathBuf,
    pub(crate) pace: LogPace,
    pub(crate) options: AlarmOptions,
}

async fn space(shared: &Shared, path: &std::path::Path) -> Option<Space> {
    let (disk, path) = (shared.state.disk(), path.to_owned());
    // Nobody waits for a disk that hangs, a shutdown neither.
    let asking = run(shared.state.threads(), WorkKind::Awaited, (), move || disk.space(&path));
    match timeout(SPACE_TIMEOUT, asking).await {
        Ok(Ok(Ok(space))) => Some(space),
        Ok(Ok(Err(error))) => {
            tracing::warn!(%error, "it cannot be told how much room the disk has");
            None
        }
        Ok(Err(_)) | Err(_) => None,
    }
}

/// Raises an alarm or ends it; returns whether that is news.
pub(crate) fn set(alarms: &watch::Sender<Alarms>, alarm: Alarm, is_raised: bool) -> bool {
    alarms.send_if_modified(|told| {
        let is_news = if is_raised { told.raised.insert(alarm) } else { told.raised.remove(&alarm) };
        match (is_news, is_raised) {
            (false, _) => {}
            (true, true) => tracing::error!(%alarm, space = ?told.space, "alarm raised"),
            (true, false) => tracing::info!(%alarm, space = ?told.space, "alarm ended"),
        }
        is_news
    })
}

/// Notes how much room there is; a disk that does not say keeps what it said before.
fn keep(known: &mut Option<Space>, told: Option<Space>) -> bool {
    let is_news = told.is_some() && *known != told;
    *known = told.or(*known);
    is_news
}

/// What is seen of the disk.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DiskSigns {
    /// None if the disk did not say.
    pub(crate) space: Option<Space>,
    /// The longest fsync since the last look, or the one that is still waited for.
    pub(crate) slowest_fsync: Duration,
}

/// The alarms about the disk, from look to look.
#[derive(Debug, Default)]
pub(crate) struct DiskAlarms {
    no_space: bool,
    slow_until: Option<Instant>,
}

impl DiskAlarms {
    /// What is raised now.
    pub(crate) fn judge(
        &mut self,
        signs: DiskSigns,
        options: &AlarmOptions,
        now: Instant,
    ) -> BTreeSet<Alarm> {
        if let Some(space) = signs.space {
            let enough = if self.no_space {
                options.space_reserve_bytes.saturating_add(options.space_reserve_bytes / 4)
            } else {
                options.space_reserve_bytes
            };
            self.no_space = space.free_bytes < enough;
        }
        if signs.slowest_fsync > options.slow_fsync {
            self.slow_until = Some(now + SLOW_FOR);
        }
        let slow = self.slow_until.is_some_and(|until| now < until);
        let raised = [(self.no_space, Alarm::NoSpace), (slow, Alarm::SlowDisk)];
        raised.into_iter().filter_map(|(is, alarm)| is.then_some(alarm)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: AlarmOptions =
        AlarmOptions { space_reserve_bytes: 1_000, slow_fsync: Duration::from_millis(500) };

    fn signs(free_bytes: u64, slowest_ms: u64) -> DiskSigns {
        let space = Some(Space { free_bytes, total_bytes: 1_000_000 });
        DiskSigns { space, slowest_fsync: Duration::from_millis(slowest_ms) }
    }

    #[tokio::test]
    async fn no_space_ends_only_with_room_to_spare() {
        let (mut alarms, now) = (DiskAlarms::default(), Instant::now());
        let mut no_space = |free| alarms.judge(signs(free, 0), &OPTIONS, now).contains(&Alarm::NoSpace);
        assert_eq!([1_000, 999, 1_249, 1_250, 1_000].map(&mut no_space), [false, true, true, false, false]);
    }

    #[tokio::test]
    async fn a_disk_that_says_nothing_changes_nothing() {
        let (mut alarms, now) = (DiskAlarms::default(), Instant::now());
        alarms.judge(signs(1, 0), &OPTIONS, now);
        let silent = DiskSigns { space: None, slowest_fsync: Duration::ZERO };
        assert_eq!(alarms.judge(silent, &OPTIONS, now), BTreeSet::from([Alarm::NoSpace]));
    }

    #[tokio::test]
    async fn a_disk_is_slow_for_a_minute_after_it_was() {
        let (mut alarms, now) = (DiskAlarms::default(), Instant::now());
        assert_eq!(alarms.judge(signs(9_999, 501), &OPTIONS, now), BTreeSet::from([Alarm::SlowDisk]));
        let before = now + SLOW_FOR - Duration::from_millis(1);
        assert_eq!(alarms.judge(signs(9_999, 10), &OPTIONS, before), BTreeSet::from([Alarm::SlowDisk]));
        assert_eq!(alarms.judge(signs(9_999, 10), &OPTIONS, now + SLOW_FOR), BTreeSet::new());
    }
}
