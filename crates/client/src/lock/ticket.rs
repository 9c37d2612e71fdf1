//! A ticket: a lock that was asked for, is waited for, or is held; and the task that attends it.

use std::convert::Infallible;
use std::sync::Arc;

use conclave_proto::lock::v1::Grant;
use tokio::sync::{oneshot, watch};
use tokio_util::task::TaskTracker;
use tonic::Code;

use super::asking::Asking;
use super::attend::Attendance;
use super::lease::Lease;
use super::lost::LockLost;
use crate::client::Client;
use crate::error::{ClientError, reason};

/// What has become of a ticket.
#[derive(Debug, Clone)]
pub(super) enum Phase {
    /// No node has told anything.
    Asked,
    /// So many come before.
    Waiting(u64),
    /// It is held.
    Held(Grant),
    /// It was held, and is no more.
    Lost(LockLost),
    /// It could not be had.
    Refused(ClientError),
}

/// A ticket. Dropping it gives up the lock, or the place in the queue, in the background.
#[derive(Debug)]
pub(super) struct Ticket {
    lease: Arc<Lease>,
    phases: watch::Receiver<Phase>,
    /// Dropping it tells the task to release the lock.
    wanted: Option<oneshot::Sender<Infallible>>,
    /// What came of the release.
    released: oneshot::Receiver<Result<(), ClientError>>,
}

impl Ticket {
    /// Asks for a lock. The task ends with the ticket, once the lock is released or the session lost.
    pub(super) fn ask(tasks: &TaskTracker, client: Client, lease: Arc<Lease>, asking: Asking) -> Self {
        let (phase, phases) = watch::channel(Phase::Asked);
        let (wanted, unwanted) = oneshot::channel();
        let (done, released) = oneshot::channel();
        let attendance = Attendance::new(client, Arc::clone(&lease), asking.begin(), phase);
        tasks.spawn(attendance.run(unwanted, done));
        Self { lease, phases, wanted: Some(wanted), released }
    }

    /// Waits for the grant; tells each place in the queue meanwhile.
    ///
    /// # Errors
    /// If the lock cannot be had.
    pub(super) async fn granted(&mut self, mut on_waiting: impl FnMut(u64)) -> Result<Grant, ClientError> {
        loop {
            let phase = self.phases.borrow_and_update().clone();
            match phase {
                Phase::Asked => {}
                Phase::Waiting(ahead) => on_waiting(ahead),
                Phase::Held(grant) => return Ok(grant),
                Phase::Refused(error) => return Err(error),
                Phase::Lost(lost) => return Err(lost.refusal()),
            }
            self.phases.changed().await.map_err(|_| stopped())?;
        }
    }

    /// Whether it is held, as far as can be known at this moment.
    pub(super) fn is_held(&self) -> bool {
        self.lease.lost_by_now().is_none() && matches!(*self.phases.borrow(), Phase::Held(_))
    }

    /// Waits until it is held no more.
    pub(super) async fn lost(&self) -> LockLost {
        tokio::select! {
            biased;
            lost = self.lease.lost() => LockLost::Session(lost),
            lost = self.told_lost() => lost,
        }
    }

    async fn told_lost(&self) -> LockLost {
        let mut phases = self.phases.clone();
        let lost = phases.wait_for(|phase| !matches!(phase, Phase::Held(_))).await;
        match lost.as_deref() {
            Ok(Phase::Lost(lost)) => lost.clone(),
            Ok(_) | Err(_) => LockLost::Gone,
        }
    }

    /// Gives the lock up, and waits until that is known. If no node answers in time it goes on in the background, as
    /// long as the session lives.
    pub(super) async fn release(mut self) -> Result<(), ClientError> {
        self.wanted = None;
        (&mut self.released).await.unwrap_or_else(|_| Err(stopped()))
    }
}

fn stopped() -> ClientError {
    ClientError::local(Code::Cancelled, reason::SESSION_LOST, "the runtime stopped meanwhile")
}
