//! The leader's task that has dropped what need not be kept: looks for namespaces with something to drop, and for plain
//! keys of which something was given up, and proposes one bounded step after the other.
//!
//! A step is a write like any other, answered before the next one is proposed, with a pause between: clients'
//! writes go before it. What a step does is decided in `conclave-core`; here it is told when, and how large it is.

use std::sync::Arc;
use std::time::Duration;

use conclave_core::config::{CollectStep, Collected, ConfigCommand, ConfigOutcome, next_collection};
use conclave_core::kv::{KvCommand, KvOutcome, SweepStep, is_sweep_due};
use conclave_core::{Command, NamespaceName, Outcome, Proposal, RequestId, encode_proposal};
use conclave_mvcc::{MapError, ReadMap};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::alarms::Alarm;
use crate::blocking::read_state;
use crate::handle::Shared;

/// How often it is looked whether plain keys have something to drop: somebody may wait for that.
const PLAIN_LOOK_INTERVAL: Duration = Duration::from_millis(200);
/// After so many of these looks all namespaces are looked at: every five seconds.
const PLAIN_LOOKS: u32 = 25;
/// About so many rows are looked at by a step: each takes the time of some writes, which wait for it.
const ROWS_A_STEP: u32 = 100;
/// The same of plain keys, where a change that was overwritten counts as two; one that was not costs next to nothing.
const PLAIN_ROWS_A_STEP: u32 = 200;
/// No further row is looked at once those that were take so much.
const PLAIN_SIZE_BYTES_A_STEP: u64 = 2 << 20;
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
            for _ in 0..PLAIN_LOOKS {
                sleep(PLAIN_LOOK_INTERVAL).await;
                sweep(&shared).await;
            }
            go_through(&shared).await;
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = collecting => {}
    }
}

/// Goes through all namespaces once, and comes to plain keys in between: somebody may wait for that.
async fn go_through(shared: &Shared) {
    let mut after: Option<NamespaceName> = None;
    while leads(shared) {
        sweep(shared).await;
        let (now_ms, from) = (shared.clock.now_ms(), after.take());
        let next_few =
            move |view: &dyn ReadMap| next_collection(view, now_ms, from.as_ref(), NAMESPACES_A_LOOK_MAX);
        let Some((found, next)) = look(shared, next_few).await else { return };
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

/// What a view tells of what there is to do; none if it cannot be told now.
async fn look<T, F>(shared: &Shared, read: F) -> Option<T>
where
    F: FnOnce(&dyn ReadMap) -> Result<T, MapError> + Send + 'static,
    T: Send + 'static,
{
    match read_state(shared, read).await {
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
        let step = CollectStep { namespace: namespace.clone(), rows_max: ROWS_A_STEP };
        let answered = propose(shared, Command::Config(ConfigCommand::CollectStep(step))).await;
        let Some(Outcome::Config(ConfigOutcome::Collected(step))) = answered else { break };
        sum.versions += step.versions;
        sum.rows += step.rows;
        if !step.more {
            break;
        }
        pause_after(began).await;
    }
    tracing::debug!(
        %namespace,
        versions = sum.versions,
        rows = sum.rows,
        "dropped what need not be kept"
    );
}

/// Has removed what was given up of plain keys, if something was: one sweep, to its end, or until this node leads no
/// more.
async fn sweep(shared: &Shared) {
    if !leads(shared) || look(shared, is_sweep_due).await != Some(true) {
        return;
    }
    let mut changes = 0;
    while leads(shared) {
        let began = Instant::now();
        let step = SweepStep { rows_max: PLAIN_ROWS_A_STEP, size_bytes_max: PLAIN_SIZE_BYTES_A_STEP };
        let answered = propose(shared, Command::Kv(KvCommand::Sweep(step))).await;
        let Some(Outcome::Kv(KvOutcome::Swept(step))) = answered else { break };
        changes += step.changes;
        if !step.more {
            break;
        }
        pause_after(began).await;
    }
    tracing::debug!(changes, "removed what was given up of plain keys");
}

/// Leaves the log to clients, after a step that began then.
async fn pause_after(began: Instant) {
    sleep(STEP_PAUSE_MIN.max(began.elapsed() * STEP_PAUSE_RATIO)).await;
}

/// Has a step applied; none if it was not taken. Then the next look begins where the state says.
async fn propose(shared: &Shared, command: Command) -> Option<Outcome> {
    let id = format!("collect-{:032x}", rand::random::<u128>());
    let proposal = Proposal {
        request_id: RequestId::parse(&id).expect("it is short and printable"),
        time_ms: shared.clock.now_ms(),
        command,
    };
    match shared.consensus.propose(encode_proposal(&proposal)).await {
        Ok(Ok(outcome)) => Some(outcome),
        Ok(Err(rejection)) => {
            tracing::warn!(?rejection, "a step of collection was refused");
            None
        }
        Err(error) => {
            tracing::debug!(%error, "a step of collection was not taken");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use conclave_core::kv::{Compact, Operation, Put, PutLease, Txn, swept};
    use conclave_mvcc::{Revision, history};

    use super::*;
    use crate::locks::tests::{propose as tell, soon};
    use crate::read::Consistency;
    use crate::test_node::start;

    fn put(value: u64) -> Command {
        let (key, value) = ("key".into(), Some(value.to_string().into()));
        let put = Operation::Put(Put { key, value, lease: PutLease::None, with_previous: false });
        Command::Kv(KvCommand::Txn(Txn { success: vec![put], ..Txn::default() }))
    }

    /// More than a step takes.
    #[tokio::test(flavor = "multi_thread")]
    async fn what_was_given_up_of_plain_keys_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let node = start(folder.path()).await;
        let handle = node.handle();
        for number in 0..u64::from(PLAIN_ROWS_A_STEP) {
            tell(&handle, put(number)).await.unwrap();
        }
        let revision = handle.newest_revision(soon()).await.unwrap();
        tell(&handle, Command::Kv(KvCommand::Compact(Compact { revision }))).await.unwrap();
        // The node's own task may come between: then this one goes on where that ended.
        sweep(&handle.shared).await;
        let read = |view: &dyn ReadMap| Ok((swept(view)?, history(view, b"key", Revision::MAX, 9)?.len()));
        let (to, left) = handle.read(Consistency::Linearizable, soon(), read).await.unwrap();
        assert_eq!((to, left), (revision, 1));
        node.shutdown().await;
    }
}
