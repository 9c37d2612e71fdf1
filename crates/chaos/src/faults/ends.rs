//! Processes that end: killed, or told to.

use std::time::Duration;

use crate::stage::Stage;

/// How long a node may take to stop when it is told to, on a busy machine.
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// kill -9: of the leader, if nothing else is wrong.
pub(super) async fn kill(stage: &mut Stage, is_alone: bool) -> Duration {
    let leader = stage.leader().await;
    let id = if is_alone || stage.dice.happens(50) { leader } else { stage.any_node() };
    let killed_ns = stage.kill(id);
    if is_alone && id == leader {
        stage.told.leader_kills_ns.push(killed_ns);
    }
    stage.dice.ms(1_500..=6_000)
}

/// kill -9 of all.
pub(super) fn kill_all(stage: &mut Stage) -> Duration {
    for id in stage.cluster.ids() {
        stage.kill(id);
    }
    stage.dice.ms(0..=1_000)
}

/// Each node is told to stop, and started again, one after the other.
pub(super) async fn restart(stage: &mut Stage) -> Duration {
    for id in stage.cluster.ids() {
        stop(stage, id).await;
        stage.start(id);
        stage.cluster.all_serve().await;
    }
    Duration::ZERO
}

/// Tells a node to stop, and waits until it has.
pub(super) async fn stop(stage: &mut Stage, id: u64) {
    stage.ends(id);
    stage.cluster.node(id).terminate();
    let status = stage.cluster.node(id).ended(STOP_LIMIT).await;
    if !status.success() {
        stage.told.wrong.push(format!("node {id} was told to stop and ended with {status}"));
    }
}
