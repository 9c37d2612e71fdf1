//! What one run of a case has shown, as it is kept: a line of JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::case::Case;
use super::cost::Meter;
use super::drive::Driven;

/// One run of a case.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Sample {
    pub(crate) case: Case,
    pub(crate) peer: String,
    pub(crate) round: usize,
    pub(crate) figures: Figures,
}

impl Sample {
    /// Whether that was measured.
    pub(crate) fn has(&self, metric: Metric) -> bool {
        self.figures.0.contains_key(&metric)
    }
}

/// What is told of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Metric {
    OperationsASecond,
    P50Us,
    P90Us,
    P99Us,
    P999Us,
    /// Time of processors of all nodes for an operation.
    ServerCpuUs,
    /// The generator's own.
    GeneratorCpuUs,
    /// Resident memory of a node, in the mean.
    ResidentBytes,
    /// Written to the disks of all nodes for an operation.
    WrittenBytes,
    /// What a node has on its disk, in the mean.
    DiskBytes,
    /// What half of all fdatasyncs took right before.
    SyncP50Us,
    /// Operations that failed.
    Failed,
    /// Changes that a watcher did not see.
    Lost,
    /// From the start of nodes until the first of them answers a linearizable read.
    FirstReadUs,
    /// The same until all of them have answered one.
    AllReadUs,
    /// From the end of the leader until a write is acknowledged: the median of some.
    NextWriteUs,
    /// The longest of those.
    NextWriteMostUs,
}

/// All that is told of a run.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Figures(pub(crate) BTreeMap<Metric, f64>);

impl Figures {
    /// Of clients that did one operation after the other.
    pub(crate) fn of(driven: &Driven, meter: &Meter) -> anyhow::Result<Self> {
        let operations = driven.latencies_us.len();
        if let Some(error) = driven.failure.as_ref().filter(|_| operations == 0) {
            anyhow::bail!("no operation succeeded: {error:#}");
        }
        let each = |sum: f64| sum / operations.max(1) as f64;
        let quantile = |part: f64| driven.latencies_us.value_at_quantile(part) as f64;
        Ok(Self(BTreeMap::from([
            (Metric::OperationsASecond, operations as f64 / driven.took.as_secs_f64()),
            (Metric::P50Us, quantile(0.5)),
            (Metric::P90Us, quantile(0.9)),
            (Metric::P99Us, quantile(0.99)),
            (Metric::P999Us, quantile(0.999)),
            (Metric::ServerCpuUs, each(driven.taken.server_cpu_us)),
            (Metric::GeneratorCpuUs, each(driven.taken.own_cpu_us)),
            (Metric::ResidentBytes, meter.resident_bytes()? as f64),
            (Metric::WrittenBytes, each(driven.taken.written_bytes as f64)),
            (Metric::DiskBytes, meter.disk_bytes()? as f64),
            (Metric::Failed, driven.failed as f64),
        ])))
    }
}
