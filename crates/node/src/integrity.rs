//! Whether this node has applied what the others have.
//!
//! Every node notes a digest of all that it has applied, at the same indexes as all others, and compares them now
//! and then. One whose digest is not that of most raises the alarm `corrupt`, and serves nothing any more: what it
//! holds is wrong. Which of two is right cannot be told: then both do.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use conclave_raft::NodeStatus;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::alarms::{Alarm, set};
use crate::handle::Shared;
use crate::status::{ask_members, own_status};

/// How often the digests are compared.
const COMPARE_INTERVAL: Duration = Duration::from_secs(5);

/// Whether a member has applied what the others have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agreement {
    /// No other one can be compared with it at the moment.
    Unknown,
    /// Its digest is that of most.
    Agrees,
    /// Its digest is not that of most, of those that can be compared.
    Differs,
}

/// Compares until the node stops.
pub(crate) async fn compare_digests(shared: Arc<Shared>, stop: CancellationToken) {
    let comparing = async {
        let mut looks = interval(COMPARE_INTERVAL);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            shared.consensus.wait_recovered().await;
            match compare(&shared).await {
                Agreement::Unknown => {}
                agreement => judge(&shared, agreement),
            }
        }
    };
    stop.run_until_cancelled(comparing).await;
}

async fn compare(shared: &Shared) -> Agreement {
    let own = match own_status(shared) {
        Ok(own) => own,
        Err(error) => {
            tracing::error!(%error, "this node's digest cannot be read");
            return Agreement::Unknown;
        }
    };
    let others = ask_members(shared, shared.consensus.status().members.into_keys()).await;
    let mut all: BTreeMap<u64, NodeStatus> = others.into_iter().map(|(id, told)| (id, told.status)).collect();
    all.insert(shared.node_id, own);
    agreements(&all).remove(&shared.node_id).unwrap_or(Agreement::Unknown)
}

fn judge(shared: &Shared, agreement: Agreement) {
    let differs = agreement == Agreement::Differs;
    if !set(&shared.alarms, Alarm::Corrupt, differs) {
        return;
    }
    if differs {
        tracing::error!(
            "what this node has applied is not what most others have: it serves nothing any more"
        );
        // Whoever watches must ask another node for all of it.
        shared.hub.reset(shared.hub.newest());
    }
    shared.refresh_readiness();
}

/// Of each member, whether its digest is that of most, where they can be compared.
pub(crate) fn agreements(members: &BTreeMap<u64, NodeStatus>) -> BTreeMap<u64, Agreement> {
    let mut digests: BTreeMap<u64, BTreeMap<u64, &str>> = BTreeMap::new();
    for (id, status) in members {
        for point in &status.digests {
            digests.entry(point.index).or_default().insert(*id, &point.digest);
        }
        digests.entry(status.applied_index).or_default().insert(*id, &status.digest);
    }
    members.keys().map(|id| (*id, agreement(*id, &digests))).collect()
}

/// As of the last index of which this member and another one have a digest.
fn agreement(id: u64, digests: &BTreeMap<u64, BTreeMap<u64, &str>>) -> Agreement {
    let comparable = digests.values().rev().find(|told| told.len() > 1 && told.contains_key(&id));
    let Some(told) = comparable else { return Agreement::Unknown };
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for digest in told.values() {
        *counts.entry(digest).or_default() += 1;
    }
    let own = told[&id];
    let most_of_others = counts.iter().filter(|(digest, _)| **digest != own).map(|(_, count)| *count).max();
    if most_of_others.unwrap_or(0) >= counts[own] { Agreement::Differs } else { Agreement::Agrees }
}

#[cfg(test)]
mod tests {
    use conclave_raft::DigestPoint;

    use super::*;
    use crate::status::tests::status;

    fn told(id: u64, applied: u64, digest: &str, points: &[(u64, &str)]) -> (u64, NodeStatus) {
        let point =
            |(index, digest): &(u64, &str)| DigestPoint { index: *index, digest: (*digest).to_owned() };
        let digests = points.iter().map(point).collect();
        (id, NodeStatus { digest: digest.to_owned(), digests, ..status(id, applied, applied) })
    }

    fn judged<const N: usize>(members: [(u64, NodeStatus); N]) -> Vec<Agreement> {
        agreements(&members.into()).into_values().collect()
    }

    use Agreement::{Agrees, Differs, Unknown};

    #[test]
    fn the_odd_one_of_three_differs() {
        let three = [told(1, 9, "a", &[]), told(2, 9, "b", &[]), told(3, 9, "a", &[])];
        assert_eq!(judged(three), [Agrees, Differs, Agrees]);
    }

    #[test]
    fn they_are_compared_where_they_have_both_been() {
        let three = [
            told(1, 700, "d", &[(256, "a"), (512, "b")]),
            told(2, 600, "c", &[(256, "a"), (512, "b")]),
            told(3, 300, "x", &[(256, "x")]),
        ];
        assert_eq!(judged(three), [Agrees, Agrees, Differs]);
        let apart = [told(1, 700, "d", &[(512, "b")]), told(2, 300, "x", &[(256, "x")])];
        assert_eq!(judged(apart), [Unknown, Unknown]);
    }

    #[test]
    fn which_of_two_is_right_cannot_be_told() {
        assert_eq!(judged([told(1, 9, "a", &[]), told(2, 9, "b", &[])]), [Differs, Differs]);
        let four = [told(1, 9, "a", &[]), told(2, 9, "b", &[]), told(3, 9, "a", &[]), told(4, 9, "b", &[])];
        assert_eq!(judged(four), [Differs; 4]);
        assert_eq!(judged([told(1, 9, "a", &[])]), [Unknown]);
    }
}
