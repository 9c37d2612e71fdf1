//! RocksDB as the databases of [`crate::OsDisk`]: the only code that uses it.

mod engine;
mod log;
mod state;
mod view;

pub(crate) use engine::Engine;
pub(crate) use log::RocksLog;
pub(crate) use state::{RocksCopy, RocksState};
