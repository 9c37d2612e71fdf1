//! Asking for a lock. Whoever asked may be gone before there is an answer, or the answer may be lost: nobody would
//! release what was granted then. So the node settles what came of it, and gives the ticket up.

use conclave_core::lock::{Acquire, Acquired, LockCommand, LockOutcome, Standing};
use conclave_core::{Command, Outcome, RequestId};
use conclave_door::{Place, Refusal};
use conclave_node::{NodeHandle, RequestError};
use conclave_proto::lock::v1 as wire;
use tokio::time::Instant;

use super::LockStreams;
use super::acquire::Ticket;
use crate::config_wire::strange_outcome;
use crate::fields::made_request_id;
use crate::lock_wire::{self, Asked};

/// A request for a lock that is under way. What is dropped before it is settled is given up.
struct Asking<'a> {
    node: &'a NodeHandle,
    request_id: RequestId,
    acquire: &'a Acquire,
    /// The place of the call; none: it is settled.
    place: Option<Place>,
}

impl Asking<'_> {
    /// What came of it is known: nothing is to be given up.
    fn settled(mut self) -> Place {
        self.place.take().expect("it is taken only here, and once")
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        if let Some(place) = self.place.take() {
            self.node.give_up(self.request_id.clone(), self.acquire.clone(), place);
        }
    }
}

/// Asks for a lock, and tells how the ticket stands. The call's place is given back, unless what came of it must be
/// given up.
pub(super) async fn ask(
    node: &NodeHandle,
    acquire: &Acquire,
    place: Place,
    deadline: Instant,
) -> Result<(Acquired, Place), Refusal> {
    let asking = Asking { node, request_id: made_request_id(), acquire, place: Some(place) };
    let command = Command::Lock(LockCommand::Acquire(acquire.clone()));
    let answer = node.propose(asking.request_id.clone(), command, deadline).await;
    if let Err(error @ RequestError::OutcomeUnknown) = answer {
        return Err(error.into());
    }
    let place = asking.settled();
    match answer?? {
        Outcome::Lock(LockOutcome::Acquired(acquired)) => Ok((acquired, place)),
        _ => Err(strange_outcome()),
    }
}

impl LockStreams {
    /// Asks for a lock, which is had at once or not at all.
    pub(crate) async fn try_acquire(&self, asked: Asked, deadline: Instant) -> Result<wire::Grant, Refusal> {
        let place = self.attempts.take()?;
        let (Acquired { ticket, standing }, place) = ask(&self.node, &asked.acquire, place, deadline).await?;
        match standing {
            Standing::Granted(granted) => Ok(lock_wire::grant(granted, ticket)),
            // It is one that an earlier call asked for and would have waited for.
            Standing::Waiting { .. } => {
                let ticket = Ticket::of(&asked.acquire, ticket);
                self.node.abandon(ticket.given_up(), place);
                Err(Refusal::LockWaitOver { name: ticket.name.to_string(), wait_ms: 0 })
            }
        }
    }
}
