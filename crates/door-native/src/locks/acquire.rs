//! The stream of one who asked for a lock: the place in the queue, then the grant, then the loss.
//!
//! While it waits the stream attends its ticket. If it ends before the grant was handed out, the node gives the ticket
//! up; unless the node itself ends it and the caller gave an id with which it can find the ticket again elsewhere: a
//! place in the queue must not be lost because a node stops. After the grant the stream only tells.

use std::pin::Pin;
use std::time::Duration;

use conclave_core::lease::LeaseRejection;
use conclave_core::lock::{Abandon, Acquire, Acquired, LockRejection, Mode, Standing};
use conclave_core::{LeaseId, LockName, Rejection, TicketId};
use conclave_door::{Ends, Refusal};
use conclave_mvcc::ReadMap;
use conclave_node::{Attended, Consistency, NodeHandle, Place, RequestError, TicketState};
use conclave_proto::lock::v1 as wire;
use conclave_proto::lock::v1::acquire_response::Event;
use futures::{Stream, stream};
use tokio::time::{Instant, sleep_until};
use tonic::Status;

use super::ask::ask;
use super::gone::{Gone, Passed};
use super::{HEARTBEAT_INTERVAL, LockStreams, read_deadline};
use crate::lock_wire::{self, Asked};

/// What asking for a lock answers with.
pub(crate) type AcquireStream = Pin<Box<dyn Stream<Item = Result<wire::AcquireResponse, Status>> + Send>>;

/// A ticket, and the call that attends it.
#[derive(Debug, Clone)]
pub(super) struct Ticket {
    pub(super) name: LockName,
    session: LeaseId,
    mode: Mode,
    number: TicketId,
    call: u64,
}

impl Ticket {
    pub(super) fn of(acquire: &Acquire, number: TicketId) -> Self {
        let Acquire { name, session, mode, call, .. } = acquire;
        Self { name: name.clone(), session: *session, mode: *mode, number, call: *call }
    }

    /// The command that gives it up, once its caller was told of it.
    pub(super) fn given_up(&self) -> Abandon {
        let Self { name, session, number, call, .. } = self.clone();
        Abandon { name, session, ticket: number, call, unanswered: false }
    }
}

/// When a stream ends that is still waiting, or goes on.
#[derive(Debug, Clone, Copy)]
struct Times {
    /// When the wait is over, and how long it is in milliseconds.
    wait: Option<(Instant, u64)>,
    /// When the caller stops listening.
    end: Option<Instant>,
    heartbeat_due: Instant,
}

/// A ticket whose caller is told how it stands.
struct Acquiring {
    node: NodeHandle,
    ticket: Ticket,
    attended: Attended,
    /// As far as is known.
    state: TicketState,
    told: Told,
    times: Times,
    may_be_retried: bool,
    /// Whether the ticket is given up when the stream ends.
    to_be_given_up: bool,
    ends: Ends,
    /// Goes with the ticket, should it be given up.
    place: Option<conclave_door::Place>,
}

/// What the caller was told last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Nothing,
    Ahead(u64),
    Granted,
    Lost,
}

impl LockStreams {
    /// Asks for a lock by the deadline; then waits for it until `end`, if there is one.
    pub(crate) async fn acquire(
        &self,
        asked: Asked,
        deadline: Instant,
        end: Option<Instant>,
    ) -> Result<AcquireStream, Refusal> {
        let place = self.acquires.take()?;
        let ends = self.ends();
        let began = Instant::now();
        let (Acquired { ticket, standing }, place) = ask(&self.node, &asked.acquire, place, deadline).await?;
        let ticket = Ticket::of(&asked.acquire, ticket);
        let wait_over = |wait_ms| began.checked_add(Duration::from_millis(wait_ms));
        let acquiring = Acquiring {
            node: self.node.clone(),
            attended: self.node.attend(ticket.name.clone(), ticket.session, ticket.number),
            ticket,
            state: state_of(standing),
            told: Told::Nothing,
            times: Times {
                wait: asked.wait_ms.and_then(|wait_ms| Some((wait_over(wait_ms)?, wait_ms))),
                end,
                heartbeat_due: began + HEARTBEAT_INTERVAL,
            },
            may_be_retried: asked.may_be_retried,
            to_be_given_up: true,
            ends,
            place: Some(place),
        };
        Ok(Box::pin(acquiring.into_stream()))
    }
}

impl Acquiring {
    /// The messages, up to the loss or a failure, which is the last of them.
    fn into_stream(self) -> impl Stream<Item = Result<wire::AcquireResponse, Status>> {
        stream::unfold(Some(self), |open| async {
            let mut acquiring = open?;
            match acquiring.next().await {
                Ok(event) => {
                    let open = (acquiring.told != Told::Lost).then_some(acquiring);
                    Some((Ok(wire::AcquireResponse { event }), open))
                }
                Err(refusal) => Some((Err(refusal.into()), None)),
            }
        })
    }

    /// The next message; without an event it is a heartbeat.
    async fn next(&mut self) -> Result<Option<Event>, Refusal> {
        loop {
            self.ends.check().map_err(|error| self.ended_here(error))?;
            let told = match self.news() {
                Some(event) => Some(Some(event)),
                None if self.state.place == Place::Gone => Some(Some(self.lost().await?)),
                None => self.wait().await?,
            };
            if let Some(event) = told {
                self.times.heartbeat_due = Instant::now() + HEARTBEAT_INTERVAL;
                return Ok(event);
            }
        }
    }

