//! A leader that had better not lead hands leadership to a voter that can: one whose disk has hardly any room takes
//! no writes, one whose data is wrong may answer none, and one whose clock is ahead would put times into the future.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::guard::LAG_ENTRIES_MAX;
use crate::alarms::Alarm;
use crate::handle::Shared;
use crate::status::{Told, ask_members};

/// With one of these raised a node had better not lead.
const UNFIT: [Alarm; 3] = [Alarm::Corrupt, Alarm::ClockAhead, Alarm::NoSpace];

/// How long until it looks again, should no alarm be raised or end meanwhile.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// How long handing over may take.
const HAND_OVER_TIMEOUT: Duration = Duration::from_secs(10);

/// Hands leadership over whenever this node leads and had better not, until the node stops.
pub(crate) async fn step_down_when_unfit(shared: Arc<Shared>, stop: CancellationToken) {
    let mut alarms = shared.alarms.subscribe();
    let looking = async {
        loop {
            if shared.consensus.leader() == Some(shared.node_id) {
                step_down(&shared).await;
            }
            // Whether an alarm has changed or the time is up, there is something to look at.
            let _ = timeout(LOOK_INTERVAL, alarms.changed()).await;
        }
    };
    stop.run_until_cancelled(looking).await;
}

/// Hands leadership over if this node had better not lead and another one can.
async fn step_down(shared: &Shared) {
    let Some(alarm) = UNFIT.into_iter().find(|alarm| shared.is_raised(*alarm)) else { return };
    let raft = shared.consensus.status();
    let told = ask_members(shared, raft.voters.iter().copied()).await;
    let Some(to) = fittest(&told, raft.last_log_index) else {
        tracing::debug!(%alarm, "no other voter can lead in this node's place");
        return;
    };
    let led = shared.consensus.transfer_leader(to, Instant::now() + HAND_OVER_TIMEOUT).await;
    tracing::warn!(%alarm, to, led, "leadership is handed over");
}

/// The voter that has come furthest, of those that can lead.
fn fittest(voters: &BTreeMap<u64, Told>, last_log_index: u64) -> Option<u64> {
    let can_lead = |told: &Told| {
        let unfit = told.status.alarms.iter().any(|raised| UNFIT.iter().any(|alarm| alarm.name() == raised));
        let lag_entries = last_log_index.saturating_sub(told.status.applied_index);
        !unfit && !told.status.recovering && lag_entries <= LAG_ENTRIES_MAX
    };
    let able = voters.iter().filter(|(_, told)| can_lead(told));
    able.max_by_key(|(_, told)| told.status.last_log_index).map(|(id, _)| *id)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use conclave_raft::NodeStatus;

    use super::*;
    use crate::status::tests::status;

    fn told(status: NodeStatus) -> (u64, Told) {
        (status.node_id, Told { status, clock_offset_ms: 0, round_trip: Duration::ZERO })
    }

    #[test]
    fn the_furthest_that_is_well_is_chosen() {
        let full = NodeStatus { alarms: vec!["no-space".into()], ..status(2, 5_000, 5_000) };
        let slow = NodeStatus { alarms: vec!["slow-disk".into()], ..status(3, 4_999, 4_999) };
        let replaying = NodeStatus { recovering: true, ..status(4, 5_000, 5_000) };
        let voters = [full, slow, replaying, status(5, 4_998, 4_990), status(6, 5_000, 3_999)].map(told);
        assert_eq!(fittest(&voters.clone().into(), 5_000), Some(3));
        assert_eq!(fittest(&[voters[0].clone(), voters[4].clone()].into(), 5_000), None);
        assert_eq!(fittest(&BTreeMap::new(), 5_000), None);
    }
}
