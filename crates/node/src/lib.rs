//! The replicated store as a Rust API: propose, read, watch, status; the owner of every task.

mod clock;

pub use clock::{Clock, SystemClock};
