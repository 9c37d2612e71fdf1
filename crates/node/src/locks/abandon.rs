//! Tickets whose calls have ended: they are given up, so that nobody waits in vain or holds a lock without knowing.

use std::sync::Arc;
use std::time::Duration;

use conclave_core::lock::{Abandon, LockCommand};
use conclave_core::{Command, RequestId};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::handle::{NodeHandle, Shared};

/// Most that are given up at once; more wait. How many there can be is bounded by the calls.
const AT_ONCE_MAX: usize = 64;
/// How long one attempt may take.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
/// The pause before the next one.
const AGAIN_AFTER: Duration = Duration::from_millis(200);

impl NodeHandle {
    /// Has a ticket given up whose call has ended. Returns at once; goes on until it is done, or the node stops.
    pub fn abandon(&self, abandon: Abandon) {
        // An error means that the node stops. The session ends, or its owner asks again.
        let _ = self.shared.abandoned.send(abandon);
    }
}

/// Gives tickets up, until the node stops.
pub(crate) async fn give_up(
    handle: NodeHandle,
    mut arriving: mpsc::UnboundedReceiver<Abandon>,
    stop: CancellationToken,
) {
    let giving_up = async {
        let mut under_way = JoinSet::new();
        while let Some(abandon) = arriving.recv().await {
            while under_way.len() >= AT_ONCE_MAX {
                under_way.join_next().await;
            }
            while under_way.try_join_next().is_some() {}
            under_way.spawn(settle(Arc::clone(&handle.shared), abandon));
        }
    };
    stop.run_until_cancelled(giving_up).await;
}

async fn settle(shared: Arc<Shared>, abandon: Abandon) {
    let handle = NodeHandle { shared };
    loop {
        let id = format!("abandon-{:032x}", rand::random::<u128>());
        let id = RequestId::parse(&id).expect("it is short and printable");
        let command = Command::Lock(LockCommand::Abandon(abandon.clone()));
        match handle.propose(id, command, Instant::now() + ATTEMPT_TIMEOUT).await {
            Ok(answer) => {
                tracing::debug!(lock = %abandon.name, ticket = %abandon.ticket, ?answer, "a ticket was given up");
                return;
            }
            // It is safe to be tried again: what is given up is given up.
            Err(error) => tracing::debug!(%error, "a ticket could not be given up now"),
        }
        tokio::time::sleep(AGAIN_AFTER).await;
    }
}
