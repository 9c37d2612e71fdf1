//! Ways between nodes: cut, slow, damaged.

use std::time::Duration;

use conclave_testkit::Way;

use crate::stage::Stage;

/// One node and all others hear nothing of each other.
pub(super) async fn partition(stage: &mut Stage) -> Duration {
    let id = stage.victim().await;
    let way = stage.dice.pick(&[Way::Refused, Way::Silent]);
    stage.cluster.links().cut(id, way);
    if stage.cluster.ids().len() > 3 && stage.dice.happens(50) {
        let other = stage.any_node();
        stage.cluster.links().cut(other, way);
        // The two of them reach each other: a minority by itself.
        stage.cluster.links().set(id, other, Way::Open);
        stage.cluster.links().set(other, id, Way::Open);
    }
    stage.dice.ms(500..=8_000)
}

/// What a node says reaches some others no more, or it hears some no more.
pub(super) async fn one_way(stage: &mut Stage) -> Duration {
    let id = stage.victim().await;
    let is_deaf = stage.dice.happens(50);
    for other in stage.cluster.ids() {
        if other != id && stage.dice.happens(70) {
            let (from, to) = if is_deaf { (other, id) } else { (id, other) };
            stage.cluster.links().set(from, to, Way::Silent);
        }
    }
    stage.dice.ms(500..=8_000)
}

/// Each way takes its own time.
pub(super) fn delay(stage: &mut Stage) -> Duration {
    let longest_ms = stage.dice.pick(&[10, 50, 300]);
    each_way(stage, |stage| Way::Slow(stage.dice.ms(0..=longest_ms)));
    stage.dice.ms(1_000..=8_000)
}

/// Some ways turn bits over.
pub(super) fn wire(stage: &mut Stage) -> Duration {
    each_way(stage, |stage| if stage.dice.happens(50) { Way::Damaged(20) } else { Way::Open });
    stage.dice.ms(1_000..=5_000)
}

fn each_way(stage: &mut Stage, mut draw: impl FnMut(&mut Stage) -> Way) {
    let ids = stage.cluster.ids();
    for (from, to) in ids.iter().flat_map(|from| ids.iter().map(move |to| (*from, *to))) {
        if from != to {
            let way = draw(stage);
            stage.cluster.links().set(from, to, way);
        }
    }
}
