//! A state that is open, or a copy of one; and how it is read.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use conclave_mvcc::{Cursor, MapError, MemoryMap, ReadMap, WriteSet};
use conclave_storage::{Reach, StateDb, StateRead, StorageError};

use super::copy;
use super::error::{damaged, engine};
use super::faults::Operation;
use super::host_disk::HostDisk;
use super::state::{StateTable, Version};
use super::tree::{Database, FolderRef};

/// A state that is open.
pub(super) struct OpenState {
    pub(super) disk: HostDisk,
    pub(super) path: PathBuf,
    pub(super) folder: FolderRef,
    /// The first damage that was met.
    pub(super) found: Arc<OnceLock<String>>,
    pub(super) _opened: Arc<()>,
}

impl OpenState {
    fn with<T>(&self, use_it: impl FnOnce(&mut StateTable) -> T) -> T {
        match &mut self.folder.lock().database {
            Some(Database::State(state)) => use_it(state),
            _ => unreachable!("a state stays one"),
        }
    }

    fn check_not_failed(&self, what: &'static str) -> Result<(), StorageError> {
        match self.with(|state| state.has_failed()) {
            true => Err(engine(what, &self.path, &io::Error::other("a flush has failed before"))),
            false => Ok(()),
        }
    }

    /// Flushes what a checkpoint holds besides, which takes room too.
    fn flush_for(&self, what: &'static str, besides_bytes: u64) -> Result<(), StorageError> {
        self.check_not_failed(what)?;
        let mut inner = self.disk.alive().map_err(|error| engine(what, &self.path, &error))?;
        let size_bytes = self.with(|state| state.unflushed_size_bytes()) + besides_bytes;
        let flushed = if inner.takes(size_bytes) {
            inner.draw(Operation::Sync).map_err(|error| engine(what, &self.path, &error))
        } else {
            Err(StorageError::Full { what, path: self.path.clone() })
        };
        self.with(|state| if flushed.is_ok() { state.flush() } else { state.fail() });
        flushed
    }

    fn files_of_checkpoint(&self) -> Result<Vec<(String, Vec<u8>)>, StorageError> {
        let (now, rows_damaged) = self.with(|state| (state.now().clone(), Arc::clone(state.damaged())));
        if let Some(key) = rows_damaged.first() {
            let found = self.found.get_or_init(|| row_damaged(key));
            return Err(damaged(&self.path, found));
        }
        Ok(copy::write(&now))
    }
}

impl StateRead for OpenState {
    fn mark(&self) -> Result<Option<Bytes>, StorageError> {
        let begun = self.disk.begin(Operation::Read);
        begun.map_err(|error| engine("reading the state", &self.path, &error))?;
        Ok(self.with(|state| state.now().mark.clone()))
    }

    fn view(&self) -> Box<dyn ReadMap + '_> {
        let (rows, damaged) = self.with(|state| (Arc::clone(&state.now().rows), Arc::clone(state.damaged())));
        Box::new(View { rows, damaged, found: Arc::clone(&self.found), disk: self.disk.clone() })
    }
}

impl StateDb for OpenState {
    /// All is in memory here.
    fn view_in_memory<'a>(&'a self, _reach: &'a Reach) -> Box<dyn ReadMap + 'a> {
        self.view()
    }

    fn write(&self, writes: &WriteSet, mark: Option<&[u8]>) -> Result<(), StorageError> {
        const WHAT: &str = "writing the state";
        self.check_not_failed(WHAT)?;
        // It only reaches memory: the medium cannot fail.
        let _inner = self.disk.alive().map_err(|error| engine(WHAT, &self.path, &error))?;
        self.with(|state| state.write(writes, mark));
        Ok(())
    }

    fn flush(&self) -> Result<(), StorageError> {
        self.flush_for("flushing the state", 0)
    }

    fn checkpoint(&self, path: &Path) -> Result<(), StorageError> {
        const WHAT: &str = "making a checkpoint";
        let files = self.files_of_checkpoint()?;
        let size_bytes = files.iter().map(|(_, bytes)| bytes.len() as u64).sum();
        self.flush_for(WHAT, size_bytes)?;
        let mut inner = self.disk.alive().map_err(|error| engine(WHAT, &self.path, &error))?;
        let made = inner.tree.new_folder(path).map_err(|error| engine(WHAT, path, &error))?;
        let mut folder = made.lock();
        for (name, bytes) in files {
            folder.put_durable(&name, bytes);
        }
        Ok(())
    }

    fn live_size_bytes(&self) -> Result<u64, StorageError> {
        Ok(self.with(|state| state.live_size_bytes()))
    }

    fn unflushed_size_bytes(&self) -> Result<u64, StorageError> {
        Ok(self.with(|state| state.unflushed_size_bytes()))
    }

    fn damage(&self) -> Option<String> {
        self.found.get().cloned()
    }
}

/// A copy of a state, opened to be read.
pub(super) struct OpenCopy {
    pub(super) disk: HostDisk,
    pub(super) version: Version,
}

impl StateRead for OpenCopy {
    fn mark(&self) -> Result<Option<Bytes>, StorageError> {
        Ok(self.version.mark.clone())
    }

    fn view(&self) -> Box<dyn ReadMap + '_> {
        Box::new(View {
            rows: Arc::clone(&self.version.rows),
            damaged: Arc::default(),
            found: Arc::default(),
            disk: self.disk.clone(),
        })
    }
}

/// All rows at one moment.
struct View {
    rows: Arc<MemoryMap>,
    damaged: Arc<BTreeSet<Bytes>>,
    found: Arc<OnceLock<String>>,
    disk: HostDisk,
}

impl View {
    fn read(&self) -> Result<(), MapError> {
        let begun = self.disk.begin(Operation::Read);
        begun.map_err(|error| MapError::new(format_args!("the state cannot be read: {error}")))
    }

    fn check(&self, key: Option<&[u8]>) -> Result<(), MapError> {
        match key {
            Some(key) if self.damaged.contains(key) => {
                Err(MapError::new(self.found.get_or_init(|| row_damaged(key))))
            }
            _ => Ok(()),
        }
    }
}

impl ReadMap for View {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, MapError> {
        self.read()?;
        self.check(Some(key))?;
        self.rows.get(key)
    }

    fn cursor(&self) -> Box<dyn Cursor + '_> {
        Box::new(ViewCursor { view: self, rows: self.rows.cursor() })
    }
}

struct ViewCursor<'a> {
    view: &'a View,
    rows: Box<dyn Cursor + 'a>,
}

impl Cursor for ViewCursor<'_> {
    fn seek(&mut self, key: &[u8]) -> Result<(), MapError> {
        self.view.read()?;
        self.rows.seek(key)?;
        self.view.check(self.rows.key())
    }

    fn advance(&mut self) -> Result<(), MapError> {
        self.rows.advance()?;
        self.view.check(self.rows.key())
    }

    fn key(&self) -> Option<&[u8]> {
        self.rows.key()
    }

    fn value(&self) -> Option<&[u8]> {
        self.rows.value()
    }
}

fn row_damaged(key: &[u8]) -> String {
    format!("row \"{}\" is damaged", key.escape_ascii())
}
