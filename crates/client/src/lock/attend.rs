//! The task that attends one ticket: it asks, waits, hears of the grant and of the loss, and releases in the end.
//!
//! When its stream is lost it asks again under the same request id, at another node: that finds the ticket. If the
//! lock was lost meanwhile, that may be a new ticket, whose token differs: then the lock counts as lost, and what was
//! granted anew is given back.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use conclave_proto::lock::v1::acquire_response::Event;
use conclave_proto::lock::v1::{AcquireResponse, Grant};
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

use super::asking::Asking;
use super::follow::{Follow, Told};
use super::lease::Lease;
use super::lost::{LockLost, SessionLost, SessionLostCause};
use super::ticket::Phase;
use super::withdraw::{Leftover, withdraw};
use crate::client::Client;
use crate::error::{ClientError, reason};

/// The task and what it knows.
pub(super) struct Attendance {
    client: Client,
    lease: Arc<Lease>,
    asking: Asking,
    phase: watch::Sender<Phase>,
    stream: Follow<AcquireResponse>,
    /// What the session may have of this lock by this ticket.
    leftover: Leftover,
}

impl Attendance {
    pub(super) fn new(
        client: Client,
        lease: Arc<Lease>,
        asking: Asking,
        phase: watch::Sender<Phase>,
    ) -> Self {
        let stream = Follow::new(client.clone());
        Self { client, lease, asking, phase, stream, leftover: Leftover::Nothing }
    }

    /// Attends the ticket until it is settled and not wanted any more, or the session lost; then gives back what is
    /// left of it.
    pub(super) async fn run(
        mut self,
        mut unwanted: oneshot::Receiver<Infallible>,
        released: oneshot::Sender<Result<(), ClientError>>,
    ) {
        let lease = Arc::clone(&self.lease);
        let is_kept = tokio::select! {
            biased;
            lost = lease.lost() => self.session_lost(lost),
            _ = &mut unwanted => false,
            () = self.follow() => !matches!(*self.phase.borrow(), Phase::Refused(_)),
        };
        if is_kept {
            // The lock is lost, and whoever had it may not have seen that yet.
            tokio::select! {
                biased;
                _ = lease.lost() => {}
                _ = unwanted => {}
            }
        }
        let Self { client, lease, asking, stream, leftover, .. } = self;
        // The end of the call takes a waiter out of the queue already.
        drop(stream);
        withdraw(&client, &lease, &asking, leftover, released).await;
    }

    /// Follows the ticket until it is settled.
    async fn follow(&mut self) {
        self.leftover = Leftover::Unknown;
        loop {
            let is_settled = match self.next().await {
                Ok(Told::Message(message)) => self.told(message),
                Ok(Told::Interrupted(_)) => false,
                Err(error) => {
                    self.failed(error);
                    true
                }
            };
            if is_settled {
                return;
            }
        }
    }

    async fn next(&mut self) -> Result<Told<AcquireResponse>, ClientError> {
        let held = self.held().is_some();
        let timeout = self.client.options.timeout();
        let until = self.asking.until().filter(|_| !held).and_then(|until| until.checked_add(timeout));
        let (client, asking) = (&self.client, &self.asking);
        let next = self.stream.next(|channel| asking.open(client, channel, held));
        within_wait(until, timeout, next).await
    }

    /// Takes what the node told; whether the ticket is settled by it.
    fn told(&mut self, message: AcquireResponse) -> bool {
        match (message.event, self.held()) {
            (None, _) => false,
            (Some(Event::Waiting(place)), None) => {
                self.leftover = Leftover::Ticket(place.ticket);
                self.phase.send_replace(Phase::Waiting(place.ahead));
                false
            }
            (Some(Event::Granted(grant)), None) => {
                self.leftover = Leftover::Grant(grant.token);
                self.phase.send_replace(Phase::Held(grant));
                false
            }
            (Some(Event::Granted(grant)), Some(held)) if grant.token == held.token => false,
            (Some(Event::Granted(grant)), Some(_)) => {
                self.leftover = Leftover::Grant(grant.token);
                self.lost(LockLost::Gone)
            }
            (Some(Event::Waiting(place)), Some(_)) => {
                self.leftover = Leftover::Ticket(place.ticket);
                self.lost(LockLost::Gone)
            }
            (Some(Event::Lost(lost)), _) => {
                self.leftover = Leftover::Nothing;
                match LockLost::told(lost) {
                    Some(lost) => self.lost(lost),
                    None => self.session_ended(),
                }
            }
        }
    }

    /// Asking failed for good. Of a lock that was held this says that its ticket is no more, or that it cannot be
    /// known.
    fn failed(&mut self, error: ClientError) {
        if error.reason() == reason::SESSION_NOT_FOUND {
            self.session_ended();
        } else if self.held().is_some() {
            self.lost(LockLost::Gone);
        } else {
            if error.is_refusal() {
                self.leftover = Leftover::Nothing;
            }
            self.phase.send_replace(Phase::Refused(error));
        }
    }

    fn session_ended(&mut self) -> bool {
        self.lease.end(SessionLostCause::Expired);
        if let Some(lost) = self.lease.lost_by_now() {
            self.session_lost(lost);
        }
        true
    }

    /// The session is lost, and all that hangs on it: nothing is left to attend.
    fn session_lost(&mut self, lost: SessionLost) -> bool {
        match self.held() {
            Some(_) => self.lost(LockLost::Session(lost)),
            None => {
                self.phase.send_replace(Phase::Refused(lost.error()));
                true
            }
        };
        false
    }

    fn lost(&mut self, lost: LockLost) -> bool {
        match &lost {
            LockLost::Session(SessionLost { cause: SessionLostCause::Closed, .. }) => {}
            lost => tracing::warn!(lock = self.asking.name, cause = %lost, "lock lost"),
        }
        self.phase.send_replace(match self.held() {
            Some(_) => Phase::Lost(lost),
            None => Phase::Refused(lost.refusal()),
        });
        true
    }

    fn held(&self) -> Option<Grant> {
        match &*self.phase.borrow() {
            Phase::Held(grant) => Some(*grant),
            _ => None,
        }
    }
}

/// Waits no longer than a node may take after the wait is over.
async fn within_wait<T>(
    until: Option<Instant>,
    timeout: Duration,
    next: impl Future<Output = Result<T, ClientError>>,
) -> Result<T, ClientError> {
    match until {
        None => next.await,
        Some(until) => match tokio::time::timeout_at(until, next).await {
            Ok(told) => told,
            Err(_) => Err(ClientError::no_answer(timeout)),
        },
    }
}
