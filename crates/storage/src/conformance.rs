//! What every [`Disk`] does alike: each is put to the same questions, and the first wrong answer panics.
//!
//! These are what a node relies on while nothing goes wrong: what a crash may leave is another matter, and told where
//! [`Disk`] is.

mod files;
mod log;
mod state;
mod stores;

use std::path::Path;

use crate::Disk;

pub use stores::stores;

/// One question: a disk, and a folder of it that is there and empty.
pub type Case = fn(&dyn Disk, &Path);

/// All of them, with what each asks. Beside them there is [`stores()`].
pub const CASES: [(&str, Case); 16] = [
    ("a file holds what is written to it", files::content),
    ("a file that is opened is as it was left", files::opened_again),
    ("names lead to what they were given to", files::names),
    ("a folder goes with all that is in it", files::folders),
    ("an open file outlives its name", files::open_files),
    ("what is missing is told", files::missing),
    ("a lock has one holder", files::locks),
    ("there is room", files::room),
    ("a log gives what was written to it", log::rows),
    ("a log is read in part", log::parts),
    ("a log that was closed is as it was", log::opened_again),
    ("a log is neither made twice nor out of nothing", log::refused),
    ("a view does not change", state::views),
    ("versions of a key are found wherever they are", state::versions),
    ("a state that was closed is as of its last flush, or later", state::opened_again),
    ("a copy of a checkpoint is a state", state::checkpoints),
];
