//! Tickets whose calls have ended: they are given up, so that nobody waits in vain or holds a lock without knowing.

use std::time::Duration;

use conclave_core::lock::{Abandon, Acquire, LockCommand, LockOutcome};
use conclave_core::{Answer, Command, Outcome, Rejection, RequestId, TicketId};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::handle::NodeHandle;

/// Most that are given up at once; more wait. How many there can be is bounded by the places of the calls.
const AT_ONCE_MAX: usize = 64;
/// How long one attempt may take.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
/// The pause before the next one.
const AGAIN_AFTER: Duration = Duration::from_millis(200);

/// How long a node that stops goes on with what calls have left to it.
const LAST_TIMEOUT: Duration = Duration::from_secs(2);

/// What nobody attends any more, and the place of its call: free for another one only when it is given up, so that
/// there is never more to be given up than there may be calls.
pub(crate) struct Abandoned {
    what: What,
    _place: OwnedSemaphorePermit,
}

enum What {
    /// A ticket.
    Ticket(Abandon),
    /// A request of which it is not known whether it made one.
    Request(RequestId, Acquire),
}

impl NodeHandle {
    /// Has a ticket given up whose call has ended, and gives its place back then. Returns at once; goes on until it is
    /// done. A node that stops goes on for a moment.
    pub fn abandon(&self, abandon: Abandon, place: OwnedSemaphorePermit) {
        self.leave(What::Ticket(abandon), place);
    }

    /// The same for a request whose outcome is unknown, or was not waited for: it is settled, and the ticket that it
    /// made is given up.
    pub fn give_up(&self, request_id: RequestId, acquire: Acquire, place: OwnedSemaphorePermit) {
        self.leave(What::Request(request_id, acquire), place);
    }

    fn leave(&self, what: What, place: OwnedSemaphorePermit) {
        // An error means that the node stops. The session ends, or its owner asks again.
        let _ = self.shared.abandoned.send(Abandoned { what, _place: place });
    }
}

/// Gives tickets up, until the node stops; then those that are left, for a moment: calls end when a node stops, and
/// what they leave would stay in the queues for as long as its sessions live.
pub(crate) async fn give_up(
    handle: NodeHandle,
    mut arriving: mpsc::UnboundedReceiver<Abandoned>,
    stop: CancellationToken,
) {
    let mut under_way = JoinSet::new();
    if stop.run_until_cancelled(begin(&handle, &mut arriving, &mut under_way)).await.is_some() {
        return;
    }
    arriving.close();
    let finishing = async {
        begin(&handle, &mut arriving, &mut under_way).await;
        while under_way.join_next().await.is_some() {}
    };
    if timeout(LAST_TIMEOUT, finishing).await.is_err() {
        tracing::warn!("tickets whose calls have ended stay until their sessions end: the node stops");
    }
}

/// Begins with all that arrives. Cancel-safe: what has arrived is begun.
async fn begin(
    handle: &NodeHandle,
    arriving: &mut mpsc::UnboundedReceiver<Abandoned>,
    under_way: &mut JoinSet<()>,
) {
    loop {
        while under_way.len() >= AT_ONCE_MAX {
            under_way.join_next().await;
        }
        let Some(abandoned) = arriving.recv().await else { return };
        while under_way.try_join_next().is_some() {}
        under_way.spawn(settle(handle.clone(), abandoned));
    }
}

async fn settle(handle: NodeHandle, abandoned: Abandoned) {
    let Abandoned { what, _place } = abandoned;
    let abandon = match what {
        What::Ticket(abandon) => Some(abandon),
        What::Request(request_id, acquire) => made_by(&handle, request_id, acquire).await,
    };
    let Some(abandon) = abandon else { return };
    let id = RequestId::parse(&format!("abandon-{:032x}", rand::random::<u128>()));
    let id = id.expect("it is short and printable");
    let ticket = abandon.ticket;
    let answer = propose(&handle, id, LockCommand::Abandon(abandon)).await;
    tracing::debug!(%ticket, ?answer, "a ticket was given up");
}

/// How to give up the ticket that a request made; none if it made none, and never will.
async fn made_by(handle: &NodeHandle, request_id: RequestId, acquire: Acquire) -> Option<Abandon> {
    let Acquire { name, session, call, .. } = acquire.clone();
    let nothing = Abandon { name, session, ticket: TicketId::default(), call, unanswered: true };
    // What comes first under an id is all that is ever done under it. Were the request itself proposed anew and came
    // first, it would take the ticket of a call that was made in its place meanwhile.
    let Err(Rejection::RequestIdReused { .. }) =
        propose(handle, request_id.clone(), LockCommand::Abandon(nothing.clone())).await
    else {
        return None;
    };
    match propose(handle, request_id, LockCommand::Acquire(acquire)).await {
        Ok(Outcome::Lock(LockOutcome::Acquired(acquired))) => {
            Some(Abandon { ticket: acquired.ticket, ..nothing })
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
