//! Processes that stand still (SIGSTOP), and go on as if nothing had been.

use std::time::Duration;

use crate::stage::Stage;

/// A node: from a hiccup to longer than an election takes.
pub(super) async fn pause(stage: &mut Stage) -> Duration {
    let id = stage.victim().await;
    stage.pause(id);
    stage.dice.ms(100..=6_000)
}

/// Workers that hold locks: also for longer than their sessions live.
pub(super) fn pause_clients(stage: &mut Stage) -> Duration {
    for worker in &stage.workers {
        if stage.dice.happens(60) {
            worker.pause();
        }
    }
    stage.dice.ms(500..=9_000)
}
