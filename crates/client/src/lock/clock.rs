//! The clock by which a worker knows that its session lives.

use std::fmt;
use std::time::Duration;

/// Tells how much time has passed since some moment, whether this process ran meanwhile or not.
pub(crate) trait Clock: fmt::Debug + Send + Sync {
    /// Time since that moment. It never goes back.
    fn now(&self) -> Duration;
}

/// The time since the machine was started. It goes on while the process is stopped, and while the machine sleeps.
#[derive(Debug)]
pub(crate) struct BootClock;

impl Clock for BootClock {
    fn now(&self) -> Duration {
        #[cfg(target_os = "linux")]
        const CLOCK: rustix::time::ClockId = rustix::time::ClockId::Boottime;
        #[cfg(not(target_os = "linux"))]
        const CLOCK: rustix::time::ClockId = rustix::time::ClockId::Monotonic;
        let time = rustix::time::clock_gettime(CLOCK);
        Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_on() {
        let began = BootClock.now();
        while BootClock.now() == began {
            std::thread::yield_now();
        }
        assert!(BootClock.now() > began);
    }
}
