//! What is measured: a workload, and how much of it.

use std::fmt;
use std::time::Duration;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::connections::Connections;
use super::cost::Meter;
use super::drive::{Driven, Plan, drive};
use super::etcd::{EtcdClient, Filler, What};
use super::material::Material;
use super::peer::Nodes;
use super::sample::Figures;
use anyhow::Context as _;
use tokio::task::JoinSet;

/// Connections to each node.
const CONNECTIONS_EACH: usize = 4;
/// Clients that fill the store.
const FILLERS: usize = 16;
/// Keys that a range reads.
const RANGE_KEYS: u64 = 1_000;

/// What clients do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Workload {
    /// Writes of one key
    Put,
    /// Linearizable reads of one key
    Get,
    /// Serializable reads of one key
    LocalGet,
    /// Nine linearizable reads to one write
    Mixed,
    /// Linearizable reads of 1,000 keys
    Range,
    /// Transactions that compare a key with what it was and write it; each client has a key of its own
    Txn,
}

/// A workload, and how much of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Case {
    pub(crate) workload: Workload,
    pub(crate) clients: usize,
    /// Keys that are there before.
    pub(crate) keys: u64,
    pub(crate) value_size_bytes: usize,
    /// Operations a second in an open loop; none: a closed loop.
    pub(crate) rate: Option<u32>,
}

/// How long each is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spans {
    pub(crate) warm_up: Duration,
    pub(crate) measured: Duration,
}

impl fmt::Display for Case {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.workload.to_possible_value().map(|value| value.get_name().to_owned());
        write!(out, "{} {}", name.unwrap_or_default(), self.clients)?;
        if let Some(rate) = self.rate {
            write!(out, " at {rate}/s")?;
        }
        Ok(())
    }
}

impl Case {
    /// Measures it on nodes that have just been started.
    pub(crate) async fn measure(&self, nodes: &mut Nodes, spans: Spans) -> anyhow::Result<Figures> {
        let connections = Connections::open(&nodes.addresses(), CONNECTIONS_EACH).await?;
        let material = Material::new(self.keys, self.value_size_bytes);
        fill(&connections, &material).await?;
        let meter = Meter::of(&nodes.processes(), nodes.folders())?;
        let driven = self.drive(&connections, &material, spans, &meter).await?;
        Figures::of(&driven, &meter)
    }

    async fn drive(
        &self,
        connections: &Connections,
        material: &Material,
        spans: Spans,
        meter: &Meter,
    ) -> anyhow::Result<Driven> {
        let plan = Plan { warm_up: spans.warm_up, measured: spans.measured, rate: self.rate };
        let what = match self.workload {
            Workload::Put => What::Put,
            Workload::Get => What::Get,
            Workload::LocalGet => What::LocalGet,
            Workload::Mixed => What::Mixed,
            Workload::Range => What::Range(RANGE_KEYS),
            Workload::Txn => What::CompareAndSwap,
        };
        let client = |number| EtcdClient::new(connections, number, what, material);
        drive((0..self.clients).map(client).collect(), plan, meter).await
    }
}

/// Writes all keys once.
async fn fill(connections: &Connections, material: &Material) -> anyhow::Result<()> {
    let mut filling = JoinSet::new();
    for number in 0..FILLERS {
        filling.spawn(Filler::new(connections, number, FILLERS, material).fill());
    }
    while let Some(ended) = filling.join_next().await {
        ended.context("a filler was cut short")?.context("the store cannot be filled")?;
    }
    Ok(())
}
