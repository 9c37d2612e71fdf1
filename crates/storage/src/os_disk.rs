//! The disk of the machine: files as the operating system has them, databases as RocksDB has them.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use crate::rocks::{Engine, RocksCopy, RocksLog, RocksState};
use crate::{Disk, DiskFile, Held, LogDb, Space, StateDb, StateRead, StorageError};

/// See [`Disk`]. Its databases share their caches: one for each node.
pub struct OsDisk {
    engine: Engine,
}

impl OsDisk {
    /// With caches that are empty.
    pub fn new() -> Self {
        Self { engine: Engine::new() }
    }
}

impl Default for OsDisk {
    fn default() -> Self {
        Self::new()
    }
}

impl Disk for OsDisk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        boxed(File::options().read(true).write(true).create(true).truncate(true).open(path))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        boxed(File::open(path))
    }

    fn open_to_write(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        boxed(File::options().read(true).write(true).create(true).truncate(false).open(path))
    }

    fn size_bytes(&self, path: &Path) -> io::Result<u64> {
        fs::metadata(path).map(|found| found.len())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir_all(path)
    }

    fn names(&self, path: &Path) -> io::Result<Vec<String>> {
        fs::read_dir(path)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    }

    fn is_dir(&self, path: &Path) -> bool {
        path.is_dir()
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Held>> {
        let file = File::options().create(true).truncate(false).write(true).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Arc::new(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn space(&self, path: &Path) -> io::Result<Space> {
        Space::at(path)
    }

    fn create_log(&self, path: &Path) -> Result<Box<dyn LogDb>, StorageError> {
        Ok(Box::new(RocksLog::create(path, &self.engine)?))
    }

    fn open_log(&self, path: &Path) -> Result<Box<dyn LogDb>, StorageError> {
        Ok(Box::new(RocksLog::open(path, &self.engine)?))
    }

    fn create_state(&self, path: &Path) -> Result<Box<dyn StateDb>, StorageError> {
        Ok(Box::new(RocksState::create(path, &self.engine)?))
    }

    fn open_state(&self, path: &Path) -> Result<Box<dyn StateDb>, StorageError> {
        Ok(Box::new(RocksState::open(path, &self.engine)?))
    }

    fn open_copy(&self, path: &Path) -> Result<Box<dyn StateRead>, StorageError> {
        Ok(Box::new(RocksCopy::open(path)?))
    }
}

impl DiskFile for File {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        FileExt::read_at(self, buffer, offset)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        FileExt::write_all_at(self, bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}

fn boxed(file: io::Result<File>) -> io::Result<Box<dyn DiskFile>> {
    file.map(|file| Box::new(file) as Box<dyn DiskFile>)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{OsThreads, conformance};

    #[test]
    fn it_is_as_every_disk() {
        for (asked, case) in conformance::CASES {
            println!("{asked}");
            let folder = tempfile::tempdir().unwrap();
            case(&OsDisk::new(), folder.path());
        }
    }

    #[tokio::test]
    async fn stores_stand_on_it() {
        let folder = tempfile::tempdir().unwrap();
        conformance::stores(Arc::new(OsDisk::new()), Arc::new(OsThreads), folder.path()).await;
    }
}
