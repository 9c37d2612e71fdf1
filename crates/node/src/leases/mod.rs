//! Leases, in time: the state knows which there are, the leader's clock when they end.
//!
//! `keeper.rs` keeps the clock (`clock.rs`, `kept.rs`) on the leader and has leases ended; `renewals.rs` takes renewals from any
//! node to the leader, many at once; `at_leader.rs` answers them there.

mod at_leader;
mod clock;
mod keeper;
mod kept;
mod renewals;
#[cfg(test)]
mod tests;

pub(crate) use at_leader::keep;
pub(crate) use keeper::keep_leases;
pub(crate) use kept::Kept;
pub(crate) use renewals::{Asked, WAITING_MAX, take_renewals};
