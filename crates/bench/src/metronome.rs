//! Beats at a fixed rate, for load that does not wait for answers.
//!
//! A thread of its own beats within some 0.1 ms of the time: tokio's timers are up to 2 ms late, which is more
//! than a write takes. A beat that comes late still tells when it was meant to come.

use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

/// Beats that may wait to be heard.
const BEATS_MAX: usize = 1_024;

/// Beats until it is dropped.
#[derive(Debug)]
pub(crate) struct Metronome {
    beats: mpsc::Receiver<Instant>,
    thread: Option<JoinHandle<()>>,
}

impl Metronome {
    /// The first beat comes after one interval.
    pub(crate) fn start(interval: Duration) -> Self {
        let (sender, beats) = mpsc::channel(BEATS_MAX);
        let thread = thread::spawn(move || beat(interval, &sender));
        Self { beats, thread: Some(thread) }
    }

    /// The next beat: when it was meant to come.
    pub(crate) async fn next(&mut self) -> Instant {
        self.beats.recv().await.expect("the thread beats until this is dropped")
    }
}

impl Drop for Metronome {
    fn drop(&mut self) {
        self.beats.close();
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It cannot panic, and nothing depends on how it ended.
            let _ = thread.join();
        }
    }
}

fn beat(interval: Duration, beats: &mpsc::Sender<Instant>) {
    let mut next = Instant::now() + interval;
    loop {
        while let Some(wait) = time_until(next).filter(|_| !beats.is_closed()) {
            thread::park_timeout(wait);
        }
        if beats.blocking_send(next).is_err() {
            return;
        }
        next += interval;
    }
}

fn time_until(moment: Instant) -> Option<Duration> {
    moment.checked_duration_since(Instant::now()).filter(|wait| !wait.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn beats_are_one_interval_apart_however_late_they_are_heard() {
        let interval = Duration::from_millis(2);
        let mut metronome = Metronome::start(interval);
        let first = metronome.next().await;
        tokio::time::sleep(interval * 5).await;
        assert_eq!(metronome.next().await, first + interval);
        assert_eq!(metronome.next().await, first + interval * 2);
    }

    #[test]
    fn it_ends_at_once_when_it_is_dropped() {
        let began = Instant::now();
        drop(Metronome::start(Duration::from_secs(3_600)));
        assert!(began.elapsed() < Duration::from_secs(60));
    }
}
