//! How long writes took that were begun at a fixed rate, whether the ones before were answered or not.
//!
//! The time of a write counts from when it was meant to begin: one that waits behind a stall has waited.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use conclave_client::Client;
use tokio::task::JoinSet;

use crate::load::Load;
use crate::metronome::Metronome;
use crate::report::{Report, time};

/// Writes that come first and do not count: connections are made, and the disk comes to rest.
const WARM_UP: Duration = Duration::from_secs(5);
/// How many times as long as on a quiet cluster a write may take while something else goes on.
const RATIO_GOAL: f64 = 2.0;

/// Single writes at a fixed rate: to whom, of what, and how often.
#[derive(Debug)]
pub(crate) struct SteadyWrites {
    pub(crate) client: Client,
    pub(crate) load: Load,
    pub(crate) interval: Duration,
}

impl SteadyWrites {
    /// Writes and does nothing else, for so long.
    pub(crate) async fn alone(&self, long: Duration) -> anyhow::Result<Latencies> {
        self.during(tokio::time::sleep(WARM_UP)).await?;
        let ((), latencies) = self.during(tokio::time::sleep(long)).await?;
        Ok(latencies)
    }

    /// Writes for as long as `work` takes.
    pub(crate) async fn during<T>(&self, work: impl Future<Output = T>) -> anyhow::Result<(T, Latencies)> {
        let (mut metronome, mut writing) = (Metronome::start(self.interval), JoinSet::new());
        let (mut latencies, mut work) = (Latencies::default(), Box::pin(work));
        let made = loop {
            tokio::select! {
                made = &mut work => break made,
                Some(ended) = writing.join_next() => latencies.writes.push(ended.context("a write was cut short")?),
                intended = metronome.next() => {
                    let (client, load) = (self.client.clone(), self.load.clone());
                    writing.spawn(async move { write(&client, &load, intended).await });
                }
            }
        };
        while let Some(ended) = writing.join_next().await {
            latencies.writes.push(ended.context("a write was cut short")?);
        }
        Ok((made, latencies))
    }
}

/// One write that has ended.
#[derive(Clone, Copy, Debug)]
struct Written {
    intended: Instant,
    took: Duration,
    is_done: bool,
}

async fn write(client: &Client, load: &Load, intended: Instant) -> Written {
    let is_done = load.change_one(client).await.is_ok();
    Written { intended, took: intended.elapsed(), is_done }
}

/// What single writes took.
#[derive(Debug, Default)]
pub(crate) struct Latencies {
    writes: Vec<Written>,
}

impl Latencies {
    /// Those that were meant to begin before this moment, and the others.
    pub(crate) fn split_at(self, moment: Instant) -> (Self, Self) {
        let (before, after) = self.writes.into_iter().partition(|write| write.intended < moment);
        (Self { writes: before }, Self { writes: after })
    }

    /// So many of 100 writes took no longer. Zero: there were none.
    fn quantile(&self, percent: usize) -> Duration {
        let mut took: Vec<Duration> = self.writes.iter().map(|write| write.took).collect();
        took.sort_unstable();
        let rank = (took.len() * percent).div_ceil(100);
        took.get(rank.saturating_sub(1)).copied().unwrap_or_default()
    }

    /// The longest of them.
    pub(crate) fn slowest(&self) -> Duration {
        self.quantile(100)
    }

    /// Tells them by themselves.
    pub(crate) fn tell(&self, report: &mut Report) {
        self.tell_counts(report);
        report.duration("p50 of single writes", self.quantile(50), None);
        report.duration("p99 of single writes", self.quantile(99), None);
        report.duration("the slowest of them", self.quantile(100), None);
    }

    /// Tells them beside those of the quiet cluster.
    pub(crate) fn tell_beside(&self, quiet: &Self, report: &mut Report) {
        self.tell_counts(report);
        for (name, percent) in [("p50", 50), ("p99", 99)] {
            let (found, base) = (self.quantile(percent), quiet.quantile(percent));
            report.duration(&format!("{name} of single writes; quiet: {}", time(base)), found, None);
            report.ratio(&format!("{name} against the quiet cluster"), found, base, Some(RATIO_GOAL));
        }
        let base = time(quiet.quantile(100));
        report.duration(&format!("the slowest of them; quiet: {base}"), self.quantile(100), None);
    }

    fn tell_counts(&self, report: &mut Report) {
        let failed = self.writes.iter().filter(|write| !write.is_done).count();
        report.count("single writes meanwhile", self.writes.len() as u64, None);
        report.count("single writes that failed", failed as u64, Some(0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn latencies(took_ms: impl IntoIterator<Item = u64>) -> Latencies {
        let intended = Instant::now();
        let write = |took_ms| {
            let took = Duration::from_millis(took_ms);
            Written { intended: intended + took, took, is_done: took_ms != 100 }
        };
        Latencies { writes: took_ms.into_iter().map(write).collect() }
    }

    #[test]
    fn quantiles_and_failures_are_told() {
        let mut report = Report::titled("quiet");
        latencies(1..=100).tell(&mut report);
        let text = report.to_string();
        for figure in ["50.00 ms", "99.00 ms", "100.00 ms", "1   goal: up to 0  MISSED"] {
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

    #[test]
    fn they_are_split_by_when_they_were_to_begin() {
        let all = latencies(1..=10);
        let moment = all.writes[3].intended;
        let (before, after) = all.split_at(moment);
        assert_eq!(before.quantile(100), Duration::from_millis(3));
        assert_eq!((after.writes.len(), after.quantile(0)), (7, Duration::from_millis(4)));
        assert_eq!(Latencies::default().quantile(50), Duration::ZERO);
    }
}
