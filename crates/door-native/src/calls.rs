//! What the calls of all services have in common.

use conclave_door::{Refusal, deadline_of};
use tokio::time::Instant;
use tonic::{Request, Response, Status};

/// What every call returns.
pub(crate) type Answer<T> = Result<Response<T>, Status>;

/// The moment by which a call must be answered.
pub(crate) fn deadline<T>(request: &Request<T>) -> Result<Instant, Refusal> {
    Ok(deadline_of(request.metadata())?)
}
