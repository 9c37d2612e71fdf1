//! What the calls of all services have in common.

use std::time::Duration;

use conclave_door::{Ends, Limits, Refusal, deadline_of};
use conclave_node::NodeHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

/// What every call returns.
pub(crate) type Answer<T> = Result<Response<T>, Status>;

/// The moment by which a call must be answered.
pub(crate) fn deadline<T>(request: &Request<T>) -> Result<Instant, Refusal> {
    Ok(deadline_of(request.metadata())?)
}

/// What ends a stream from this side.
pub(crate) fn ends(node: &NodeHandle, limits: &Limits, stop: &CancellationToken) -> Ends {
    Ends::new(node.readiness(), Duration::from_millis(limits.watch_leaderless_ms_max), stop)
}
