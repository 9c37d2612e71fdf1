//! What a node tells of itself to Prometheus.
//!
//! Histograms are filled as things happen; all else is read when it is asked for.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use conclave_core::{Answer, QuotaKind, Rejection, config, lease};
use conclave_mvcc::{MapError, ReadMap, newest_revision};
use conclave_raft::Role;
use conclave_storage::Space;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use crate::alarms::{Alarm, Alarms};
use crate::handle::{NodeHandle, Shared};
use crate::request_error::RequestError;

/// Bounds of the durations: 0.1 ms, and each double the one before, to 3.3 s.
const BUCKETS: u16 = 16;

/// What is counted while requests are served. Clones count together.
#[derive(Clone, Debug)]
pub(crate) struct NodeMetrics {
    proposals: Family<Outcome, Counter>,
    quota_refusals: Family<QuotaLabel, Counter>,
    sessions_expired: Counter,
    proposing: Histogram,
    reading: Histogram,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct QuotaLabel {
    quota: &'static str,
}

impl Default for NodeMetrics {
    fn default() -> Self {
        let durations = || Histogram::new(exponential_buckets(0.000_1, 2.0, BUCKETS));
        let quota_refusals = Family::default();
        for quota in QuotaKind::ALL {
            // Told as zero from the start, so that the first one is a growth.
            drop(quota_refusals.get_or_create(&QuotaLabel { quota: quota.name() }));
        }
        Self {
            proposals: Family::default(),
            quota_refusals,
            sessions_expired: Counter::default(),
            proposing: durations(),
            reading: durations(),
        }
    }
}

impl NodeMetrics {
    /// A proposal of a client of this node was answered, or failed.
    pub(crate) fn proposed(&self, outcome: &Result<Answer, RequestError>, elapsed: Duration) {
        if let Ok(Err(Rejection::QuotaExceeded { quota, .. })) = outcome {
            self.quota_refusals.get_or_create(&QuotaLabel { quota: quota.name() }).inc();
        }
        let outcome = match outcome {
            Ok(Ok(_)) => "applied",
            Ok(Err(_)) => "rejected",
            Err(RequestError::OutcomeUnknown) => "unknown",
            Err(_) => "failed",
        };
        self.proposals.get_or_create(&Outcome { outcome }).inc();
        self.proposing.observe(elapsed.as_secs_f64());
    }

    /// This node, as the leader, has ended sessions that were not renewed in time.
    pub(crate) fn expired(&self, sessions: u64) {
        self.sessions_expired.inc_by(sessions);
    }

    /// A linearizable read became possible.
    pub(crate) fn became_fresh(&self, elapsed: Duration) {
        self.reading.observe(elapsed.as_secs_f64());
    }

    fn register(&self, registry: &mut Registry) {
        registry.register(
            "conclave_proposals",
            "Writes of this node's clients, by what became of them",
            self.proposals.clone(),
        );
        registry.register(
            "conclave_quota_refusals",
            "Writes of this node's clients that a quota refused, by quota",
            self.quota_refusals.clone(),
        );
        registry.register(
            "conclave_sessions_expired",
            "Sessions that were not renewed in time, ended by this node as the leader",
            self.sessions_expired.clone(),
        );
        registry.register_with_unit(
            "conclave_proposal_duration",
            "Time from the proposal of a write to its answer: replication, fsync and apply",
            Unit::Seconds,
            self.proposing.clone(),
        );
        registry.register_with_unit(
            "conclave_read_index_duration",
            "Time until a linearizable read knew that it may read",
            Unit::Seconds,
            self.reading.clone(),
        );
    }
}

impl NodeHandle {
    /// Has `registry` tell of this node.
    pub fn register_metrics(&self, registry: &mut Registry) {
        self.shared.metrics.register(registry);
        self.shared.log.pace().register(registry);
        self.shared.consensus.register_metrics(registry);
        self.shared.hubs.history.register_metrics(registry);
        registry.register_collector(Box::new(NodeCollector { shared: Arc::clone(&self.shared) }));
    }
}

/// Reads the node's state at each scrape.
struct NodeCollector {
    shared: Arc<Shared>,
}

impl fmt::Debug for NodeCollector {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("NodeCollector").field("node_id", &self.shared.node_id).finish_non_exhaustive()
    }
}

impl Collector for NodeCollector {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let mut gauges = Gauges { encoder };
        self.consensus(&mut gauges)?;
        self.watches(&mut gauges)?;
        self.disk(&mut gauges)?;
        self.store(&mut gauges)
    }
}

