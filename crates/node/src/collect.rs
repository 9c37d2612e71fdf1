//! The leader's task that has dropped what need not be kept: looks for namespaces with something to drop, and
//! proposes one bounded step after the other.
//!
//! A step is a write like any other, answered before the next one is proposed, with a pause between: clients'
//! writes go before it. What a step does is decided in `conclave-core`; here it is told when, and how large it is.

use std::sync::Arc;
use std::time::{Duration, Instant};

use conclave_core::config::{CollectStep, Collected, ConfigCommand, ConfigOutcome, next_collection};
use conclave_core::{Command, NamespaceName, Outcome, Proposal, RequestId, encode_proposal};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::alarms::Alarm;
use crate::handle::Shared;

/// How often it is looked whether there is something to drop.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);
/// About so many rows are looked at by a step: each takes the time of some writes, which wait for it.
const ROWS_A_STEP: u32 = 100;
/// How long clients have the log to themselves between two steps, at least.
const STEP_PAUSE_MIN: Duration = Duration::from_millis(10);
/// How many times as long as the step before it a pause is: where steps are slow, there are fewer.
const STEP_PAUSE_RATIO: u32 = 2;
/// Most namespaces that one look goes through, on a thread that may block.
const NAMESPACES_A_LOOK_MAX: usize = 500;

/// Collects while this node leads, until it stops.
pub(crate) async fn collect(shared: Arc<Shared>, stop: CancellationToken) {
    let collecting = async {
        loop {
            sleep(LOOK_INTERVAL).await;
            go_through(&shared).await;
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = collecting => {}
    }
}

/// Goes through all namespaces once.
async fn go_through(shared: &Arc<Shared>) {
    let mut after = None;
    while leads(shared) {
        let Some((found, next)) = look(shared, after.take()).await else { return };
        if let Some(namespace) = found {
            finish(shared, &namespace).await;
        }
        match next {
            Some(name) => after = Some(name),
            None => return,
        }
    }
}

fn leads(shared: &Shared) -> bool {
    // What a wrong clock or wrong data say to drop is not dropped.
    let is_fit = !shared.is_raised(Alarm::ClockAhead) && !shared.is_raised(Alarm::Corrupt);
    is_fit && shared.consensus.recovered() && shared.consensus.leader() == Some(shared.node_id)
}

type Found = (Option<NamespaceName>, Option<NamespaceName>);

/// What there is to collect among the next namespaces; none if it cannot be told now.
async fn look(shared: &Arc<Shared>, after: Option<NamespaceName>) -> Option<Found> {
    let (in_use, state, now_ms) = (shared.reading.token(), shared.state.clone(), shared.clock.now_ms());
    let looking = tokio::task::spawn_blocking(move || {
        let found = state.read(|view| next_collection(view, now_ms, after.as_ref(), NAMESPACES_A_LOOK_MAX));
        drop((state, in_use));
        found
    });
    match looking.await {
        Ok(Ok(found)) => Some(found),
        Ok(Err(error)) => {
            tracing::error!(%error, "it cannot be told what need not be kept any longer");
            None
        }
        Err(error) => {
            tracing::warn!(%error, "looking for what need not be kept was cut short");
            None
        }
    }
}

/// Goes on with one namespace until nothing is left to do, or this node leads no more.
async fn finish(shared: &Shared, namespace: &NamespaceName) {
    let mut sum = Collected::default();
    while leads(shared) {
        let began = Instant::now();
        let Some(step) = step(shared, namespace).await else { break };
        sum.versions += step.versions;
        sum.rows += step.rows;
        if !step.more {
            break;
        }
        sleep(STEP_PAUSE_MIN.max(began.elapsed() * STEP_PAUSE_RATIO)).await;
    }
    tracing::debug!(
        %namespace,
        versions = sum.versions,
        rows = sum.rows,
        "dropped what need not be kept"
    );
}

async fn step(shared: &Shared, namespace: &NamespaceName) -> Option<Collected> {
    let id = format!("collect-{:032x}", rand::random::<u128>());
    let step = CollectStep { namespace: namespace.clone(), rows_max: ROWS_A_STEP };
    let proposal = Proposal {
        request_id: RequestId::parse(&id).expect("it is short and printable"),
        time_ms: shared.clock.now_ms(),
        command: Command::Config(ConfigCommand::CollectStep(step)),
    };
    match shared.consensus.propose(encode_proposal(&proposal)).await {
        Ok(Ok(Outcome::Config(ConfigOutcome::Collected(done)))) => Some(done),
        Ok(other) => {
            tracing::warn!(?other, "a step of collection was answered otherwise");
            None
        }
        // The next look begins where the state says.
        Err(error) => {
            tracing::debug!(%error, "a step of collection was not taken");
            None
        }
    }
}
