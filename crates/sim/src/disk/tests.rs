//! The disk of the simulation.

mod crashes;
mod faults;
mod names;
mod stores;

use std::path::Path;

use conclave_storage::{Disk, LogBatch, LogChange};

use super::host_disk::HostDisk;
use super::sim_disk::SimDisk;
use crate::dice::Dice;

fn disk(seed: u64) -> (SimDisk, HostDisk) {
    let disk = SimDisk::new(Dice::new(seed));
    let of_host = disk.start();
    (disk, of_host)
}

fn write(disk: &HostDisk, path: &str, bytes: &[u8]) {
    let file = disk.create(Path::new(path)).unwrap();
    file.write_all_at(bytes, 0).unwrap();
    file.sync().unwrap();
}

fn put(key: &str, value: &str) -> LogBatch {
    LogBatch { changes: vec![LogChange::Put { key: key.into(), value: value.into() }] }
}
