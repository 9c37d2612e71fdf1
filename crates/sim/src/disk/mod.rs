//! The disk of the simulation: files and databases in memory, which do what [`conclave_storage::Disk`] promises and no
//! more than that; and what stands for threads.
//!
//! A crash leaves, by dice, any of what is allowed there: of a file that was not synced each sector of its own, names as
//! they were at any time since they were durable, a state as of its last flush or some write after it. Whatever the host
//! had opened is dead from then on.
//!
//! | file | what |
//! |---|---|
//! | `sim_disk.rs` | a disk as the world has it: crashes, faults, damage |
//! | `host_disk.rs` | a disk as its host has it: the [`conclave_storage::Disk`] |
//! | `tree.rs`, `names.rs` | folders, and changes of names that are not durable yet |
//! | `content.rs`, `open_file.rs` | what a file holds, and a file that is open |
//! | `log.rs` | the log's database |
//! | `state.rs`, `open_state.rs`, `copy.rs` | the state's database, how it is read, and its checkpoints |
//! | `faults.rs`, `damage.rs` | what can be wrong |
//! | `threads.rs`, `log_drive.rs` | work that blocks, and the writer of the log, as tasks |

mod content;
mod copy;
mod damage;
mod error;
mod faults;
mod host_disk;
mod log;
mod log_drive;
mod names;
mod open_file;
mod open_state;
mod sim_disk;
mod state;
mod threads;
mod tree;

#[cfg(test)]
mod tests;

pub(crate) use damage::Damage;
pub(crate) use faults::Fault;
pub(crate) use sim_disk::{Crash, SimDisk};
pub(crate) use threads::SimThreads;
