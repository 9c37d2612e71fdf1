//! Sessions, locks and elections: the messages of `conclave.lock.v1`, for the calls that take and return them. What
//! workers use is at the root of the crate: [`Session`](crate::Session), [`LockGuard`](crate::LockGuard),
//! [`Election`](crate::Election).
//!
//! A session renews itself in a task (`keeper`) and knows by the worker's own clock until when it surely lives
//! (`lease`). Each lock that is asked for has a task that attends its ticket (`ticket`): it waits, holds, hears of the
//! loss, and releases. Streams that must go on at another node when theirs is lost are all followed alike (`follow`).

pub use conclave_proto::lock::v1::*;

mod asking;
mod attend;
mod calls;
pub(crate) mod clock;
pub(crate) mod election;
pub(crate) mod fence;
mod follow;
pub(crate) mod guard;
mod keeper;
mod lease;
mod line;
pub(crate) mod lost;
pub(crate) mod observe;
pub(crate) mod request;
pub(crate) mod session;
mod session_calls;
mod ticket;
pub(crate) mod watch;
mod withdraw;

#[cfg(test)]
mod tests;
