//! Leases, in time: the state knows which there are, the leader's clock when they end.
//!
//! `keeper.rs` keeps the clock (`clock.rs`) on the leader and has leases ended; `renewals.rs` takes renewals from any
//! node to the leader, many at once; `at_leader.rs` answers them there.

mod at_leader;
mod clock;
mod keeper;
mod renewals;

pub(crate) use at_leader::keep;
pub(crate) use keeper::{Kept, keep_leases};
pub(crate) use renewals::{Asked, WAITING_MAX, take_renewals};