impl NodeCollector {
    fn consensus(&self, gauges: &mut Gauges<'_>) -> Result<(), fmt::Error> {
        let consensus = &self.shared.consensus;
        let raft = consensus.status();
        let leads = u64::from(raft.role == Role::Leader);
        gauges.set("conclave_raft_is_leader", "1 if this node leads", leads)?;
        let has_leader = u64::from(raft.leader_id.is_some());
        gauges.set("conclave_raft_has_leader", "1 if this node knows a leader", has_leader)?;
        gauges.set("conclave_raft_term", "Term of this node", raft.term)?;
        let help = "Index of the last entry in this node's log";
        gauges.set("conclave_raft_last_log_index", help, raft.last_log_index)?;
        let help = "Index of the last entry that this node has applied";
        gauges.set("conclave_raft_applied_index", help, raft.applied_index)?;
        gauges.set("conclave_raft_members", "Members of the cluster", raft.members.len() as u64)?;
        gauges.set("conclave_raft_voters", "Members that vote", raft.voters.len() as u64)?;
        let ready = u64::from(*self.shared.readiness.borrow() == crate::Readiness::Ready);
        gauges.set("conclave_ready", "1 if this node can serve every request", ready)?;
        let free = self.shared.proposals.available_permits();
        let pending = self.shared.proposals_max.saturating_sub(free) as u64;
        gauges.set("conclave_proposals_pending", "Writes of this node's clients that are under way", pending)
    }

    fn watches(&self, gauges: &mut Gauges<'_>) -> Result<(), fmt::Error> {
        let hub = self.shared.hubs.stats();
        gauges.set("conclave_watch_streams", "Watches that this node serves", hub.watchers as u64)?;
        let help = "Revisions that are kept in memory for watches";
        gauges.set("conclave_watch_tail_revisions", help, hub.tail_revisions as u64)?;
        let help = "Bytes of changes that are kept in memory for watches";
        gauges.set("conclave_watch_tail_size_bytes", help, hub.tail_size_bytes as u64)?;
        let help = "Tickets for locks whose calls this node serves, waiting or granted";
        gauges.set("conclave_lock_tickets_attended", help, self.shared.attending.len() as u64)
    }

    fn disk(&self, gauges: &mut Gauges<'_>) -> Result<(), fmt::Error> {
        let Alarms { raised, space } = self.shared.alarms.borrow().clone();
        gauges.alarms(&raised)?;
        if let Some(Space { free_bytes, total_bytes }) = space {
            gauges.set(
                "conclave_disk_free_bytes",
                "Room on the disk of the data directory, in bytes",
                free_bytes,
            )?;
            gauges.set("conclave_disk_total_bytes", "Size of that disk, in bytes", total_bytes)?;
        }
        Ok(())
    }

    /// What cannot be read is left out: the node itself stops over it.
    fn store(&self, gauges: &mut Gauges<'_>) -> Result<(), fmt::Error> {
        if let Ok(figures) = self.shared.state.read(StoreFigures::read) {
            let StoreFigures { revision, namespaces, namespaces_max, sessions } = figures;
            gauges.set("conclave_revision", "Newest revision of this node's store", revision)?;
            gauges.set("conclave_namespaces", "Namespaces that exist", namespaces)?;
            let help = "Namespaces that may exist; 0 if there is no bound";
            gauges.set("conclave_namespaces_max", help, namespaces_max)?;
            gauges.set("conclave_sessions", "Sessions that are open", sessions)?;
        }
        let first = self.shared.log.first_index().unwrap_or(0);
        let help = "Index of the first entry in this node's log; 0 if it is empty";
        gauges.set("conclave_log_first_index", help, first)?;
        let log_bytes = self.shared.log.size_bytes_from(0);
        gauges.set(
            "conclave_log_size_bytes",
            "What the entries of this node's log take, in bytes",
            log_bytes,
        )?;
        if let Ok(size_bytes) = self.shared.state.size_bytes() {
            gauges.set("conclave_state_size_bytes", "Size of the state on disk, in bytes", size_bytes)?;
        }
        Ok(())
    }
}

struct StoreFigures {
    revision: u64,
    namespaces: u64,
    namespaces_max: u64,
    sessions: u64,
}

impl StoreFigures {
    fn read(view: &dyn ReadMap) -> Result<Self, MapError> {
        let (defaults, namespaces) = config::defaults(view)?;
        let namespaces_max = defaults.namespaces_max.unwrap_or(0);
        let sessions = lease::count(view)?;
        Ok(Self { revision: newest_revision(view)?.get(), namespaces, namespaces_max, sessions })
    }
}

struct Gauges<'a> {
    encoder: DescriptorEncoder<'a>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AlarmLabel {
    alarm: &'static str,
}

impl Gauges<'_> {
    fn alarms(&mut self, raised: &BTreeSet<Alarm>) -> Result<(), fmt::Error> {
        let help = "1 while the alarm is raised on this node";
        let mut metric = self.encoder.encode_descriptor("conclave_alarm", help, None, MetricType::Gauge)?;
        for alarm in Alarm::ALL {
            let label = AlarmLabel { alarm: alarm.name() };
            let value = ConstGauge::new(u64::from(raised.contains(&alarm)));
            value.encode(metric.encode_family(&label)?)?;
        }
        Ok(())
    }

    fn set(&mut self, name: &str, help: &str, value: u64) -> Result<(), fmt::Error> {
        let metric = self.encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        ConstGauge::new(value).encode(metric)
    }
}
