//! A read: how fresh it must be, and where it runs.
//!
//! A linearizable read asks the leader for the read index (one confirmation of leadership serves all reads
//! that wait for it), waits until this node has applied that far, and reads the local store: it sees every
//! write that was acknowledged before it began, by any node. A local read sees what this node has applied.

use std::sync::Arc;

use conclave_core::{Answer, Command};
use conclave_mvcc::{MapError, ReadMap};
use conclave_raft::ReadIndexError;
use tokio::time::Instant;

use crate::blocking::read_state;
use crate::handle::{NodeHandle, Shared};
use crate::propose::with_margin;
use crate::request_error::RequestError;

/// How fresh a read must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consistency {
    /// It sees every write that was acknowledged before it began.
    Linearizable,
    /// It sees what this node has applied, which may be old.
    Local,
}

impl NodeHandle {
    /// Runs `read` over a view of the store that does not change meanwhile.
    ///
    /// # Errors
    /// See [`RequestError`]. A row that cannot be read is [`RequestError::NodeFailed`].
    pub async fn read<T, F>(
        &self,
        consistency: Consistency,
        deadline: Instant,
        read: F,
    ) -> Result<T, RequestError>
    where
        F: Fn(&dyn ReadMap) -> Result<T, MapError> + Send + 'static,
        T: Send + 'static,
    {
        let shared = &self.shared;
        match consistency {
            Consistency::Linearizable => become_fresh(shared, with_margin(deadline)).await?,
            Consistency::Local => shared.require_sound()?,
        }
        run(shared, deadline, read).await
    }

    /// What a command would be answered, without having it applied: over all that was acknowledged before.
    pub async fn preview(&self, command: Command, deadline: Instant) -> Result<Answer, RequestError> {
        let time_ms = self.shared.clock.now_ms();
        let preview =
            move |view: &dyn ReadMap| conclave_core::preview(view, &command, time_ms).map_err(MapError::new);
        self.read(Consistency::Linearizable, deadline, preview).await
    }
}

/// Waits until this node has applied all that was acknowledged anywhere before now.
pub(crate) async fn become_fresh(shared: &Shared, deadline: Instant) -> Result<(), RequestError> {
    shared.require_sound()?;
    let began = Instant::now();
    let index = shared.consensus.read_index(deadline).await.map_err(refused)?;
    let applied = shared.consensus.wait_applied(index, deadline).await;
    shared.metrics.became_fresh(began.elapsed());
    applied.map_err(|_| RequestError::DeadlineExceeded)
}

/// Runs a read: at once, if all that it needs is in memory and not much; else on a thread that may block.
async fn run<T, F>(shared: &Shared, deadline: Instant, read: F) -> Result<T, RequestError>
where
    F: Fn(&dyn ReadMap) -> Result<T, MapError> + Send + 'static,
    T: Send + 'static,
{
    let turn = Arc::clone(&shared.reads).acquire_owned();
    let turn = tokio::time::timeout_at(deadline, turn).await.map_err(|_| RequestError::overloaded())?;
    let turn = turn.map_err(|_| RequestError::shutting_down())?;
    let in_use = shared.reading.token();
    if let Some(outcome) = shared.state.read_briefly(&read) {
        return Ok(outcome?);
    }
    let reading = read_state(shared, move |view| {
        let _held = (turn, in_use);
        read(view)
    });
    let outcome = reading.await.map_err(|error| RequestError::NodeFailed { cause: error.to_string() })?;
    Ok(outcome?)
}

fn refused(error: ReadIndexError) -> RequestError {
    match error {
        ReadIndexError::NoLeader | ReadIndexError::Deadline => RequestError::no_leader(),
        ReadIndexError::ShuttingDown => RequestError::shutting_down(),
        ReadIndexError::Fatal(cause) => RequestError::NodeFailed { cause },
    }
}
