//! Files that are not as they were written.

use std::path::Path;
use std::time::Duration;

use conclave_testkit::{Way, wait};
use tokio::time::{sleep, timeout};

use crate::damage::{KEPT, Part};
use crate::stage::Stage;

/// How long the log of the others may take to be cut behind a node that is away.
const CUT_LIMIT: Duration = Duration::from_secs(30);
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// How long a snapshot may take to begin to come.
const COMES_LIMIT: Duration = Duration::from_secs(30);
/// How long each piece of it takes: there is time to kill who receives it.
const SLOW: Duration = Duration::from_millis(300);

/// A bit is turned over in what a node keeps, while it does not run: in one part after the other, of some node each.
pub(super) async fn turn_over(stage: &mut Stage) -> Duration {
    for part in stage.dice.shuffled(&KEPT) {
        let id = stage.any_node();
        if part == Part::Vote {
            // Then each has voted lately, and has not yet moved the vote to where it is not seen.
            let _ = stage.cluster.client().transfer_leader(id).await;
            stage.cluster.all_serve().await;
        }
        stage.kill(id);
        stage.damage(part, id).await;
    }
    Duration::ZERO
}

/// A node is killed while it receives a snapshot, and what it has of it is damaged.
pub(super) async fn turn_over_received(stage: &mut Stage) -> Duration {
    let leader = stage.cluster.all_serve().await;
    let others: Vec<_> = stage.cluster.ids().into_iter().filter(|id| *id != leader).collect();
    let id = stage.dice.pick(&others);
    let Some(last) = stage.member(leader, id).await.map(|member| member.last_log_index) else {
        return Duration::ZERO;
    };
    stage.kill(id);
    if !is_cut_behind(stage, leader, last).await {
        return Duration::ZERO;
    }
    stage.cluster.links().set(leader, id, Way::Slow(SLOW));
    stage.start(id);
    let incoming = stage.cluster.node(id).data_dir().join("state/incoming");
    let comes = async || {
        let has_all = || async { Some(stage.member(leader, id).await?.applied_index > last) };
        match size_bytes(&incoming) {
            // This program stood still while it came.
            0 => has_all().await?.then_some(false),
            _ => Some(true),
        }
    };
    if !wait::within(COMES_LIMIT, "a snapshot comes", comes).await {
        stage.cluster.links().heal();
        return Duration::ZERO;
    }
    stage.kill(id);
    stage.cluster.links().heal();
    stage.damage(Part::Snapshot, id).await;
    Duration::ZERO
}

/// Of all files in a folder.
fn size_bytes(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.metadata().ok()).map(|it| it.len()).sum()
}

/// Whether the leader, in time, no longer has what a node needs next that has come so far.
async fn is_cut_behind(stage: &Stage, leader: u64, last_index: u64) -> bool {
    let is_cut = async || loop {
        let disk = stage.member(leader, leader).await.and_then(|member| member.disk);
        if disk.is_some_and(|disk| disk.first_log_index > last_index + 1) {
            break;
        }
        sleep(LOOK_INTERVAL).await;
    };
    timeout(CUT_LIMIT, is_cut()).await.is_ok()
}
