//! The histograms that openraft counts with, in place of the crate of this name.
//!
//! That one makes tables for sixteen resolutions when the first histogram is made, 14 MiB of memory, although openraft
//! uses one of them and tells what it counted only with a feature that is off here. This one has a bucket for each power
//! of two, and no tables. See `[patch.crates-io]` in the workspace's manifest; it goes when the other needs less.

use std::fmt;
use std::marker::PhantomData;

/// One for zero, and one for each number of bits.
const BUCKETS: usize = u64::BITS as usize + 1;

/// How often values of each number of bits were recorded. `T` is nothing here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram<T = ()> {
    counts: [u64; BUCKETS],
    of: PhantomData<T>,
}

/// The values that so many of those recorded do not reach, each as the least of its bucket.
#[expect(missing_docs, reason = "each is named after its percentile")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PercentileStats {
    /// How many values were recorded.
    pub samples: u64,
    pub p0_1: u64,
    pub p1: u64,
    pub p5: u64,
    pub p10: u64,
    pub p50: u64,
    pub p90: u64,
    pub p99: u64,
    pub p99_9: u64,
}

/// Histograms by name, to be shown.
#[derive(Clone, Debug, Default)]
pub struct AsciiChart {
    rows: Vec<(String, PercentileStats)>,
}

impl<T> Histogram<T> {
    /// Nothing was recorded yet.
    pub fn new() -> Self {
        Self { counts: [0; BUCKETS], of: PhantomData }
    }

    /// Records a value.
    pub fn record(&mut self, value: u64) {
        self.record_n(value, 1);
    }

    /// Records a value so many times.
    pub fn record_n(&mut self, value: u64, times: u64) {
        let bits = u64::BITS - value.leading_zeros();
        self.counts[bits as usize] += times;
    }

    /// What was recorded, in short.
    pub fn percentile_stats(&self) -> PercentileStats {
        let samples = self.counts.iter().sum();
        let at = |permille| self.least_at(samples, permille);
        PercentileStats {
            samples,
            p0_1: at(1),
            p1: at(10),
            p5: at(50),
            p10: at(100),
            p50: at(500),
            p90: at(900),
            p99: at(990),
            p99_9: at(999),
        }
    }

    /// The least value of the bucket in which this part of all values ends.
    fn least_at(&self, samples: u64, permille: u128) -> u64 {
        let mut seen = 0_u128;
        let reached = self.counts.iter().position(|count| {
            seen += u128::from(*count);
            seen > 0 && seen * 1_000 >= u128::from(samples) * permille
        });
        match reached {
            None | Some(0) => 0,
            Some(bits) => 1 << (bits - 1),
        }
    }
}

impl<T> Default for Histogram<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl AsciiChart {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a histogram.
    #[must_use]
    pub fn add<T>(mut self, name: impl Into<String>, histogram: Histogram<T>) -> Self {
        self.rows.push((name.into(), histogram.percentile_stats()));
        self
    }
}

impl fmt::Display for PercentileStats {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { samples, p50, p90, p99, p99_9, .. } = self;
        write!(out, "samples {samples}, P50 {p50}, P90 {p90}, P99 {p99}, P99.9 {p99_9}")
    }
}

impl fmt::Display for AsciiChart {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rows.iter().try_for_each(|(name, told)| writeln!(out, "{name}: {told}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_within_a_power_of_two() {
        let mut histogram = Histogram::<()>::new();
        assert_eq!(histogram.percentile_stats(), PercentileStats::default());
        (1..=1_000).for_each(|value| histogram.record(value));
        let told = histogram.percentile_stats();
        assert_eq!((told.samples, told.p0_1, told.p50, told.p90, told.p99_9), (1_000, 1, 256, 512, 512));
        histogram.record_n(0, 10_000);
        histogram.record_n(u64::MAX, 100_000);
        let told = histogram.percentile_stats();
        assert_eq!((told.p5, told.p50), (0, 1 << 63));
        assert_eq!(
            AsciiChart::new().add("all", histogram).to_string(),
            format!("all: samples 111000, P50 {0}, P90 {0}, P99 {0}, P99.9 {0}\n", 1_u64 << 63)
        );
    }
}
