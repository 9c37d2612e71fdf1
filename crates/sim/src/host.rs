//! A computer of the simulation: a runtime with a clock of its own, which is stepped from outside.

use std::future::Future;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::time::{advance, sleep};

const MILLION: u64 = 1_000_000;
/// What a host does by itself is done at most so late, in milliseconds.
const LATE_MS_MAX: u64 = 4;

/// A computer that is on.
///
/// Its runtime has a clock that stands still but for [`Host::step`]: all that is ready runs, and whatever waits for
/// time waits for the next step. Dropping it ends every task at once, as a kill does.
pub(crate) struct Host {
    runtime: Runtime,
    /// How fast its clock goes: a million is as fast as simulated time.
    rate_ppm: u64,
    /// What of simulated time its clock has not gone on for, in nanoseconds.
    owed_ns: u64,
    is_paused: bool,
}

impl Host {
    pub(crate) fn start() -> Self {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = runtime.expect("a runtime without I/O needs nothing from the system");
        Self { runtime, rate_ppm: MILLION, owed_ns: 0, is_paused: false }
    }

    /// Runs a task on it.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        drop(self.runtime.spawn(task));
    }

    /// Has its clock go faster or slower from now on.
    pub(crate) fn set_rate_ppm(&mut self, rate_ppm: u64) {
        self.rate_ppm = rate_ppm;
    }

    /// Stops it, or has it go on: its clock then jumps to where it would have been, as that of a stopped process does.
    pub(crate) fn set_paused(&mut self, is_paused: bool) {
        self.is_paused = is_paused;
    }

    /// Simulated time has gone on by a millisecond. If nothing came from outside, what the host does by itself may wait
    /// a little, and is then done all at once.
    pub(crate) fn step(&mut self, is_woken: bool) {
        self.owed_ns += self.rate_ppm;
        let mut owed_ms = self.owed_ns / MILLION;
        if self.is_paused || (!is_woken && owed_ms < LATE_MS_MAX) {
            return;
        }
        self.owed_ns %= MILLION;
        if owed_ms > LATE_MS_MAX {
            // After a pause: time is found to have passed, all at once.
            self.runtime.block_on(async { advance(Duration::from_millis(owed_ms - 1)).await });
            owed_ms = 1;
        }
        self.runtime.block_on(async { sleep(Duration::from_millis(owed_ms)).await });
    }
}
