//! A rolling restart with an older program, and back.

use std::time::Duration;

use super::ends;
use crate::stage::Stage;

/// Each node runs the older program for a while; then each the newer one again.
pub(super) async fn roll(stage: &mut Stage) -> Duration {
    let Some(older) = stage.binaries.older.clone() else { return Duration::ZERO };
    for binary in [older, stage.binaries.newer.clone()] {
        for id in stage.cluster.ids() {
            ends::stop(stage, id).await;
            stage.cluster.node(id).set_binary(&binary);
            stage.start(id);
            stage.cluster.all_serve().await;
        }
    }
    Duration::ZERO
}
