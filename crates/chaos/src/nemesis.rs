//! Chooses faults, one after the other and now and then two at once, and has all made well between them.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::faults::{BESIDES, Kind};
use crate::stage::Stage;

/// How often a second fault comes to the first, in percent.
const BESIDES_PERCENT: u64 = 25;

/// How often each kind of fault was done.
pub(crate) type Counts = BTreeMap<Kind, u64>;

/// Torments the cluster until the time comes; at the end all is well.
///
/// Each kind comes once before one of them comes again.
pub(crate) async fn torment(stage: &mut Stage, kinds: &[Kind], until: Instant) {
    let mut left = Vec::new();
    while Instant::now() < until {
        sleep(stage.dice.ms(500..=2_500)).await;
        if left.is_empty() {
            left = stage.dice.shuffled(kinds);
        }
        let Some(kind) = left.pop() else { return };
        let besides = stage.dice.pick(BESIDES);
        let comes_besides =
            kinds.contains(&besides) && kind != besides && stage.dice.happens(BESIDES_PERCENT);
        // How long a leader's end is felt is measured while nothing else is wrong.
        let is_alone = kind == Kind::Kill || !comes_besides;
        let lasts = strike(stage, kind, is_alone).await;
        if !is_alone && !lasts.is_zero() {
            sleep(lasts / 3).await;
            let _ = strike(stage, besides, false).await;
        }
        sleep(lasts).await;
        stage.tell("all is made well");
        stage.heal().await;
    }
}

async fn strike(stage: &mut Stage, kind: Kind, is_alone: bool) -> Duration {
    stage.tell(kind.name());
    *stage.told.counts.entry(kind).or_default() += 1;
    kind.strike(stage, is_alone).await
}
