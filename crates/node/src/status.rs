//! The state of this node and of the cluster, for operators.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use conclave_core::cluster::{AdmissionInfo, admissions};
use conclave_core::{Digest, applied_index, digest};
use conclave_mvcc::{MapError, ReadMap, Revision, newest_revision};
use conclave_raft::{NodeDisk, NodeStatus, PeerAddress};
use conclave_storage::{FsyncQuantiles, Space};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::alarms::{Alarm, Alarms};
use crate::handle::{NodeHandle, Shared};
use crate::integrity::{Agreement, agreements};
use crate::request_error::RequestError;

/// How long a member may take to tell its state.
const MEMBER_TIMEOUT: Duration = Duration::from_secs(1);
/// A member with more entries than this still to apply lags.
const LAG_ENTRIES_MAX: u64 = 1_000;

/// The state of the cluster, as seen by one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterStatus {
    /// The cluster's id.
    pub cluster_id: u64,
    /// The cluster's name.
    pub cluster_name: String,
    /// The node that looked.
    pub answered_by: u64,
    /// The leader, if one is known.
    pub leader_id: Option<u64>,
    /// The term of the node that looked.
    pub term: u64,
    /// The members in order of id.
    pub members: Vec<MemberStatus>,
    /// Nodes that were admitted and have not joined yet, in order of id.
    pub admissions: Vec<AdmissionInfo>,
}

/// The state of one member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberStatus {
    /// Id of the node.
    pub id: u64,
    /// Where it is reached, and its name.
    pub address: PeerAddress,
    /// Whether it votes.
    pub voter: bool,
    /// Whether it does its work.
    pub health: Health,
    /// What it said of itself; none if it did not answer.
    pub told: Option<Told>,
    /// Whether it has applied what the others have.
    pub agreement: Agreement,
    /// Entries that the furthest member has in its log and this one has not applied.
    pub lag_entries: u64,
}

/// What a member said of itself, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// What it said.
    pub status: NodeStatus,
    /// How far its clock is ahead of the clock of the node that looked, in milliseconds; half of the round trip is
    /// what this may be wrong by.
    pub clock_offset_ms: i64,
    /// How long it took to answer. Zero for the node itself.
    pub round_trip: Duration,
}

/// Whether a member does its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It answers, knows a leader, and has applied all or nearly all.
    Ok,
    /// It answers, but knows no leader.
    NoLeader,
    /// It answers, but has more than 1,000 entries still to apply.
    Lagging,
    /// It did not answer within a second.
    Unreachable,
    /// It answers, but still replays its log after a start.
    Recovering,
    /// It answers, but what it has applied is not what most others have.
    Corrupt,
}

impl NodeHandle {
    /// Asks every member for its state, a second at most.
    ///
    /// # Errors
    /// [`RequestError::NodeFailed`] if this node's own state cannot be read.
    pub async fn cluster_status(&self) -> Result<ClusterStatus, RequestError> {
        let shared = &self.shared;
        let raft = shared.consensus.status();
        let own = own_status(shared)?;
        let mut told = ask_members(shared, raft.members.keys().copied()).await;
        let own = Told { status: own, clock_offset_ms: 0, round_trip: Duration::ZERO };
        told.insert(shared.node_id, own);
        Ok(ClusterStatus {
            cluster_id: shared.cluster_id,
            cluster_name: shared.cluster_name.clone(),
            answered_by: shared.node_id,
            leader_id: raft.leader_id,
            term: raft.term,
            members: members(raft.members, &raft.voters, told),
            admissions: shared.state.read(|view| admissions(view, shared.clock.now_ms()))?,
        })
    }
}

/// This node's own state.
pub(crate) fn own_status(shared: &Shared) -> Result<NodeStatus, MapError> {
    let Reached { applied_index, revision, digest } = shared.state.read(Reached::read)?;
    let raft = shared.consensus.status();
    // Once, and let go of: who borrows them twice waits for ever for whoever wants to change them in between.
    let Alarms { raised, space } = shared.alarms.borrow().clone();
    Ok(NodeStatus {
        node_id: shared.node_id,
        role: raft.role,
        term: raft.term,
        leader_id: raft.leader_id,
        last_log_index: raft.last_log_index,
        applied_index,
        revision: revision.get(),
        digest: digest.to_string(),
        version: shared.version.to_owned(),
        uptime_s: shared.started.elapsed().as_secs(),
        recovering: !shared.consensus.recovered(),
        instance: shared.instance,
        now_ms: shared.clock.now_ms(),
        alarms: raised.iter().map(|alarm| alarm.name().to_owned()).collect(),
        disk: disk(shared, space),
        digests: shared.consensus.digests(),
    })
}

