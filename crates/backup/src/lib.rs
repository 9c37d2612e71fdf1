//! Backups as files and objects: how they are written, read, checked and listed.
//!
//! A backup is the state of one node at one revision, as its files, and a [`Manifest`] that names them with
//! their sizes and checksums. It lies in one of two places ([`Place`]):
//!
//! - An **archive** is one file: the manifest, then every file compressed, then a checksum over it all.
//!   It is written under another name, synced, and renamed: it is there as a whole or not at all. One that comes over
//!   a wire is a [`StoredArchive`], and has a SHA-256 behind it if it came over that of etcd.
//! - A **repository** is a directory or a bucket that backups share. A file is an object that is named by its
//!   content, `objects/<checksum>-<size>.zst`, and lies there once; a backup is `backups/<id>.json`, written
//!   last. So a further backup adds only what has changed, and one that was cut off is not listed. It is pruned
//!   by whole backups, and then of the files that none needs any more.
//!
//! What is read is verified: every size, every checksum. Damage is told with the file that it is in.
//!
//! Absent on purpose: how a backup is taken from a node, what its files mean, and how a node is made of it.

mod archive_read;
mod archive_write;
mod compress;
mod error;
#[cfg(test)]
mod fuzz;
mod manifest;
mod object_write;
mod open;
mod place;
mod prune;
mod repository;
mod sink;
mod store;
mod stored_archive;
mod verify_many;
mod writer;

pub use error::BackupError;
pub use manifest::{FILES_MAX, Manifest, ManifestFile};
pub use open::{OpenBackup, Wanted, Which};
pub use place::Place;
pub use prune::{Pruned, Pruning, SPARED};
pub use repository::{Listing, Repository, Unreadable};
pub use sink::{Discard, FileSink};
pub use stored_archive::StoredArchive;
pub use verify_many::Verifier;
pub use writer::{BackupWriter, Destination, Written};
