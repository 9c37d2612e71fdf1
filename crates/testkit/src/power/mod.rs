//! A disk that can lose what was not synced, as at a power failure, and that can be full: a file system in memory,
//! mounted by FUSE.
//!
//! What a power failure leaves is what POSIX allows, and no more is kept than that: of a file what was synced, and of
//! what was written since nothing, a part, or all; of a folder the names that were there when it was synced itself.
//! A name is not durable because its file is.
//!
//! | file | what |
//! |---|---|
//! | `tree` | files and folders, what of them is durable, and what a power failure leaves |
//! | `server` | their kernel side: FUSE |

mod server;
mod tree;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fuser::{BackgroundSession, Config, MountOption};

use server::Server;
use tree::Tree;

pub use tree::Kept;

/// A disk of one node. Dropping it takes it away, with all that is on it.
#[derive(Debug)]
pub struct PowerDisk {
    path: PathBuf,
    tree: Arc<Mutex<Tree>>,
    session: Option<BackgroundSession>,
}

impl PowerDisk {
    /// Mounts an empty one. Needs /dev/fuse and the right to mount.
    ///
    /// # Errors
    /// If it cannot be mounted here.
    pub fn mount(path: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(path)?;
        let mut disk = Self { path: path.into(), tree: Arc::new(Mutex::new(Tree::new())), session: None };
        disk.attach()?;
        Ok(disk)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The power fails: of what was not synced, so much is kept. Nobody may have a file of it open.
    ///
    /// # Errors
    /// If it cannot be mounted anew: then it is gone.
    pub fn lose_power(&mut self, kept: Kept) -> io::Result<()> {
        // A new mount: the kernel has cached what is no more.
        self.detach();
        self.tree().lose_power(kept);
        self.attach()
    }

    /// From now on it has room for so many bytes in all; for as many as memory has if none are given.
    pub fn set_room(&self, room_bytes: Option<u64>) {
        self.tree().set_room(room_bytes);
    }

    /// How much is on it.
    pub fn used_bytes(&self) -> u64 {
        self.tree().used_bytes()
    }

    fn tree(&self) -> MutexGuard<'_, Tree> {
        self.tree.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn attach(&mut self) -> io::Result<()> {
        let mut config = Config::default();
        config.mount_options = vec![MountOption::FSName("conclave-test".into()), MountOption::NoAtime];
        let session = fuser::spawn_mount(Server::new(Arc::clone(&self.tree)), &self.path, &config)?;
        self.session = Some(session);
        Ok(())
    }

    fn detach(&mut self) {
        if let Some(session) = self.session.take() {
            // What cannot be unmounted stays: the next mount lies over it.
            let _ = session.umount_and_join();
        }
    }
}

impl Drop for PowerDisk {
    fn drop(&mut self) {
        self.detach();
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::io::{ErrorKind, Write as _};

    use super::*;

    /// None, and a word about it, where FUSE is not to be had.
    fn mounted(folder: &Path) -> Option<PowerDisk> {
        let mounted = PowerDisk::mount(&folder.join("disk"));
        if let Err(error) = &mounted {
            println!("skipped: FUSE is not to be had: {error}");
        }
        mounted.ok()
    }

    fn sync_folder(path: &Path) {
        File::open(path).unwrap().sync_all().unwrap();
    }

    #[test]
    fn the_power_takes_what_was_not_synced() {
        let folder = tempfile::tempdir().unwrap();
        let Some(mut disk) = mounted(folder.path()) else { return };
        let inside = disk.path().join("inside");
        fs::create_dir(&inside).unwrap();
        let mut kept = File::create(inside.join("kept")).unwrap();
        kept.write_all(b"synced").unwrap();
        kept.sync_data().unwrap();
        kept.write_all(b", and not").unwrap();
        sync_folder(&inside);
        sync_folder(disk.path());
        fs::write(inside.join("gone"), b"written").unwrap();
        fs::rename(inside.join("kept"), inside.join("renamed")).unwrap();
        assert_eq!(fs::read(inside.join("renamed")).unwrap(), b"synced, and not");
        drop(kept);
        disk.lose_power(Kept::Nothing).unwrap();
        assert_eq!(fs::read(inside.join("kept")).unwrap(), b"synced");
        assert_eq!(fs::read_dir(&inside).unwrap().count(), 1);
        fs::remove_dir_all(&inside).unwrap();
        disk.lose_power(Kept::Everything).unwrap();
        assert_eq!(fs::read_dir(disk.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_disk_without_room_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let Some(disk) = mounted(folder.path()) else { return };
        disk.set_room(Some(1_000));
        let full = fs::write(disk.path().join("large"), [1; 2_000]).unwrap_err();
        assert_eq!(full.kind(), ErrorKind::StorageFull);
        disk.set_room(None);
        fs::write(disk.path().join("large"), [1; 2_000]).unwrap();
        assert_eq!(disk.used_bytes(), 2_000);
    }
}
