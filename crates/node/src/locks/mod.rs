//! Calls for locks: who waits is told of the grant (`attend.rs`), who has gone away waits no longer (`abandon.rs`).
//!
//! What a lock is, and who comes next, is decided in `conclave-core`.

mod abandon;
mod attend;
#[cfg(test)]
mod calls_tests;
#[cfg(test)]
pub(crate) mod tests;

pub use attend::{Attended, Place, TicketState};

pub(crate) use abandon::{Abandoned, give_up};
pub(crate) use attend::{Attending, tell_tickets};
