//! Files and directories whose names are durable when the call returns.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::Path;

use crate::StorageError;

/// The content of the file; none if there is no such file.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>, StorageError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StorageError::io("reading", path, error)),
    }
}

/// Puts `bytes` in the file's place: after a crash it holds what it held before, or all of them.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), StorageError> {
    let aside = path.with_extension("tmp");
    write_synced(&aside, bytes).map_err(|error| StorageError::io("writing", &aside, error))?;
    fs::rename(&aside, path).map_err(|error| StorageError::io("renaming", &aside, error))?;
    sync_parent(path)
}

fn write_synced(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes the directory, and those above it, unless they are there.
pub(crate) fn create_dir(path: &Path) -> Result<(), StorageError> {
    if path.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(path).map_err(|error| StorageError::io("creating the directory", path, error))?;
    sync_parent(path)
}

/// Makes the directory anew: empty.
pub(crate) fn recreate_dir(path: &Path) -> Result<(), StorageError> {
    remove_dir(path)?;
    create_dir(path)
}

/// Removes the directory with all that is in it, if it is there.
pub(crate) fn remove_dir(path: &Path) -> Result<(), StorageError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(StorageError::io("removing the directory", path, error))
        }
        _ => Ok(()),
    }
}

/// Removes the file, if it is there.
pub(crate) fn remove_file(path: &Path) -> Result<(), StorageError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(StorageError::io("removing", path, error)),
        _ => Ok(()),
    }
}

/// Names of all that is in the directory, in their order; none if there is no such directory.
pub(crate) fn names(path: &Path) -> Result<Vec<String>, StorageError> {
    let failed = |error| StorageError::io("listing the directory", path, error);
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry.map_err(failed)?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// Makes durable which names the directory holds.
pub(crate) fn sync_dir(path: &Path) -> Result<(), StorageError> {
    let synced = File::open(path).and_then(|directory| directory.sync_all());
    synced.map_err(|error| StorageError::io("syncing the directory", path, error))
}

fn sync_parent(path: &Path) -> Result<(), StorageError> {
    match path.parent() {
        Some(parent) if parent != Path::new("") => sync_dir(parent),
        _ => sync_dir(Path::new(".")),
    }
}