fn disk(shared: &Shared, space: Option<Space>) -> NodeDisk {
    let FsyncQuantiles { p50, p99 } = shared.log.pace().quantiles();
    NodeDisk {
        free_bytes: space.map_or(0, |space| space.free_bytes),
        total_bytes: space.map_or(0, |space| space.total_bytes),
        // What cannot be measured is not told: a state that cannot be read stops the node.
        state_size_bytes: shared.state.size_bytes().unwrap_or(0),
        log_size_bytes: shared.log.size_bytes_from(0),
        first_log_index: shared.log.first_index().unwrap_or(0),
        fsync_p50: p50,
        fsync_p99: p99,
    }
}

/// How far the state has come, all as of one moment.
struct Reached {
    applied_index: u64,
    revision: Revision,
    digest: Digest,
}

impl Reached {
    fn read(view: &dyn ReadMap) -> Result<Self, MapError> {
        let (applied_index, digest) = (applied_index(view)?, digest(view)?);
        Ok(Self { applied_index, revision: newest_revision(view)?, digest })
    }
}

/// Asks the members with these ids, but for this node.
pub(crate) async fn ask_members(shared: &Shared, ids: impl Iterator<Item = u64>) -> BTreeMap<u64, Told> {
    let deadline = Instant::now() + MEMBER_TIMEOUT;
    let mut asked = JoinSet::new();
    for id in ids.filter(|id| *id != shared.node_id) {
        let (consensus, clock) = (shared.consensus.clone(), Arc::clone(&shared.clock));
        asked.spawn(async move {
            let (began, began_ms) = (Instant::now(), clock.now_ms());
            let told = consensus.peer_status(id, deadline).await;
            let round_trip = began.elapsed();
            (id, told.map(|status| heard(status, began_ms, round_trip)))
        });
    }
    let mut told = BTreeMap::new();
    while let Some(answer) = asked.join_next().await {
        match answer {
            Ok((id, Ok(member))) => drop(told.insert(id, member)),
            Ok((id, Err(error))) => tracing::debug!(member = id, %error, "a member did not tell its state"),
            Err(error) => tracing::warn!(%error, "asking a member for its state was cut short"),
        }
    }
    told
}

/// The answer is taken to be of the middle between the question and its arrival.
fn heard(status: NodeStatus, asked_ms: i64, round_trip: Duration) -> Told {
    let half_ms = i64::try_from(round_trip.as_millis() / 2).unwrap_or(i64::MAX);
    let clock_offset_ms = status.now_ms.saturating_sub(asked_ms.saturating_add(half_ms));
    Told { status, clock_offset_ms, round_trip }
}

fn members(
    addresses: BTreeMap<u64, PeerAddress>,
    voters: &BTreeSet<u64>,
    mut told: BTreeMap<u64, Told>,
) -> Vec<MemberStatus> {
    let statuses = told.iter().map(|(id, told)| (*id, told.status.clone())).collect();
    let mut agreements = agreements(&statuses, voters);
    let furthest = statuses.values().map(|status| status.last_log_index).max().unwrap_or(0);
    let member = |(id, address)| {
        let told = told.remove(&id);
        let status = told.as_ref().map(|told| &told.status);
        let applied = status.map_or(0, |status| status.applied_index);
        let lag_entries = if told.is_some() { furthest.saturating_sub(applied) } else { 0 };
        let (voter, health) = (voters.contains(&id), health(status, lag_entries));
        let agreement = agreements.remove(&id).unwrap_or(Agreement::Unknown);
        MemberStatus { id, address, voter, health, told, agreement, lag_entries }
    };
    addresses.into_iter().map(member).collect()
}

