//! Tickets whose calls have ended: they are given up, so that nobody waits in vain or holds a lock without knowing.

use std::time::Duration;

use conclave_core::lock::{Abandon, Acquire, LockCommand, LockOutcome};
use conclave_core::{Answer, Command, Outcome, RequestId};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::handle::NodeHandle;

/// Most that are given up at once; more wait. How many there can be is bounded by the calls.
const AT_ONCE_MAX: usize = 64;
/// How long one attempt may take.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
/// The pause before the next one.
const AGAIN_AFTER: Duration = Duration::from_millis(200);

/// What nobody attends any more.
pub(crate) enum Abandoned {
    /// A ticket.
    Ticket(Abandon),
    /// A request of which it is not known whether it made one.
    Request(RequestId, Acquire),
}

impl NodeHandle {
    /// Has a ticket given up whose call has ended. Returns at once; goes on until it is done, or the node stops.
    pub fn abandon(&self, abandon: Abandon) {
        // An error means that the node stops. The session ends, or its owner asks again.
        let _ = self.shared.abandoned.send(Abandoned::Ticket(abandon));
    }

    /// The same for a request whose outcome is unknown, or was not waited for: it is settled, and the ticket that it
    /// made is given up.
    pub fn give_up(&self, request_id: RequestId, acquire: Acquire) {
        let _ = self.shared.abandoned.send(Abandoned::Request(request_id, acquire));
    }
}

/// Gives tickets up, until the node stops.
pub(crate) async fn give_up(
    handle: NodeHandle,
    mut arriving: mpsc::UnboundedReceiver<Abandoned>,
    stop: CancellationToken,
) {
    let giving_up = async {
        let mut under_way = JoinSet::new();
        while let Some(abandoned) = arriving.recv().await {
            while under_way.len() >= AT_ONCE_MAX {
                under_way.join_next().await;
            }
            while under_way.try_join_next().is_some() {}
            under_way.spawn(settle(handle.clone(), abandoned));
        }
    };
    stop.run_until_cancelled(giving_up).await;
}

async fn settle(handle: NodeHandle, abandoned: Abandoned) {
    let abandon = match abandoned {
        Abandoned::Ticket(abandon) => Some(abandon),
        Abandoned::Request(request_id, acquire) => made_by(&handle, request_id, acquire).await,
    };
    let Some(abandon) = abandon else { return };
    let id = RequestId::parse(&format!("abandon-{:032x}", rand::random::<u128>()));
    let id = id.expect("it is short and printable");
    let ticket = abandon.ticket;
    let answer = propose(&handle, id, LockCommand::Abandon(abandon)).await;
    tracing::debug!(%ticket, ?answer, "a ticket was given up");
}

/// How to give up the ticket that a request made; none if it made none.
async fn made_by(handle: &NodeHandle, request_id: RequestId, acquire: Acquire) -> Option<Abandon> {
    let Acquire { name, session, call, .. } = acquire.clone();
    match propose(handle, request_id, LockCommand::Acquire(acquire)).await {
        Ok(Outcome::Lock(LockOutcome::Acquired(acquired))) => {
            Some(Abandon { name, session, ticket: acquired.ticket, call })
        }
        _ => None,
    }
}

/// Proposes under one id until there is an answer.
async fn propose(handle: &NodeHandle, id: RequestId, command: LockCommand) -> Answer {
    let command = Command::Lock(command);
    loop {
        match handle.propose(id.clone(), command.clone(), Instant::now() + ATTEMPT_TIMEOUT).await {
            Ok(answer) => return answer,
            Err(error) => tracing::debug!(%error, "a ticket could not be given up now"),
        }
        tokio::time::sleep(AGAIN_AFTER).await;
    }
}
