//! Chooses faults, one after the other and now and then two at once, and has all made well between them.

use std::collections::BTreeMap;

use tokio::time::{Instant, sleep};

use crate::faults::{BESIDES, Kind};
use crate::stage::Stage;

/// How often a second fault comes to the first, in percent.
const BESIDES_PERCENT: u64 = 25;

/// How often each kind of fault was done.
pub(crate) type Counts = BTreeMap<Kind, u64>;

/// Torments the cluster until the time comes; at the end all is well.
pub(crate) async fn torment(stage: &mut Stage, kinds: &[Kind], until: Instant) -> Counts {
    let mut counts = Counts::new();
    while Instant::now() < until {
        sleep(stage.dice.ms(500..=2_500)).await;
        let kind = stage.dice.pick(kinds);
        let besides = stage.dice.pick(BESIDES);
        let is_alone = !(kinds.contains(&besides) && stage.dice.happens(BESIDES_PERCENT) && kind != besides);
        let lasts = kind.strike(stage, is_alone).await;
        *counts.entry(kind).or_default() += 1;
        if !is_alone && !lasts.is_zero() {
            sleep(lasts / 3).await;
            let _ = besides.strike(stage, false).await;
            *counts.entry(besides).or_default() += 1;
        }
        sleep(lasts).await;
        stage.heal().await;
    }
    counts
}
