//! Whether what clients saw can be what one store, step by step, would have told them.
//!
//! A test has its clients' calls noted by a [`Recorder`], under a simulation's clock or the system's. The [`History`]
//! is then checked:
//!
//! | check | what it promises |
//! |---|---|
//! | [`check()`] with a [`Model`] | the operations on each key are linearizable: some order that keeps real time explains all answers |
//!
//! An operation of which nobody knows whether it was done is [`End::Unknown`]: it may take effect at any later time, or
//! never. One that was surely not done is [`End::NotDone`]: nobody may see anything of it. Whoever records must tell
//! them apart with care: a timeout is never "not done".
//!
//! Nothing here reads a clock or draws a number but [`monotonic_clock`], and a check gives the same answer each time. A
//! search that comes to its [`Limits`] is [`Failure::Undecided`], which is no pass.

mod check;
mod done;
mod history;
mod model;
mod part;
mod recorder;
mod search;
mod seen;
mod shrink;
mod violation;

pub use check::{Checked, Failure, check};
pub use history::{End, History, Operation};
pub use model::Model;
pub use recorder::{Pending, Recorder, monotonic_clock};
pub use search::Limits;
pub use violation::{Told, Undecided, Unplaced, Violation};
