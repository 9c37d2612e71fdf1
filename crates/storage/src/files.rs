//! Files and directories whose names are durable when the call returns.

use std::io::{self, ErrorKind};
use std::path::Path;

use crate::{Disk, Space, StorageError};

/// The content of the file; none if there is no such file.
pub(crate) fn read(disk: &dyn Disk, path: &Path) -> Result<Option<Vec<u8>>, StorageError> {
    match disk.read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StorageError::io("reading", path, error)),
    }
}

/// Puts `bytes` in the file's place: after a crash it holds what it held before, or all of them.
pub(crate) fn replace(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> Result<(), StorageError> {
    let aside = path.with_extension("tmp");
    write_synced(disk, &aside, bytes).map_err(|error| StorageError::io("writing", &aside, error))?;
    rename(disk, &aside, path)?;
    sync_parent(disk, path)
}

fn write_synced(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let file = disk.create(path)?;
    file.write_all_at(bytes, 0)?;
    file.sync()
}

/// Gives a file or a folder another name; not yet durably.
pub(crate) fn rename(disk: &dyn Disk, from: &Path, to: &Path) -> Result<(), StorageError> {
    disk.rename(from, to).map_err(|error| StorageError::io("renaming", from, error))
}

/// How much the file holds, in bytes; none if there is no such file.
pub(crate) fn size_bytes(disk: &dyn Disk, path: &Path) -> Result<Option<u64>, StorageError> {
    match disk.size_bytes(path) {
        Ok(size_bytes) => Ok(Some(size_bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StorageError::io("measuring", path, error)),
    }
}

/// How much room there is where `path` lies.
pub(crate) fn space(disk: &dyn Disk, path: &Path) -> Result<Space, StorageError> {
    disk.space(path).map_err(|error| StorageError::io("measuring the disk", path, error))
}

/// Makes the directory, and those above it, unless they are there.
pub(crate) fn create_dir(disk: &dyn Disk, path: &Path) -> Result<(), StorageError> {
    if disk.is_dir(path) {
        return Ok(());
    }
    disk.create_dir_all(path).map_err(|error| StorageError::io("creating the directory", path, error))?;
    sync_parent(disk, path)
}

/// Makes the directory anew: empty.
pub(crate) fn recreate_dir(disk: &dyn Disk, path: &Path) -> Result<(), StorageError> {
    remove_dir(disk, path)?;
    create_dir(disk, path)
}

/// Removes the directory with all that is in it, if it is there.
pub(crate) fn remove_dir(disk: &dyn Disk, path: &Path) -> Result<(), StorageError> {
    match disk.remove_dir_all(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(StorageError::io("removing the directory", path, error))
        }
        _ => Ok(()),
    }
}

/// Removes the file, if it is there.
pub(crate) fn remove_file(disk: &dyn Disk, path: &Path) -> Result<(), StorageError> {
    match disk.remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(StorageError::io("removing", path, error)),
        _ => Ok(()),
    }
}

/// Names of all that is in the directory, in their order; none if there is no such directory.
pub(crate) fn names(disk: &dyn Disk, path: &Path) -> Result<Vec<String>, StorageError> {
    match disk.names(path) {
        Ok(mut names) => {
            names.sort();
            Ok(names)
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(StorageError::io("listing the directory", path, error)),
    }
}

/// Makes durable which names the directory holds.
pub(crate) fn sync_dir(disk: &dyn Disk, path: &Path) -> Result<(), StorageError> {
    disk.sync_dir(path).map_err(|error| StorageError::io("syncing the directory", path, error))
}

fn sync_parent(disk: &dyn Disk, path: &Path) -> Result<(), StorageError> {
    match path.parent() {
        Some(parent) if parent != Path::new("") => sync_dir(disk, parent),
        _ => sync_dir(disk, Path::new(".")),
    }
}
