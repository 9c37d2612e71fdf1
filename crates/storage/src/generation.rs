//! One generation of the state: an opened database, and the folder it lies in.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::{Disk, StateDb, StorageError, files};

/// An opened map. Closed when the last user leaves; its folder goes then too, if another took its place.
pub(crate) struct Generation {
    db: Box<dyn StateDb>,
    /// After the database, so that this is closed when the folder goes.
    folder: Folder,
}

struct Folder {
    path: PathBuf,
    disk: Arc<dyn Disk>,
    retired: AtomicBool,
}

impl Generation {
    /// Opens a map that is there.
    pub(crate) fn open(path: PathBuf, disk: Arc<dyn Disk>) -> Result<Self, StorageError> {
        let db = disk.open_state(&path)?;
        Ok(Self { db, folder: Folder { path, disk, retired: AtomicBool::new(false) } })
    }

    /// The map itself.
    pub(crate) fn db(&self) -> &dyn StateDb {
        &*self.db
    }

    pub(crate) fn size_bytes(&self) -> Result<u64, StorageError> {
        Ok(self.db.live_size_bytes()?.saturating_add(self.db.unflushed_size_bytes()?))
    }

    /// Whether another generation is valid.
    pub(crate) fn is_retired(&self) -> bool {
        self.folder.retired.load(Ordering::Relaxed)
    }

    /// Another generation is valid from now on.
    pub(crate) fn retire(&self) {
        self.folder.retired.store(true, Ordering::Relaxed);
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.retired.load(Ordering::Relaxed) {
            return;
        }
        if let Err(error) = files::remove_dir(&*self.disk, &self.path) {
            tracing::warn!(%error, "a replaced state stays until the next start");
        }
    }
}
