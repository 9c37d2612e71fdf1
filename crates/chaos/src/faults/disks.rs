//! Disks that lose what was not synced, or have no room.

use std::time::Duration;

use conclave_testkit::Kept;

use crate::stage::Stage;

/// Less than a node wants to have left: it goes on, and takes no writes as a leader.
const BELOW_RESERVE_BYTES: u64 = 64 << 20;

/// The power fails, for all nodes or for one: of what was not synced, something or nothing is left.
pub(super) fn power(stage: &mut Stage) -> Duration {
    let ids = if stage.dice.happens(60) { stage.cluster.ids() } else { vec![stage.any_node()] };
    for id in &ids {
        stage.kill(*id);
    }
    for id in ids {
        let seed = stage.dice.seed();
        let kept = stage.dice.pick(&[Kept::Nothing, Kept::Beginnings { seed }]);
        stage.lose_power(id, kept);
    }
    stage.dice.ms(0..=1_000)
}

/// A disk is full, or nearly: its node stops when it cannot write.
pub(super) async fn full(stage: &mut Stage) -> Duration {
    let id = stage.victim().await;
    let room_bytes = stage.dice.pick(&[0, 4 << 10, 1 << 20, BELOW_RESERVE_BYTES]);
    stage.leave_room(id, room_bytes);
    stage.dice.ms(1_000..=8_000)
}
