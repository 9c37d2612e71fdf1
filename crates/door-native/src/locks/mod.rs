//! The calls about locks that last: asking for one, and following what happens to them.
//!
//! | file | what |
//! |---|---|
//! | `ask.rs` | asking for a lock: given up if nobody is left to be told |
//! | `acquire.rs` | the stream of one who asked: the place in the queue, the grant, the loss |
//! | `gone.rs` | why a ticket is there no more |
//! | `watch.rs` | the stream of what happens to locks |
//! | `state.rs` | what such a stream begins with, part by part |
//! | `changes.rs` | a revision of the store as what happened to locks |
//! | `observe.rs` | the stream of who leads |
//!
//! A stream has no task and no queue: it is pulled by its client, as in `watch/`. A ticket is attended by its stream:
//! one that is dropped before the grant was handed out has the node give the ticket up.

mod acquire;
mod ask;
mod changes;
mod gone;
mod observe;
mod state;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use conclave_door::{Ends, Limits, Places};
use conclave_node::NodeHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::calls::ends;

pub(crate) use acquire::AcquireStream;
pub(crate) use observe::ObserveStream;
pub(crate) use watch::{LocksQuery, LocksStream};

/// How long a read of what a stream tells next may wait for its turn.
const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a stream that has nothing to tell says that it is alive.
const HEARTBEAT_INTERVAL: Duration = Duration::from_millis(Limits::HEARTBEAT_INTERVAL_MS_DEFAULT as u64);

/// What the streams about locks are made with. Clones share their places.
#[derive(Clone)]
pub(crate) struct LockStreams {
    node: NodeHandle,
    limits: Arc<Limits>,
    /// For those who wait for locks.
    acquires: Places,
    /// For those who would have one at once.
    attempts: Places,
    /// For those who only look.
    watches: Places,
    stop: CancellationToken,
}

impl LockStreams {
    pub(crate) fn new(
        node: NodeHandle,
        limits: Arc<Limits>,
        watches: Places,
        stop: CancellationToken,
    ) -> Self {
        let acquires = Places::new("calls that wait for locks", limits.acquire_streams_max);
        let attempts = Places::new("calls for locks", Limits::LOCK_ATTEMPTS_MAX);
        Self { node, limits, acquires, attempts, watches, stop }
    }

    fn ends(&self) -> Ends {
        ends(&self.node, &self.limits, &self.stop)
    }
}

fn read_deadline() -> Instant {
    Instant::now() + READ_TIMEOUT
}
