//! What the nodes' data lies on: disks of the testkit's own, which can lose what was not synced, where they can be had.

use std::collections::BTreeMap;
use std::io;

use anyhow::Context as _;
use conclave_testkit::{Cluster, Kept, PowerDisk};
use tempfile::TempDir;

/// A disk for each node.
pub(crate) struct Disks {
    of: BTreeMap<u64, PowerDisk>,
    folder: TempDir,
}

impl Disks {
    /// None of them yet; it is tried whether they can be had.
    pub(crate) fn try_new() -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("conclave-disks-").tempdir()?;
        drop(PowerDisk::mount(&folder.path().join("trial"))?);
        Ok(Self { of: BTreeMap::new(), folder })
    }

    /// Puts a node's data on a disk of its own, from its next start on.
    pub(crate) fn add(&mut self, cluster: &mut Cluster, id: u64) -> anyhow::Result<()> {
        let disk =
            PowerDisk::mount(&self.folder.path().join(format!("node{id}"))).context("a disk is mounted")?;
        cluster.node(id).set("data_dir", disk.path().join("data").display());
        self.of.insert(id, disk);
        Ok(())
    }

    pub(crate) fn remove(&mut self, id: u64) {
        self.of.remove(&id);
    }

    /// A node's disk loses its power. The node does not run.
    pub(crate) fn lose_power(&mut self, id: u64, kept: Kept) -> io::Result<()> {
        self.of.get_mut(&id).map_or(Ok(()), |disk| disk.lose_power(kept))
    }

    /// A node's disk has room for so many bytes more.
    pub(crate) fn leave_room(&self, id: u64, room_bytes: u64) {
        if let Some(disk) = self.of.get(&id) {
            disk.set_room(Some(disk.used_bytes() + room_bytes));
        }
    }

    /// All disks have room.
    pub(crate) fn give_room(&self) {
        self.of.values().for_each(|disk| disk.set_room(None));
    }
}
