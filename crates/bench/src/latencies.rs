//! How long writes took that were begun at a fixed rate, whether the ones before were answered or not.
//!
//! The time of a write counts from when it was meant to begin: one that waits behind a stall has waited.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use conclave_client::Client;
use hdrhistogram::Histogram;
use tokio::task::JoinSet;

use crate::load::Load;
use crate::metronome::Metronome;
use crate::report::{Report, time};

/// The longest time that is told apart, in microseconds.
const LONGEST_US: u64 = 600_000_000;
/// Digits of a time that are kept.
const DIGITS: u8 = 3;
/// How many times as long as on a quiet cluster a write may take while another node catches up.
const RATIO_GOAL: f64 = 2.0;

/// Single writes at a fixed rate: to whom, of what, and how often.
#[derive(Debug)]
pub(crate) struct SteadyWrites {
    pub(crate) client: Client,
    pub(crate) load: Load,
    pub(crate) interval: Duration,
}

impl SteadyWrites {
    /// Writes for as long as `work` takes.
    pub(crate) async fn during<T>(&self, work: impl Future<Output = T>) -> anyhow::Result<(T, Latencies)> {
        let (mut metronome, mut writing) = (Metronome::start(self.interval), JoinSet::new());
        let (mut latencies, mut work) = (Latencies::new(), Box::pin(work));
        let made = loop {
            tokio::select! {
                made = &mut work => break made,
                Some(ended) = writing.join_next() => latencies.add(ended.context("a write was cut short")?),
                intended = metronome.next() => {
                    let (client, load) = (self.client.clone(), self.load.clone());
                    writing.spawn(async move { write(&client, &load, intended).await });
                }
            }
        };
        while let Some(ended) = writing.join_next().await {
            latencies.add(ended.context("a write was cut short")?);
        }
        Ok((made, latencies))
    }
}

/// One write that has ended.
#[derive(Debug)]
struct Written {
    took: Duration,
    is_done: bool,
}

async fn write(client: &Client, load: &Load, intended: Instant) -> Written {
    let is_done = load.change_one(client).await.is_ok();
    Written { took: intended.elapsed(), is_done }
}

/// What single writes took.
#[derive(Debug)]
pub(crate) struct Latencies {
    took_us: Histogram<u64>,
    failed: u64,
}

impl Latencies {
    fn new() -> Self {
        let took_us = Histogram::new_with_bounds(1, LONGEST_US, DIGITS).expect("the bounds are in order");
        Self { took_us, failed: 0 }
    }

    fn add(&mut self, written: Written) {
        let took_us = u64::try_from(written.took.as_micros()).unwrap_or(u64::MAX);
        self.took_us.saturating_record(took_us);
        self.failed += u64::from(!written.is_done);
    }

    /// So much of the writes, from 0 to 1, took no longer.
    fn quantile(&self, part: f64) -> Duration {
        Duration::from_micros(self.took_us.value_at_quantile(part))
    }

    /// The longest of them.
    pub(crate) fn slowest(&self) -> Duration {
        self.quantile(1.0)
    }

    /// Tells them by themselves.
    pub(crate) fn tell(&self, report: &mut Report) {
        self.tell_counts(report);
        report.duration("p50 of single writes", self.quantile(0.5), None);
        report.duration("p99 of single writes", self.quantile(0.99), None);
        report.duration("the slowest of them", self.quantile(1.0), None);
    }

    /// Tells them beside those of the quiet cluster.
    pub(crate) fn tell_beside(&self, quiet: &Self, report: &mut Report) {
        self.tell_counts(report);
        for (name, part) in [("p50", 0.5), ("p99", 0.99)] {
            let (found, base) = (self.quantile(part), quiet.quantile(part));
            report.duration(&format!("{name} of single writes; quiet: {}", time(base)), found, None);
            report.ratio(&format!("{name} against the quiet cluster"), found, base, Some(RATIO_GOAL));
        }
        let base = time(quiet.quantile(1.0));
        report.duration(&format!("the slowest of them; quiet: {base}"), self.quantile(1.0), None);
    }

    fn tell_counts(&self, report: &mut Report) {
        report.count("single writes meanwhile", self.took_us.len(), None);
        report.count("single writes that failed", self.failed, Some(0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn latencies(took_ms: impl IntoIterator<Item = u64>) -> Latencies {
        let mut latencies = Latencies::new();
        for took_ms in took_ms {
            latencies.add(Written { took: Duration::from_millis(took_ms), is_done: took_ms != 100 });
        }
        latencies
    }

    #[test]
    fn quantiles_and_failures_are_told() {
        let mut report = Report::titled("quiet");
        latencies(1..=100).tell(&mut report);
        let text = report.to_string();
        for figure in ["50.01 ms", "99.01 ms", "100.03 ms", "1   goal: up to 0  MISSED"] {
            assert!(text.contains(figure), "{figure}: {text}");
        }
    }

    #[test]
    fn they_are_compared_with_the_quiet_cluster() {
        let mut report = Report::titled("busy");
        latencies((1..=99).map(|ms| ms * 3)).tell_beside(&latencies(1..=99), &mut report);
        let text = report.to_string();
        assert!(text.contains("3.00 times   goal: up to 2.0 times  MISSED"), "{text}");
    }
}
