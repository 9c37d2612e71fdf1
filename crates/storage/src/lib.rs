//! The log store, the state store and checkpoints, over a disk and threads that are passed in.
//!
//! This crate keeps bytes and does not know what they mean: no consensus, no wire format.
//!
//! - [`Disk`] and [`Threads`]: what all of it stands on. [`OsDisk`], with RocksDB, and [`OsThreads`] are the machine's.
//! - [`DataDir`]: one directory of one node. It is locked, and knows whose it is.
//! - [`LogStore`]: the log, written with fsync by one thread that takes all that waits as one batch.
//!   Corruption is not absence: what was acknowledged and cannot be read is an error, never a gap.
//! - [`StateStore`]: the applied state, written without a log of its own and flushed at times; after a
//!   crash it is as of the last flush, together with the mark that tells how far it goes.
//! - [`Checkpoint`] and [`Staging`]: the state as files that another node can take over.
//!
//! Every [`StorageError`] is fatal to the store that gave it: nothing is retried here.

mod brief;
mod checkpoint;
mod checksum;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod current;
mod data_dir;
mod database;
mod disk;
mod durable;
mod durable_mark;
mod error;
mod files;
#[cfg(test)]
mod fuzz;
mod generation;
mod hot_tail;
mod identity;
mod log_bounds;
mod log_open;
mod log_pace;
mod log_queue;
mod log_read;
mod log_rows;
mod log_sizes;
mod log_store;
mod log_writer;
mod member_note;
mod os_disk;
mod os_threads;
mod peers_note;
mod rocks;
mod space;
mod staging;
mod staging_slot;
mod state_store;
mod threads;

pub use brief::Reach;
pub use checkpoint::{Checkpoint, CheckpointFile};
pub use data_dir::{Claim, DataDir};
pub use database::{LogBatch, LogChange, LogDb, RESERVED_FROM, ScanPurpose, StateDb, StateRead};
pub use disk::{Disk, DiskFile, FileReader, Held};
pub use durable::Durable;
pub use error::StorageError;
pub use identity::Identity;
pub use log_pace::{FsyncQuantiles, LogPace};
pub use log_queue::LogGroup;
pub use log_store::{Appended, LogStore};
pub use log_writer::{LogWriter, Outcome};
pub use member_note::MemberNote;
pub use os_disk::OsDisk;
pub use os_threads::OsThreads;
pub use peers_note::PeersNote;
pub use space::Space;
pub use staging::{StagedFile, Staging};
pub use state_store::StateStore;
pub use threads::{AwaitWriter, Threads, Work, WorkKind, run};