fn health(told: Option<&NodeStatus>, lag_entries: u64) -> Health {
    match told {
        None => Health::Unreachable,
        Some(status) if status.alarms.iter().any(|alarm| alarm == Alarm::Corrupt.name()) => Health::Corrupt,
        Some(status) if status.recovering => Health::Recovering,
        Some(status) if status.leader_id.is_none() => Health::NoLeader,
        Some(_) if lag_entries > LAG_ENTRIES_MAX => Health::Lagging,
        Some(_) => Health::Ok,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::mpsc::{self, RecvTimeoutError, TryRecvError};
    use std::thread;

    use conclave_raft::Role;
    use tokio::runtime::Runtime;

    use super::*;
    use crate::alarms::set;
    use crate::test_node::start;

    /// So often alarms change, and are told, at the same time.
    const TOLD: usize = 2_000;

    /// A follower that is well.
    pub(crate) fn status(node_id: u64, last_log_index: u64, applied_index: u64) -> NodeStatus {
        NodeStatus {
            node_id,
            role: Role::Follower,
            term: 1,
            leader_id: Some(1),
            last_log_index,
            applied_index,
            revision: 1,
            digest: String::new(),
            version: String::new(),
            uptime_s: 1,
            recovering: false,
            instance: node_id,
            now_ms: 0,
            alarms: Vec::new(),
            disk: NodeDisk::default(),
            digests: Vec::new(),
        }
    }

    /// Whoever holds the alarms while asking for them again waits for one who wants to change them, and that one for him.
    #[test]
    fn a_state_is_told_while_alarms_change() {
        let folder = tempfile::tempdir().unwrap();
        let runtime = Runtime::new().unwrap();
        let node = runtime.block_on(start(folder.path()));
        let (shared, changed) = (node.handle().shared, node.handle().shared);
        let (tells, told) = mpsc::channel::<()>();
        // Not joined: if they hang, the test fails and does not.
        thread::spawn(move || {
            (0..TOLD).for_each(|_| drop(own_status(&shared).unwrap()));
            drop(tells);
        });
        let (goes_on, over) = mpsc::channel::<()>();
        thread::spawn(move || {
            while over.try_recv() == Err(TryRecvError::Empty) {
                set(&changed.alarms, Alarm::ClockAhead, true);
                set(&changed.alarms, Alarm::ClockAhead, false);
            }
        });
        let all_told = told.recv_timeout(Duration::from_secs(30));
        drop(goes_on);
        if all_told == Err(RecvTimeoutError::Timeout) {
            // The node's own tasks may hang too.
            std::mem::forget(node);
            runtime.shutdown_background();
            panic!("whoever tells the state and whoever changes the alarms wait for one another");
        }
        runtime.block_on(node.shutdown());
    }

    #[test]
    fn lag_is_counted_from_the_furthest_log() {
        let address = PeerAddress::default;
        let addresses = BTreeMap::from([(1, address()), (2, address()), (3, address())]);
        let told = |status| heard(status, 0, Duration::ZERO);
        let told = BTreeMap::from([(1, told(status(1, 5_000, 4_990))), (2, told(status(2, 3_000, 2_000)))]);
        let members = members(addresses, &BTreeSet::from([1, 2]), told);
        assert_eq!(members.iter().map(|member| member.voter).collect::<Vec<_>>(), [true, true, false]);
        let seen: Vec<_> = members.iter().map(|member| (member.health, member.lag_entries)).collect();
        assert_eq!(seen, [(Health::Ok, 10), (Health::Lagging, 3_000), (Health::Unreachable, 0)]);
    }

    #[test]
    fn a_clock_is_compared_with_the_middle_of_the_question() {
        let told = heard(NodeStatus { now_ms: 1_250, ..status(1, 1, 1) }, 1_000, Duration::from_millis(200));
        assert_eq!((told.clock_offset_ms, told.round_trip.as_millis()), (150, 200));
        let behind = heard(NodeStatus { now_ms: 900, ..status(1, 1, 1) }, 1_000, Duration::from_millis(1));
        assert_eq!(behind.clock_offset_ms, -100);
    }

    #[test]
    fn a_node_without_a_leader_or_still_replaying_says_so() {
        let lost = NodeStatus { leader_id: None, ..status(1, 1, 1) };
        assert_eq!(health(Some(&lost), 0), Health::NoLeader);
        let replaying = NodeStatus { recovering: true, ..lost };
        assert_eq!(health(Some(&replaying), 0), Health::Recovering);
        let wrong = NodeStatus { alarms: vec!["corrupt".into()], ..replaying };
        assert_eq!(health(Some(&wrong), 0), Health::Corrupt);
    }
}
