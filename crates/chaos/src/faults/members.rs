//! Nodes that go, and others that take their places; leaders that hand over.

use std::fs;
use std::time::{Duration, Instant};

use conclave_testkit::wait;

use crate::stage::Stage;

/// A node loses its data. It does not come back as who it was; a new one takes its place.
pub(super) async fn wipe(stage: &mut Stage) -> Duration {
    let id = stage.any_node();
    stage.cluster.knows(id).await;
    stage.kill(id);
    let began = Instant::now();
    let data_dir = stage.cluster.node(id).data_dir();
    fs::remove_dir_all(data_dir).expect("it is ours");
    stage.cluster.start_node(id);
    let stopped = async || (!stage.cluster.node(id).is_running()).then_some(());
    wait::until("a node that lost its data is refused, and stops", stopped).await;
    stage.replace(id).await;
    stage.told.rejoins.push(began.elapsed());
    Duration::ZERO
}

/// A node that is well is replaced, and finds out that it is no member any more.
pub(super) async fn replace(stage: &mut Stage) -> Duration {
    let id = stage.victim().await;
    stage.replace(id).await;
    Duration::ZERO
}

/// Leadership is handed to some node, or is not: both are well.
pub(super) async fn transfer(stage: &mut Stage) -> Duration {
    let id = stage.any_node();
    let _ = stage.cluster.client().transfer_leader(id).await;
    Duration::ZERO
}
