//! What the members tell of themselves, asked for every two seconds by every node; and what each concludes of itself.
//!
//! | conclusion | when |
//! |---|---|
//! | alarm `corrupt` | its digest is not that of most voters (`integrity.rs`) |
//! | alarm `clock-ahead` | its clock is a minute ahead of those of most other voters |
//! | how much room there is | so many voters have hardly any room on their disks that those with room are no majority (`room.rs`) |
//!
//! It also learns here which instance each member is: whoever comes under an id with another one has lost its data,
//! and every call says which instance is meant.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use conclave_core::cluster::instances;
use conclave_raft::{NodeStatus, RaftStatus};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::alarms::{Alarm, set};
use crate::handle::Shared;
use crate::integrity::{Agreement, agreements};
use crate::room::room_of_most;
use crate::status::{Told, ask_members, own_status};

/// How often the members are asked.
const SURVEY_INTERVAL: Duration = Duration::from_secs(2);
/// A clock that is further ahead of most others is wrong.
const CLOCK_AHEAD_MAX_MS: u64 = 60_000;

/// Asks and concludes until the node stops.
pub(crate) async fn survey(shared: Arc<Shared>, stop: CancellationToken) {
    let surveying = async {
        let mut looks = interval(SURVEY_INTERVAL);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            look(&shared).await;
        }
    };
    stop.run_until_cancelled(surveying).await;
}

async fn look(shared: &Shared) {
    let raft = shared.consensus.status();
    learn_instances(shared);
    let others = ask_members(shared, raft.members.keys().copied()).await;
    if !shared.consensus.recovered() {
        return;
    }
    match own_status(shared) {
        Ok(own) => conclude(shared, &raft, own, others),
        Err(error) => tracing::error!(%error, "this node's own state cannot be read"),
    }
}

fn conclude(shared: &Shared, raft: &RaftStatus, own: NodeStatus, others: BTreeMap<u64, Told>) {
    if let Some(is_ahead) = is_ahead(&raft.voters, &others) {
        set(&shared.alarms, Alarm::ClockAhead, is_ahead);
    }
    let mut members: BTreeMap<u64, NodeStatus> =
        others.into_iter().map(|(id, told)| (id, told.status)).collect();
    members.insert(shared.node_id, own);
    let room = room_of_most(&raft.voters, &members, shared.space_reserve_bytes);
    shared.room_of_most.send_replace(room);
    match agreements(&members, &raft.voters).remove(&shared.node_id) {
        Some(Agreement::Agrees) => judge(shared, false),
        Some(Agreement::Differs) => judge(shared, true),
        Some(Agreement::Unknown) | None => {}
    }
}

fn judge(shared: &Shared, differs: bool) {
    if !set(&shared.alarms, Alarm::Corrupt, differs) {
        return;
    }
    if differs {
        tracing::error!(
            "what this node has applied is not what most voters have: it serves nothing any more"
        );
    }
    shared.refresh_readiness();
}

/// Whether this node's clock is far ahead of those of most other voters. None: none of them has answered.
fn is_ahead(voters: &BTreeSet<u64>, others: &BTreeMap<u64, Told>) -> Option<bool> {
    let told: Vec<&Told> =
        others.iter().filter(|(id, _)| voters.contains(id)).map(|(_, told)| told).collect();
    let behind = |told: &&&Told| {
        let unsure_ms = u64::try_from(told.round_trip.as_millis()).unwrap_or(u64::MAX) / 2;
        told.clock_offset_ms < 0
            && told.clock_offset_ms.unsigned_abs().saturating_sub(unsure_ms) > CLOCK_AHEAD_MAX_MS
    };
    (!told.is_empty()).then(|| told.iter().filter(behind).count() * 2 > told.len())
}

/// Has every call to a member say which instance is meant.
fn learn_instances(shared: &Shared) {
    match shared.state.read(|view| instances(view, shared.cluster_id)) {
        Ok(instances) => shared.consensus.know_instances(instances),
        Err(error) => tracing::error!(%error, "what is known of the members cannot be read"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::tests::status;

    fn told(id: u64, clock_offset_ms: i64, round_trip_ms: u64) -> (u64, Told) {
        let round_trip = Duration::from_millis(round_trip_ms);
        (id, Told { status: status(id, 1, 1), clock_offset_ms, round_trip })
    }

    #[test]
    fn a_clock_is_ahead_if_most_other_voters_are_far_behind_it() {
        let voters = BTreeSet::from([1, 2, 3]);
        let ahead = |others: &[(u64, Told)]| is_ahead(&voters, &others.iter().cloned().collect());
        assert_eq!(ahead(&[]), None);
        assert_eq!(ahead(&[told(2, -60_001, 0), told(3, -90_000, 0)]), Some(true));
        assert_eq!(
            ahead(&[told(2, -60_001, 2), told(3, -90_000, 0)]),
            Some(false),
            "half of one is not most"
        );
        assert_eq!(ahead(&[told(2, -60_001, 0)]), Some(true));
        assert_eq!(ahead(&[told(2, 90_000, 0), told(3, 0, 0)]), Some(false), "it is behind, not ahead");
        assert_eq!(ahead(&[told(4, -90_000, 0)]), None, "a learner's clock says nothing");
    }
}
