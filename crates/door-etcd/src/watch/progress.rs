//! How far a stream's watches are, told when it is asked for and from time to time.

use std::collections::VecDeque;

use conclave_mvcc::Revision;
use tokio::time::{Duration, Instant, sleep_until};

use super::watches::{Serial, Watches};

/// How often watches that want it are told how far they are, if there was nothing else to tell them.
pub(super) const INTERVAL: Duration = Duration::from_secs(60);

/// What is to be told of how far the watches are.
pub(super) struct Progress {
    /// The stream was asked, when the node had come so far.
    asked: Option<Revision>,
    /// Some watch is told nothing before this revision, so that nothing can be said of all.
    not_before: Revision,
    due: Instant,
    /// Watches to be told.
    to: VecDeque<Serial>,
}

impl Progress {
    pub(super) fn new() -> Self {
        let due = Instant::now() + INTERVAL;
        Self { asked: None, not_before: Revision::ZERO, due, to: VecDeque::new() }
    }

    /// It is asked for, with the node at this revision. Who asks again before the answer is answered once.
    pub(super) fn ask(&mut self, newest: Revision) {
        self.asked = Some(newest);
    }

    /// A watch has ended: what it kept from being said may be said.
    pub(super) fn look_again(&mut self) {
        self.not_before = Revision::ZERO;
    }

    /// Whether what was asked can be answered by now: all watches were told all up to `told`, which none of them
    /// begins after.
    pub(super) fn is_answered(&mut self, told: Revision, watches: &Watches) -> bool {
        let Some(asked) = self.asked else { return false };
        if told < asked || told < self.not_before {
            return false;
        }
        self.not_before = watches.latest_next().previous();
        let answered = told >= self.not_before;
        if answered {
            self.asked = None;
        }
        answered
    }

    /// Waits until it is time to tell those that want it.
    pub(super) async fn comes_due(&self) {
        sleep_until(self.due).await;
    }

    /// It is time: those that want it are told, unless they were told something since the last time.
    pub(super) fn gather(&mut self, watches: &mut Watches) {
        self.due = Instant::now() + INTERVAL;
        let quiet = watches.iter_mut().filter_map(|(serial, watch)| {
            let was_told = std::mem::replace(&mut watch.was_told, false);
            (watch.wants.progress && !was_told).then_some(serial)
        });
        self.to = quiet.collect();
    }

    /// The next watch that is to be told.
    pub(super) fn next(&mut self) -> Option<Serial> {
        self.to.pop_front()
    }
}
