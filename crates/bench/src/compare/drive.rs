//! Clients that work side by side, and what their operations took.
//!
//! In a **closed loop** each begins its next operation when the last was answered. In an **open loop** operations begin at
//! a fixed rate, by whichever client is free, and the time of one counts from when it was meant to begin: one that waits
//! behind a stall has waited, so what was not sent during the stall is not forgotten.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use hdrhistogram::Histogram;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use super::cost::{Meter, Taken};
use crate::metronome::Metronome;

/// The longest time that is told, in microseconds; longer ones count as this.
const LONGEST_US: u64 = 60_000_000;
/// Times are told to one in a hundred: each client counts by itself, and what it counts in is to fit into caches.
const DIGITS: u8 = 2;
/// A client gives up after so many failed operations.
const FAILURES_MAX: u64 = 100;

/// A client, and the operation that it repeats.
pub(crate) trait Operate: Send + 'static {
    /// Does it once; its time counts from `began` on.
    fn operate(&mut self, began: Instant) -> impl Future<Output = anyhow::Result<()>> + Send;
}

/// How long and how fast.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) warm_up: Duration,
    pub(crate) measured: Duration,
    /// Operations a second in an open loop; none: a closed loop.
    pub(crate) rate: Option<u32>,
}

/// What was measured.
#[derive(Debug)]
pub(crate) struct Driven {
    pub(crate) took: Duration,
    pub(crate) latencies_us: Histogram<u64>,
    pub(crate) failed: u64,
    /// Why the first of those did.
    pub(crate) failure: Option<anyhow::Error>,
    pub(crate) taken: Taken,
}

/// Where a measurement is; what clients look at. It begins with 0.
pub(crate) const MEASURING: u8 = 1;
const OVER: u8 = 2;

/// Has the clients work and measures.
pub(crate) async fn drive<C: Operate>(clients: Vec<C>, plan: Plan, meter: &Meter) -> anyhow::Result<Driven> {
    drive_in(&Arc::default(), clients, plan, meter).await
}

/// The same, for whoever must know where the measurement is.
pub(crate) async fn drive_in<C: Operate>(
    phase: &Arc<AtomicU8>,
    clients: Vec<C>,
    plan: Plan,
    meter: &Meter,
) -> anyhow::Result<Driven> {
    let beats = plan.rate.map(|rate| Arc::new(Mutex::new(Metronome::start(Duration::from_secs(1) / rate))));
    let mut working = JoinSet::new();
    for client in clients {
        working.spawn(work(client, beats.clone(), Arc::clone(phase)));
    }
    tokio::time::sleep(plan.warm_up).await;
    phase.store(MEASURING, Ordering::Relaxed);
    let (began, before) = (Instant::now(), meter.read()?);
    tokio::time::sleep(plan.measured).await;
    phase.store(OVER, Ordering::Relaxed);
    let (took, taken) = (began.elapsed(), meter.read()?.since(before));
    let mut all = Work::default();
    while let Some(ended) = working.join_next().await {
        all.add(ended.context("a client was cut short")?);
    }
    Ok(Driven { took, latencies_us: all.latencies_us, failed: all.failed, failure: all.failure, taken })
}

/// What one client has done while it was measured.
struct Work {
    latencies_us: Histogram<u64>,
    failed: u64,
    failure: Option<anyhow::Error>,
}

impl Default for Work {
    fn default() -> Self {
        Self { latencies_us: histogram(), failed: 0, failure: None }
    }
}

impl Work {
    fn add(&mut self, other: Self) {
        self.latencies_us.add(other.latencies_us).expect("all have the same bounds");
        self.failed += other.failed;
        self.failure = self.failure.take().or(other.failure);
    }

    fn note(&mut self, began: Instant, told: anyhow::Result<()>) {
        match told {
            Ok(()) => {
                let took_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
                self.latencies_us.saturating_record(took_us);
            }
            Err(error) => {
                self.failed += 1;
                self.failure.get_or_insert(error);
            }
        }
    }
}

/// An empty histogram of times in microseconds.
pub(crate) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST_US, DIGITS).expect("the bounds are in order")
}

async fn work<C: Operate>(mut client: C, beats: Option<Arc<Mutex<Metronome>>>, phase: Arc<AtomicU8>) -> Work {
    let mut work = Work::default();
    while work.failed < FAILURES_MAX {
        let Some(began) = next_begin(beats.as_deref(), &phase).await else { break };
        let begun_in = phase.load(Ordering::Relaxed);
        let told = client.operate(began).await;
        // What a closed loop has done in a time is what was answered in it. An open loop is asked how long that took
        // which was to begin in it, and what is answered late must not be left out.
        let counts_in = if beats.is_some() { begun_in } else { phase.load(Ordering::Relaxed) };
        if counts_in == MEASURING {
            work.note(began, told);
        }
    }
    work
}

/// From when on the next operation counts; none if it is over.
async fn next_begin(beats: Option<&Mutex<Metronome>>, phase: &AtomicU8) -> Option<Instant> {
    let is_over = || phase.load(Ordering::Relaxed) == OVER;
    let Some(beats) = beats else { return (!is_over()).then(Instant::now) };
    let mut beats = beats.lock().await;
    if is_over() {
        return None;
    }
    Some(beats.next().await)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers after a while, except for what fails.
    struct Slow {
        takes: Duration,
        fails: bool,
    }

    impl Operate for Slow {
        async fn operate(&mut self, _began: Instant) -> anyhow::Result<()> {
            tokio::time::sleep(self.takes).await;
            anyhow::ensure!(!self.fails, "no");
            Ok(())
        }
    }

    fn plan(rate: Option<u32>) -> Plan {
        Plan { warm_up: Duration::from_millis(20), measured: Duration::from_millis(300), rate }
    }

    async fn driven(clients: usize, fails: bool, rate: Option<u32>) -> Driven {
        let meter = Meter::of(&[std::process::id()], Vec::new()).unwrap();
        let takes = Duration::from_millis(10);
        drive((0..clients).map(|_| Slow { takes, fails }).collect(), plan(rate), &meter).await.unwrap()
    }

    #[tokio::test]
    async fn clients_of_a_closed_loop_wait_for_answers() {
        let driven = driven(2, false, None).await;
        assert!((2..=62).contains(&driven.latencies_us.len()), "{}", driven.latencies_us.len());
        assert!(driven.latencies_us.min() >= 9_900);
    }

    /// One client cannot keep up with a rate of ten times what it does: ever later it begins.
    #[tokio::test]
    async fn what_begins_late_in_an_open_loop_has_waited() {
        let driven = driven(1, false, Some(1_000)).await;
        assert!(driven.latencies_us.max() > 100_000, "{}", driven.latencies_us.max());
    }

    #[tokio::test]
    async fn failures_are_counted_and_told() {
        let driven = driven(1, true, None).await;
        assert!(driven.failed > 0 && driven.latencies_us.is_empty());
        assert_eq!(driven.failure.unwrap().to_string(), "no");
    }
}
