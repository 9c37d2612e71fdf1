//! Whether this member serves clients of etcd.

use std::time::Duration;

use conclave_core::cluster::alarms;
use conclave_node::{Alarm, NodeHandle, Readiness};
use tokio::time::Instant;

/// How long a write or a read may take on a cluster that is healthy.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The alarms of a node that etcd has, by its names.
const ALARMS: [(Alarm, &str); 2] = [(Alarm::NoSpace, "NOSPACE"), (Alarm::Corrupt, "CORRUPT")];

/// The one that can be raised by hand.
const BY_HAND: &str = "NOSPACE";

/// Why this member does not serve, in etcd's words; none if it does. `is_local` asks of the member alone, not whether
/// the cluster decides; the alarms of these names are left out.
pub async fn ailment(node: &NodeHandle, is_local: bool, excluded_alarms: &[String]) -> Option<String> {
    let raised = node.alarms().borrow().raised.clone();
    let is_told = |alarm: &Alarm, name: &str| {
        raised.contains(alarm) && !excluded_alarms.iter().any(|excluded| excluded == name)
    };
    // What was raised by hand is of the whole cluster.
    let by_hand = node.read_now(alarms).unwrap_or_default();
    if !by_hand.is_empty() && !excluded_alarms.iter().any(|excluded| excluded == BY_HAND) {
        return Some(format!("ALARM {BY_HAND}"));
    }
    if let Some((_, name)) = ALARMS.iter().find(|(alarm, name)| is_told(alarm, name)) {
        return Some(format!("ALARM {name}"));
    }
    let readiness = *node.readiness().borrow();
    match readiness {
        Readiness::NoLeader if !is_local => return Some("RAFT NO LEADER".to_owned()),
        Readiness::ShuttingDown | Readiness::Recovering => {
            return Some(format!("{readiness:?}").to_uppercase());
        }
        Readiness::Ready | Readiness::NoLeader | Readiness::Corrupt => {}
    }
    if is_local {
        return None;
    }
    let asked = node.newest_revision(Instant::now() + TIMEOUT).await;
    asked.err().map(|error| format!("QGET ERROR:{error}"))
}
