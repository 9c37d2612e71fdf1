//! How long a node takes from its start until it serves, and until it has all that the leader has.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use conclave_client::Client;
use conclave_client::cluster::{Health, Member};
use conclave_testkit::Cluster;
use tokio::time::{MissedTickBehavior, interval};

use crate::footprint::generation;
use crate::metrics::Metrics;
use crate::report::Report;

/// How often it is looked how far a node has come: so exact are the times.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);
/// How long a node may take to tell its state.
const STATUS_TIMEOUT_MS: u64 = 3_000;
/// A node that does not have all after so long never will.
const ARRIVAL_MAX: Duration = Duration::from_secs(1_800);

/// How a node came back, or came new.
#[derive(Debug)]
pub(crate) struct Arrival {
    serves: Duration,
    has_all: Duration,
    /// When its state had been replaced by another node's; none if it was not.
    installed: Option<Instant>,
    metrics: Metrics,
}

impl Arrival {
    /// Starts the node and waits until it has all.
    pub(crate) async fn of(cluster: &mut Cluster, id: u64, leader: u64) -> anyhow::Result<Self> {
        let generation_before = generation(cluster, id)?;
        let progress = Progress {
            leader: (leader, cluster.client_of(leader, STATUS_TIMEOUT_MS)),
            node: (id, cluster.client_of(id, STATUS_TIMEOUT_MS)),
        };
        let began = Instant::now();
        cluster.start_node(id);
        let (mut serves, mut installed) = (None, None);
        let mut looks = interval(LOOK_INTERVAL);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !progress.has_all(began, &mut serves).await {
            ensure!(cluster.node(id).is_running(), "node {id} ended: {}", cluster.node(id).log_tail());
            ensure!(began.elapsed() < ARRIVAL_MAX, "node {id} does not get all that the leader has");
            if installed.is_none() && generation(cluster, id)? > generation_before {
                installed = Some(Instant::now());
            }
            looks.tick().await;
        }
        let has_all = began.elapsed();
        let by_snapshot = generation(cluster, id)? > generation_before;
        let installed = installed.or_else(|| by_snapshot.then(Instant::now));
        let metrics = Metrics::of(cluster.node(id).client_address()).await?;
        Ok(Self { serves: serves.context("it served before it had all")?, has_all, installed, metrics })
    }

    /// When its state had been replaced by another node's; none if it was not.
    pub(crate) fn installed(&self) -> Option<Instant> {
        self.installed
    }

    pub(crate) fn tell(&self, goal: Option<Duration>, report: &mut Report) {
        report.duration("from its start until it serves", self.serves, None);
        report.duration("from its start until it has all", self.has_all, goal);
        let way = if self.installed.is_some() { "snapshot, log" } else { "log alone" };
        report.fact("what it lacked came by", way);
        if let Some(size_bytes) = self.metrics.snapshots_received_bytes() {
            report.size("of that by snapshot", size_bytes, None);
        }
    }
}

/// Those who tell how far a node has come.
struct Progress {
    leader: (u64, Client),
    node: (u64, Client),
}

impl Progress {
    /// Whether the node has applied all that the leader had in its log a moment before. Notes when it first served.
    async fn has_all(&self, began: Instant, serves: &mut Option<Duration>) -> bool {
        let Some(leader) = own_state(&self.leader).await else { return false };
        let Some(node) = own_state(&self.node).await else { return false };
        if node.health() != Health::Ok {
            return false;
        }
        serves.get_or_insert_with(|| began.elapsed());
        node.applied_index >= leader.last_log_index
    }
}

/// What a node tells of itself.
async fn own_state((id, client): &(u64, Client)) -> Option<Member> {
    let status = client.cluster_status().await.ok()?;
    status.members.into_iter().find(|member| member.id == *id)
}
