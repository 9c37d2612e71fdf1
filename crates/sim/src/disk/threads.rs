//! What stands for threads: tasks on the host's own runtime, which take a drawn time.

use std::io;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use conclave_storage::{AwaitWriter, LogWriter, Threads, Work, WorkKind};
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

use super::host_disk::HostDisk;
use super::log_drive::LogDrive;
use super::sim_disk::SimDisk;
use crate::dice::Dice;

/// How long it takes until work that somebody waits for is done, in milliseconds.
const AWAITED_MS: RangeInclusive<u64> = 0..=2;
/// The same for work that can wait.
const BACKGROUND_MS: RangeInclusive<u64> = 1..=20;
/// How long a batch of the log takes to the medium.
const LOG_WRITE_MS: RangeInclusive<u64> = 0..=3;
/// How long it takes from there until somebody is told.
const LOG_ANSWER_MS: RangeInclusive<u64> = 0..=1;

/// The threads of a host that is on. All that they do ends with its runtime.
#[derive(Clone)]
pub(crate) struct SimThreads {
    disk: SimDisk,
    of_host: HostDisk,
    dice: Arc<Mutex<Dice>>,
}

impl SimThreads {
    /// Those of a host from this start on, slowed down by `disk`.
    pub(crate) fn new(disk: &SimDisk, dice: Dice) -> Self {
        Self { disk: disk.clone(), of_host: disk.start(), dice: Arc::new(Mutex::new(dice)) }
    }

    fn draw(&self, of_ms: RangeInclusive<u64>) -> Duration {
        Duration::from_millis(self.dice.lock().within(of_ms) + self.of_host.draw_slow_ms())
    }

    /// Drives a log's writer until the log is closed.
    async fn drive(self, drive: Arc<LogDrive>) {
        while drive.take_group().await {
            pause(self.draw(LOG_WRITE_MS)).await;
            drive.write();
            pause(self.draw(LOG_ANSWER_MS)).await;
            drive.finish();
        }
        drive.close();
    }
}

impl Threads for SimThreads {
    fn spawn(&self, kind: WorkKind, work: Work) -> io::Result<()> {
        let runtime = Handle::try_current().map_err(io::Error::other)?;
        let delay = self.draw(match kind {
            WorkKind::Awaited => AWAITED_MS,
            WorkKind::Background => BACKGROUND_MS,
        });
        let later = async move {
            pause(delay).await;
            work();
        };
        drop(TaskTracker::new().spawn_on(later, &runtime));
        Ok(())
    }

    fn write_log(&self, writer: LogWriter) -> io::Result<AwaitWriter> {
        let runtime = Handle::try_current().map_err(io::Error::other)?;
        let drive = LogDrive::new(writer);
        self.disk.watch(&drive);
        drop(TaskTracker::new().spawn_on(self.clone().drive(Arc::clone(&drive)), &runtime));
        let of_host = self.of_host.clone();
        Ok(Box::new(move || {
            // A host that has ended writes nothing on its way out.
            if of_host.alive().is_ok() {
                drive.drain();
            }
        }))
    }
}

/// Lets others go first, and time go on.
async fn pause(delay: Duration) {
    if delay.is_zero() {
        tokio::task::yield_now().await;
    } else {
        tokio::time::sleep(delay).await;
    }
}
