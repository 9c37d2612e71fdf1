//! How a ticket is given back when nobody wants it any more.

use conclave_proto::lock::v1::ReleaseRequest;
use tokio::sync::oneshot;

use super::asking::Asking;
use super::lease::Lease;
use super::lost::SessionLostCause;
use crate::client::Client;
use crate::error::{ClientError, reason};
use crate::retry::Rounds;

/// What a session may have of a lock by one ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leftover {
    /// Nothing.
    Nothing,
    /// It was asked for, and nothing was told: a ticket whose number is not known, or none.
    Unknown,
    /// A place in the queue, or the grant that came of it.
    Ticket(u64),
    /// A grant.
    Grant(u64),
}

/// Gives back what is left, for as long as the session lives; tells what the first call came to.
pub(super) async fn withdraw(
    client: &Client,
    lease: &Lease,
    asking: &Asking,
    leftover: Leftover,
    released: oneshot::Sender<Result<(), ClientError>>,
) {
    let mut released = Some(released);
    let mut tell = |outcome| released.take().map(|released| released.send(outcome));
    let mut rounds = Rounds::new(&client.options, 1);
    let goes_on = async {
        while let Err(error) = give_back(client, asking, leftover).await {
            let wait = error.is_transient().then(|| rounds.wait_after(&error));
            tracing::debug!(lock = asking.name, %error, "not released");
            tell(Err(error));
            match wait {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return,
            }
        }
        tell(Ok(()));
    };
    let lost = tokio::select! {
        biased;
        lost = lease.lost() => lost,
        () = goes_on => return,
    };
    // With the session the lock ends; when, is not known if no node could be asked.
    tell(match lost.cause {
        SessionLostCause::Expired | SessionLostCause::Closed => Ok(()),
        SessionLostCause::Unreachable { .. } | SessionLostCause::Paused => Err(lost.error()),
    });
}

async fn give_back(client: &Client, asking: &Asking, leftover: Leftover) -> Result<(), ClientError> {
    match leftover {
        Leftover::Nothing => Ok(()),
        Leftover::Ticket(ticket) => release(client, asking, 0, ticket).await,
        Leftover::Grant(token) => release(client, asking, token, 0).await,
        // To ask for the same at once finds the ticket: it is granted, or it ends.
        Leftover::Unknown => match client.try_acquire_lock(asking.at_once()).await {
            Ok(answer) => release(client, asking, answer.granted.unwrap_or_default().token, 0).await,
            Err(error) if error.is_transient() => Err(error),
            Err(_) => Ok(()),
        },
    }
}

async fn release(client: &Client, asking: &Asking, token: u64, ticket: u64) -> Result<(), ClientError> {
    let (name, session_id) = (asking.name.clone(), asking.session_id);
    match client.release_lock(ReleaseRequest { name, session_id, token, ticket }).await {
        Err(error) if !is_gone(&error) => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Whether there is nothing to release: an attempt whose answer was lost may have done it.
fn is_gone(error: &ClientError) -> bool {
    [reason::LOCK_NOT_HELD, reason::LOCK_NOT_FOUND, reason::SESSION_NOT_FOUND].contains(&error.reason())
}
