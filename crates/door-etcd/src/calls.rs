//! What the calls of all services have in common.

use conclave_core::RequestId;
use conclave_door::deadline_of;
use conclave_node::RequestError;
use tokio::time::Instant;
use tonic::{Request, Response, Status};

use crate::refusal::Refusal;

/// What every call returns.
pub(crate) type Answer<T> = Result<Response<T>, Status>;

/// The moment by which a call must be answered.
pub(crate) fn deadline<T>(request: &Request<T>) -> Result<Instant, Refusal> {
    deadline_of(request.metadata()).map_err(|_| Refusal::Deadline)
}

/// An id for one request, through all attempts that this node makes.
pub(crate) fn made_request_id() -> RequestId {
    let id = RequestId::parse(&format!("etcd-{:032x}", rand::random::<u128>()));
    id.expect("it is short and printable")
}

/// The state machine answered something else than was asked.
pub(crate) fn other_answer() -> Refusal {
    RequestError::NodeFailed { cause: "another command was answered".to_owned() }.into()
}
