//! Who is well, and whether those who are left are enough.

use std::collections::BTreeSet;
use std::time::Duration;

use conclave_raft::{MembersError, MembersRefusal, NodeStatus};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::handle::Shared;

/// How long a member may take to tell its state.
pub(super) const MEMBER_TIMEOUT: Duration = Duration::from_secs(1);
/// A member with more entries than this still to apply is not well.
pub(super) const LAG_ENTRIES_MAX: u64 = 1_000;

/// Refuses a member that does not answer, or is far behind.
pub(super) async fn require_caught_up(shared: &Shared, id: u64) -> Result<(), MembersError> {
    let asked = shared.consensus.peer_status(id, Instant::now() + MEMBER_TIMEOUT).await;
    let Ok(told) = asked else { return Err(MembersRefusal::Silent { id }.into()) };
    let lag_entries = lag(shared, &told);
    if lag_entries > LAG_ENTRIES_MAX {
        return Err(MembersRefusal::Behind { id, lag_entries, lag_entries_max: LAG_ENTRIES_MAX }.into());
    }
    Ok(())
}

/// Refuses a set of voters of which fewer than a majority are well.
pub(super) async fn require_quorum(shared: &Shared, voters: &BTreeSet<u64>) -> Result<(), MembersError> {
    let deadline = Instant::now() + MEMBER_TIMEOUT;
    let mut asked = JoinSet::new();
    for id in voters.iter().copied().filter(|id| *id != shared.node_id) {
        let consensus = shared.consensus.clone();
        asked.spawn(async move { consensus.peer_status(id, deadline).await });
    }
    let mut healthy = usize::from(voters.contains(&shared.node_id));
    while let Some(answer) = asked.join_next().await {
        let well = |told: &NodeStatus| lag(shared, told) <= LAG_ENTRIES_MAX;
        healthy += usize::from(matches!(answer, Ok(Ok(told)) if well(&told)));
    }
    match judge(voters.len(), healthy) {
        None => Ok(()),
        Some(refusal) => Err(refusal.into()),
    }
}

/// Why so many well voters of so many are too few.
fn judge(voters: usize, healthy: usize) -> Option<MembersRefusal> {
    let needed = voters / 2 + 1;
    let (voters, healthy, needed) = (voters as u64, healthy as u64, needed as u64);
    (healthy < needed).then_some(MembersRefusal::QuorumLoss { voters, healthy, needed })
}

fn lag(shared: &Shared, told: &NodeStatus) -> u64 {
    shared.consensus.status().last_log_index.saturating_sub(told.applied_index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_majority_of_those_who_are_left_must_be_well() {
        let enough = |voters, healthy| judge(voters, healthy).is_none();
        assert!(enough(1, 1) && enough(2, 2) && enough(3, 2) && enough(4, 3) && enough(5, 3));
        assert!(!enough(1, 0) && !enough(2, 1) && !enough(3, 1) && !enough(4, 2) && !enough(5, 2));
    }
}