    /// What the caller does not know yet. With the grant, the ticket is the caller's.
    fn news(&mut self) -> Option<Event> {
        if let Some(granted) = self.state.granted {
            if self.told == Told::Granted {
                return None;
            }
            self.told = Told::Granted;
            self.to_be_given_up = false;
            return Some(Event::Granted(lock_wire::grant(granted, self.ticket.number)));
        }
        match self.state.place {
            Place::Waiting { ahead } if self.told != Told::Ahead(ahead) => {
                self.told = Told::Ahead(ahead);
                Some(Event::Waiting(wire::Waiting { ahead, ticket: self.ticket.number.get() }))
            }
            _ => None,
        }
    }

    /// Waits until there is something to tell; some heartbeat, if nothing comes.
    async fn wait(&mut self) -> Result<Option<Option<Event>>, Refusal> {
        let Times { wait, end, heartbeat_due } = self.times;
        let wait = wait.filter(|_| self.state.granted.is_none());
        tokio::select! {
            biased;
            error = self.ends.come() => Err(self.ended_here(error)),
            changed = self.attended.changed() => match changed {
                Ok(seen) => {
                    self.state = known(self.state, seen);
                    Ok(None)
                }
                Err(error) => Err(self.ended_here(error)),
            },
            () = at(wait.map(|(over, _)| over)) => Err(self.wait_over()),
            () = at(end) => Err(RequestError::DeadlineExceeded.into()),
            () = sleep_until(heartbeat_due) => Ok(Some(None)),
        }
    }

    /// The node ends the stream. The caller may find its ticket again, if it has an id for that.
    fn ended_here(&mut self, error: RequestError) -> Refusal {
        self.to_be_given_up &= !self.may_be_retried;
        error.into()
    }

    fn wait_over(&self) -> Refusal {
        let wait_ms = self.times.wait.map_or(0, |(_, wait_ms)| wait_ms);
        Refusal::LockWaitOver { name: self.ticket.name.to_string(), wait_ms }
    }

    /// The ticket is gone: why, if it was granted; else a refusal.
    async fn lost(&mut self) -> Result<Event, Refusal> {
        self.to_be_given_up = false;
        let Ticket { name, session, mode, .. } = self.ticket.clone();
        let TicketState { granted, ended, .. } = self.state;
        let passed = Passed { name, session, mode, granted, ended };
        let read = move |view: &dyn ReadMap| Gone::read(view, &passed);
        let gone = self.node.read(Consistency::Local, read_deadline(), read).await?;
        if self.told == Told::Granted {
            self.told = Told::Lost;
            return Ok(Event::Lost(gone.into_lost()));
        }
        Err(match gone {
            Gone::SessionEnded => Rejection::from(LeaseRejection::NotFound { id: session.get() }).into(),
            // The store passes over whoever has waited too long.
            _ if self.times.wait.is_some_and(|(over, _)| over <= Instant::now()) => self.wait_over(),
            _ => {
                let (name, session) = (self.ticket.name.to_string(), session.get());
                Rejection::from(LockRejection::NotHeld { name, session }).into()
            }
        })
    }
}

impl Drop for Acquiring {
    fn drop(&mut self) {
        if let Some(place) = self.place.take().filter(|_| self.to_be_given_up) {
            let unanswered = self.told == Told::Nothing;
            self.node.abandon(Abandon { unanswered, ..self.ticket.given_up() }, place);
        }
    }
}

fn state_of(standing: Standing) -> TicketState {
    match standing {
        Standing::Granted(granted) => TicketState::held(granted),
        Standing::Waiting { ahead } => TicketState::at(Place::Waiting { ahead }),
    }
}

/// What is known of a ticket once this was seen. The node may see it as it was before, for it follows the store:
/// nobody comes before it later on, and what is granted does not wait again.
fn known(known: TicketState, seen: TicketState) -> TicketState {
    let place = match (known.place, seen.place) {
        (Place::Gone, _) | (_, Place::Unknown) | (Place::Held, Place::Waiting { .. }) => known.place,
        (Place::Waiting { ahead }, Place::Waiting { ahead: seen }) => {
            Place::Waiting { ahead: ahead.min(seen) }
        }
        (_, seen) => seen,
    };
    TicketState { granted: known.granted.or(seen.granted), place, ended: known.ended.or(seen.ended) }
}

/// Waits for a moment; for ever, if there is none.
async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use conclave_core::FencingToken;
    use conclave_core::lock::Granted;
    use conclave_mvcc::Revision;

    use super::*;

    fn waiting(ahead: u64) -> TicketState {
        TicketState::at(Place::Waiting { ahead })
    }

    fn held() -> TicketState {
        let granted = Granted { token: FencingToken::new(7), since_ms: 1 };
        TicketState::held(granted)
    }

    #[test]
    fn a_node_that_lags_behind_the_answer_takes_nothing_back() {
        let unknown = TicketState::at(Place::Unknown);
        assert_eq!(known(waiting(3), unknown), waiting(3));
        assert_eq!(known(waiting(3), waiting(5)), waiting(3));
        assert_eq!(known(waiting(3), waiting(2)), waiting(2));
        assert_eq!(known(held(), waiting(2)), held());
        assert_eq!(known(waiting(2), held()), held());
    }

    #[test]
    fn what_was_granted_and_is_gone_was_granted() {
        let gone = |granted| TicketState { granted, ..TicketState::at(Place::Gone) };
        assert_eq!(known(held(), gone(None)), gone(held().granted));
        assert_eq!(known(waiting(0), gone(held().granted)), gone(held().granted));
        assert_eq!(known(gone(None), waiting(1)), gone(None));
        let ended = TicketState { ended: Some(Revision::new(9)), ..gone(held().granted) };
        assert_eq!(known(held(), ended), ended);
    }
}
