//! Why a request got no answer: everything that a door can say instead of one.

use conclave_core::Rejection;
use conclave_mvcc::MapError;
use conclave_node::{MembersRefusal, RequestError};

use crate::{NoPlace, Violations};

/// Why a request got no answer. `status.rs` has the status of each.
#[derive(Debug, Clone)]
pub enum Refusal {
    /// Fields of the request break a rule.
    Violations(Violations),
    /// The page token is not one that this request got.
    PageTokenInvalid,
    /// The store's own answer, the same on all nodes.
    Rejection(Rejection),
    /// A change of the members that may not be made.
    Members(MembersRefusal),
    /// This node could not answer, this time.
    Request(RequestError),
    /// This node serves as many streams of a kind as it may.
    Streams {
        /// Which kind, in the plural.
        what: &'static str,
        /// Most that it serves at once.
        streams_max: usize,
    },
    /// A lock could not be had within the time that whoever asked would wait.
    LockWaitOver {
        /// Name of the lock.
        name: String,
        /// How long was waited, in milliseconds.
        wait_ms: u64,
    },
    /// A health check of a service that this node does not have.
    UnknownService {
        /// The name that was asked for.
        service: String,
    },
}

impl From<Violations> for Refusal {
    fn from(violations: Violations) -> Self {
        Self::Violations(violations)
    }
}

impl From<Rejection> for Refusal {
    fn from(rejection: Rejection) -> Self {
        Self::Rejection(rejection)
    }
}

impl From<MembersRefusal> for Refusal {
    fn from(refusal: MembersRefusal) -> Self {
        Self::Members(refusal)
    }
}

impl From<RequestError> for Refusal {
    fn from(error: RequestError) -> Self {
        Self::Request(error)
    }
}

impl From<NoPlace> for Refusal {
    fn from(NoPlace { what, streams_max }: NoPlace) -> Self {
        Self::Streams { what, streams_max }
    }
}

impl From<MapError> for Refusal {
    fn from(error: MapError) -> Self {
        Self::Request(error.into())
    }
}
