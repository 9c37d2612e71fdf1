//! When a client that had to leave its own first node goes back there.
//!
//! Without it, a rolling restart would leave the node that is restarted last without clients. The wait is drawn anew
//! each time, from half of it to half as much again, so that those who left together do not come back together; with
//! each try that was in vain it doubles.

use std::time::Duration;

use tokio::time::Instant;

/// How often the wait doubles, at most.
const DOUBLINGS_MAX: u32 = 3;

/// Tells when the first node is to be tried again.
#[derive(Debug)]
pub(crate) struct Homing {
    wait: Duration,
    tries: u32,
    due: Option<Instant>,
}

impl Homing {
    /// It is at home. `wait` is that before the first try, on average.
    pub(crate) fn new(wait: Duration) -> Self {
        Self { wait, tries: 0, due: None }
    }

    /// It had to leave, or is elsewhere still.
    pub(crate) fn left(&mut self) {
        if self.due.is_none() {
            self.due = Some(self.later());
        }
    }

    /// It is at home again.
    pub(crate) fn came_home(&mut self) {
        (self.tries, self.due) = (0, None);
    }

    /// When the next try is due; never while it is at home.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Whether a try is due. It is told once: then the next one is awaited, should this one be in vain.
    pub(crate) fn take_try(&mut self) -> bool {
        let is_due = self.due.is_some_and(|due| due <= Instant::now());
        if is_due {
            self.tries = (self.tries + 1).min(DOUBLINGS_MAX);
            self.due = Some(self.later());
        }
        is_due
    }

    fn later(&self) -> Instant {
        let wait = self.wait.saturating_mul(1 << self.tries);
        let now = Instant::now();
        // A wait beyond what a clock can tell is for ever, or a day.
        now.checked_add(rand::random_range(wait / 2..=wait.saturating_add(wait / 2)))
            .unwrap_or(now + Duration::from_secs(86_400))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAIT: Duration = Duration::from_secs(60);

    /// How long after leaving the try is due.
    fn first_wait() -> Duration {
        let mut homing = Homing::new(WAIT);
        homing.left();
        homing.due().expect("it left") - Instant::now()
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_left_together_come_back_one_by_one() {
        let mut waits: Vec<_> = (0..1_000).map(|_| first_wait()).collect();
        waits.sort();
        assert!(waits[0] >= WAIT / 2 && waits[999] <= WAIT * 3 / 2);
        // Of a thousand, no tenth comes within the twentieth part of the time.
        assert!(waits.windows(100).all(|some| some[99] - some[0] > WAIT / 20), "{waits:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_try_is_told_once_and_the_next_ones_come_later_and_later() {
        let mut homing = Homing::new(WAIT);
        assert!(!homing.take_try(), "it is at home");
        homing.left();
        for doubled in [1, 2, 4, 8, 8] {
            let due = homing.due().expect("it is away");
            let full = WAIT * doubled;
            assert!((full / 2..=full * 3 / 2).contains(&(due - Instant::now())));
            homing.left();
            assert_eq!(homing.due(), Some(due), "to be elsewhere still puts nothing off");
            tokio::time::advance(due - Instant::now()).await;
            assert!(homing.take_try() && !homing.take_try());
        }
        homing.came_home();
        assert_eq!(homing.due(), None);
        homing.left();
        assert!(homing.due().expect("it left again") - Instant::now() <= WAIT * 3 / 2);
    }
}
