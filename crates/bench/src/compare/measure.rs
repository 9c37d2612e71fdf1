//! How each case is measured, on nodes that have just been started.

use std::time::Duration;

use super::case::{Case, Workload};
use super::clients::connections::Connections;
use super::clients::etcd::{self, EtcdClient, Filler};
use super::clients::etcd_leases::{EtcdKeeper, EtcdLocker};
use super::clients::fill;
use super::clients::material::Material;
use super::clients::native::{self, NativeClient};
use super::clients::native_locks::{NativeKeeper, NativeLocker};
use super::cost::Meter;
use super::drive::{Operate, Plan, drive};
use super::fan_out::fan_out;
use super::nodes::Nodes;
use super::of_nodes::{fail_over, join, start_again};
use super::sample::{Figures, Metric};
use tokio::time::{Instant, sleep};

/// Connections to each node.
const CONNECTIONS_EACH: usize = 4;
/// Clients that fill the store.
const FILLERS: usize = 16;
/// Keys that a range reads.
const RANGE_KEYS: u64 = 1_000;
/// Keys that a transaction writes, and edits of a commit.
const EDITS: u64 = 10;
/// Writes a second that watchers see.
const EVENTS_A_SECOND: u32 = 100;

/// How long each is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spans {
    pub(crate) warm_up: Duration,
    pub(crate) measured: Duration,
}

/// How long nodes may work at what the filling left them, at most.
const REST_MAX: Duration = Duration::from_secs(120);
/// How often it is looked.
const REST_LOOK: Duration = Duration::from_secs(1);
/// Nodes that use less of the processors than this, all together, are at rest.
const RESTING_PROCESSORS: f64 = 0.15;

/// What a case is measured with.
struct Stage<'a> {
    case: &'a Case,
    connections: Connections,
    material: Material,
    meter: Meter,
    plan: Plan,
}

/// Measures a case.
pub(crate) async fn measure(case: &Case, nodes: &mut Nodes, spans: Spans) -> anyhow::Result<Figures> {
    let stage = Stage {
        case,
        connections: Connections::open(&nodes.addresses(), CONNECTIONS_EACH).await?,
        material: Material::new(case.keys, case.value_size_bytes),
        meter: Meter::of(&nodes.processes(), nodes.folders())?,
        plan: Plan { warm_up: spans.warm_up, measured: spans.measured, rate: case.rate },
    };
    if case.workload.is_of_nodes() {
        stage.fill_etcd().await?;
    }
    match case.workload {
        Workload::Start => start_again(nodes).await,
        Workload::Failover => fail_over(case, nodes).await,
        Workload::Join => join(nodes).await,
        _ if case.native && nodes.have_own_api() => stage.measure_native().await,
        _ => stage.measure_etcd().await,
    }
}

impl Stage<'_> {
    async fn measure_etcd(&self) -> anyhow::Result<Figures> {
        let what = match self.case.workload {
            Workload::Put => etcd::What::Put,
            Workload::Get => etcd::What::Get,
            Workload::LocalGet => etcd::What::LocalGet,
            Workload::Mixed => etcd::What::Mixed,
            Workload::Range => etcd::What::Range(RANGE_KEYS),
            Workload::Txn => etcd::What::CompareAndSwap,
            Workload::Namespace => etcd::What::Range(native::ITEMS),
            Workload::Commit => etcd::What::PutMany(EDITS),
            Workload::Watch => return self.measure_watch().await,
            Workload::Lock => return self.drive_each(|n| EtcdLocker::open(&self.connections, n)).await,
            Workload::KeepAlive => return self.drive_each(|n| EtcdKeeper::open(&self.connections, n)).await,
            Workload::Start | Workload::Failover | Workload::Join => {
                anyhow::bail!("clients have no part in it")
            }
        };
        self.fill_etcd().await?;
        let client = |number| EtcdClient::new(&self.connections, number, what, &self.material);
        self.drive((0..self.case.clients).map(client).collect()).await
    }

    async fn fill_etcd(&self) -> anyhow::Result<()> {
        let filler = |number| Filler::new(&self.connections, number, FILLERS, &self.material).fill();
        fill((0..FILLERS).map(filler)).await?;
        self.rest().await
    }

    /// Waits until the nodes have done what the filling left them to do: what is measured is not paid for with that, nor
    /// helped by its not being done.
    async fn rest(&self) -> anyhow::Result<()> {
        let give_up = Instant::now() + REST_MAX;
        let mut before = self.meter.read()?;
        while Instant::now() < give_up {
            sleep(REST_LOOK).await;
            let now = self.meter.read()?;
            let used_us = now.since(before).server_cpu_us;
            if used_us < REST_LOOK.as_secs_f64() * 1e6 * RESTING_PROCESSORS {
                break;
            }
            before = now;
        }
        Ok(())
    }

    async fn measure_native(&self) -> anyhow::Result<Figures> {
        let what = match self.case.workload {
            Workload::Put => native::What::Commit(1),
            Workload::Get => native::What::Get,
            Workload::LocalGet => native::What::LocalGet,
            Workload::Namespace => native::What::List,
            Workload::Commit => native::What::Commit(EDITS),
            Workload::Lock => return self.drive_each(|n| NativeLocker::open(&self.connections, n)).await,
            Workload::KeepAlive => {
                return self.drive_each(|n| NativeKeeper::open(&self.connections, n)).await;
            }
            Workload::Mixed
            | Workload::Range
            | Workload::Txn
            | Workload::Watch
            | Workload::Start
            | Workload::Failover
            | Workload::Join => {
                anyhow::bail!("Conclave's own API has nothing like that")
            }
        };
        let client = |number| NativeClient::new(&self.connections, number, what, &self.material);
        fill((0..FILLERS).map(|number| client(number).fill(number, FILLERS))).await?;
        self.rest().await?;
        self.drive((0..self.case.clients).map(client).collect()).await
    }

    /// Has clients work that must be opened first.
    async fn drive_each<C: Operate, F>(&self, open: impl Fn(usize) -> F) -> anyhow::Result<Figures>
    where
        F: Future<Output = anyhow::Result<C>>,
    {
        let mut clients = Vec::new();
        for number in 0..self.case.clients {
            clients.push(open(number).await?);
        }
        self.drive(clients).await
    }

    async fn drive<C: Operate>(&self, clients: Vec<C>) -> anyhow::Result<Figures> {
        let driven = drive(clients, self.plan, &self.meter).await?;
        Figures::of(&driven, &self.meter)
    }

    async fn measure_watch(&self) -> anyhow::Result<Figures> {
        let plan = Plan { rate: self.plan.rate.or(Some(EVENTS_A_SECOND)), ..self.plan };
        let (watchers, size) = (self.case.clients, self.case.value_size_bytes);
        let fanned_out = fan_out(&self.connections, watchers, size, plan, &self.meter).await?;
        let mut figures = Figures::of(&fanned_out.driven, &self.meter)?;
        figures.0.insert(Metric::Lost, fanned_out.lost as f64);
        Ok(figures)
    }
}
