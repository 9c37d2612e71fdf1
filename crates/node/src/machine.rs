//! What a node stands on: the parts of the machine that it is given, so that a simulation can be one.
//!
//! Monotonic time is tokio's, everywhere: whoever steps the runtime steps it.

use std::fmt;
use std::sync::Arc;

use conclave_raft::{Network, TcpNetwork};
use conclave_storage::{Disk, OsDisk, OsThreads, Threads};

use crate::clock::{Clock, SystemClock};

/// What a node stands on.
#[derive(Clone)]
pub struct Machine {
    /// What its data lies on. One for each node: what it keeps in memory is shared by the node's stores.
    pub disk: Arc<dyn Disk>,
    /// Where its work runs that blocks.
    pub threads: Arc<dyn Threads>,
    /// How the other nodes are reached, and reach this one.
    pub network: Arc<dyn Network>,
    /// Tells the time of day.
    pub clock: Arc<dyn Clock>,
}

impl Machine {
    /// The machine that this process runs on.
    pub fn real() -> Self {
        Self {
            disk: Arc::new(OsDisk::new()),
            threads: Arc::new(OsThreads),
            network: Arc::new(TcpNetwork),
            clock: Arc::new(SystemClock),
        }
    }
}

impl fmt::Debug for Machine {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Machine").finish_non_exhaustive()
    }
}
