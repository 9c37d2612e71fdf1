//! A disk as its host has it, from one start to its end: files and databases.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use conclave_storage::{Disk, DiskFile, Held, LogDb, Space, StateDb, StateRead, StorageError};
use parking_lot::{Mutex, MutexGuard};

use super::copy;
use super::error::{corrupt, damaged, engine};
use super::faults::{Fault, FaultCounts, Operation};
use super::log::{LogTable, OpenLog};
use super::open_file::OpenFile;
use super::open_state::{OpenCopy, OpenState};
use super::state::{StateTable, Version};
use super::tree::{Database, FolderRef, Node, Tree};
use crate::dice::Dice;

/// All of a disk. Whoever locks more locks this first, then a folder, then what is in it.
pub(super) struct Inner {
    pub(super) tree: Tree,
    pub(super) dice: Dice,
    pub(super) fault: Fault,
    /// How much it holds in all.
    pub(super) size_bytes: u64,
    pub(super) counts: FaultCounts,
    /// How often its host has ended: whatever was opened before is dead.
    pub(super) ended: u64,
    /// It was to end in the middle of something and has, and the world does not know yet.
    pub(super) has_ended: bool,
    /// Its host is ending: of what is under way, nothing reaches a file any more.
    pub(super) is_ending: bool,
    /// Files that are locked, as long as they are.
    pub(super) locked: Vec<(PathBuf, Weak<()>)>,
}

impl Inner {
    /// Whether an operation may be done.
    pub(super) fn draw(&mut self, operation: Operation) -> io::Result<()> {
        self.fault.draw(operation, &mut self.counts, &mut self.dice)
    }

    /// The host comes closer to where it ends, if it does.
    fn count_down(&mut self) {
        match &mut self.fault.ends_after {
            Some(0) => {
                self.fault.ends_after = None;
                self.has_ended = true;
                self.ended += 1;
            }
            Some(left) => *left -= 1,
            None => {}
        }
    }

    pub(super) fn free_bytes(&self) -> u64 {
        self.size_bytes.saturating_sub(self.tree.size_bytes())
    }

    /// Whether there is room for so much more.
    pub(super) fn takes(&mut self, more_bytes: u64) -> bool {
        let takes = more_bytes == 0 || more_bytes <= self.free_bytes();
        self.counts.full += u64::from(!takes);
        takes
    }
}

/// The disk of a host that is on. When the host has ended, nothing that was opened through it does anything any more.
#[derive(Clone)]
pub(crate) struct HostDisk {
    inner: Arc<Mutex<Inner>>,
    /// How often the host had ended when it was started.
    ended: u64,
}

impl HostDisk {
    pub(super) fn new(inner: Arc<Mutex<Inner>>) -> Self {
        let ended = inner.lock().ended;
        Self { inner, ended }
    }

    /// All of the disk, if the host is on.
    pub(super) fn alive(&self) -> io::Result<MutexGuard<'_, Inner>> {
        let mut inner = self.inner.lock();
        if inner.ended == self.ended {
            inner.count_down();
        }
        if inner.ended == self.ended { Ok(inner) } else { Err(io::Error::other("the host has ended")) }
    }

    /// Sees whether something may be done.
    pub(super) fn begin(&self, operation: Operation) -> io::Result<()> {
        self.operate(operation).map(drop)
    }

    /// By how much work that uses it is slowed down now, in milliseconds.
    pub(super) fn draw_slow_ms(&self) -> u64 {
        let inner = &mut *self.inner.lock();
        inner.fault.draw_slow_ms(&mut inner.counts, &mut inner.dice)
    }

    fn operate(&self, operation: Operation) -> io::Result<MutexGuard<'_, Inner>> {
        let mut inner = self.alive()?;
        inner.draw(operation)?;
        Ok(inner)
    }

    fn open_state_in(&self, path: &Path, folder: FolderRef) -> Result<Box<dyn StateDb>, StorageError> {
        let opened = match &mut folder.lock().database {
            Some(Database::State(state)) => open_once(state.is_open(), path).map(|()| state.open()),
            _ => Err(damaged(path, "it is no state")),
        }?;
        let found = Arc::default();
        Ok(Box::new(OpenState { disk: self.clone(), path: path.to_owned(), folder, found, _opened: opened }))
    }

    fn open_log_in(&self, path: &Path, folder: FolderRef) -> Result<Box<dyn LogDb>, StorageError> {
        let opened = match &mut folder.lock().database {
            Some(Database::Log(log)) => open_once(log.is_open(), path).map(|()| log.open()),
            _ => Err(corrupt(path, "it is no log")),
        }?;
        Ok(Box::new(OpenLog { disk: self.clone(), path: path.to_owned(), folder, _opened: opened }))
    }

    fn create_database(&self, path: &Path, database: Database) -> io::Result<FolderRef> {
        let mut inner = self.operate(Operation::Write)?;
        let folder = inner.tree.new_folder(path)?;
        folder.lock().database = Some(database);
        Ok(folder)
    }
}

impl Disk for HostDisk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let file = self.operate(Operation::Read)?.tree.file(path)?;
        let bytes = file.lock().bytes().to_vec();
        Ok(bytes)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let file = self.operate(Operation::Write)?.tree.file_or_new(path)?;
        file.lock().empty();
        Ok(Box::new(OpenFile { disk: self.clone(), file, is_for_writing: true }))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let file = self.operate(Operation::Read)?.tree.file(path)?;
        Ok(Box::new(OpenFile { disk: self.clone(), file, is_for_writing: false }))
    }

    fn open_to_write(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let file = self.operate(Operation::Write)?.tree.file_or_new(path)?;
        Ok(Box::new(OpenFile { disk: self.clone(), file, is_for_writing: true }))
    }

    fn size_bytes(&self, path: &Path) -> io::Result<u64> {
        let file = self.operate(Operation::Read)?.tree.file(path)?;
        let size_bytes = file.lock().bytes().len() as u64;
        Ok(size_bytes)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.operate(Operation::Write)?.tree.rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.operate(Operation::Write)?.tree.remove_file(path)
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        self.operate(Operation::Write)?.tree.new_folders(path)
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        self.operate(Operation::Write)?.tree.remove_folder(path)
    }

    fn names(&self, path: &Path) -> io::Result<Vec<String>> {
        let folder = self.operate(Operation::Read)?.tree.folder(path)?;
        let names = folder.lock().nodes().map(|(name, _)| name.clone()).collect();
        Ok(names)
    }

    fn is_dir(&self, path: &Path) -> bool {
        self.alive().is_ok_and(|inner| inner.tree.folder(path).is_ok())
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.operate(Operation::Sync)?.tree.sync(path)
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Held>> {
        let inner = &mut *self.operate(Operation::Write)?;
        inner.tree.file_or_new(path)?;
        inner.locked.retain(|(_, held)| held.strong_count() > 0);
        if inner.locked.iter().any(|(locked, _)| locked == path) {
            return Ok(None);
        }
        let held = Arc::new(());
        inner.locked.push((path.to_owned(), Arc::downgrade(&held)));
        Ok(Some(held))
    }

    fn space(&self, path: &Path) -> io::Result<Space> {
        let inner = self.alive()?;
        inner.tree.node(path)?;
        Ok(Space { free_bytes: inner.free_bytes(), total_bytes: inner.size_bytes })
    }

    fn create_log(&self, path: &Path) -> Result<Box<dyn LogDb>, StorageError> {
        let made = self.create_database(path, Database::Log(LogTable::default()));
        self.open_log_in(path, made.map_err(|error| engine("creating the log", path, &error))?)
    }

    fn open_log(&self, path: &Path) -> Result<Box<dyn LogDb>, StorageError> {
        let found = self.operate(Operation::Read).and_then(|inner| inner.tree.folder(path));
        match found {
            Ok(folder) => self.open_log_in(path, folder),
            Err(error) if is_missing(&error) => Err(corrupt(path, error)),
            Err(error) => Err(engine("opening the log", path, &error)),
        }
    }

    fn create_state(&self, path: &Path) -> Result<Box<dyn StateDb>, StorageError> {
        let made = self.create_database(path, Database::State(StateTable::new()));
        self.open_state_in(path, made.map_err(|error| engine("creating the state", path, &error))?)
    }

    fn open_state(&self, path: &Path) -> Result<Box<dyn StateDb>, StorageError> {
        let found = self.operate(Operation::Read).and_then(|inner| inner.tree.folder(path));
        let folder = found.map_err(|error| state_error("opening the state", path, &error))?;
        let is_broken = match &folder.lock().database {
            None => None,
            Some(Database::State(state)) => Some(state.is_broken()),
            Some(Database::Log(_)) => Some(false),
        };
        match is_broken {
            Some(true) => return Err(damaged(path, "its rows cannot be found")),
            Some(false) => {}
            None => {
                let version = read_copy(path, &folder)?;
                folder.lock().database = Some(Database::State(StateTable::of_files(version)));
            }
        }
        self.open_state_in(path, folder)
    }

    fn open_copy(&self, path: &Path) -> Result<Box<dyn StateRead>, StorageError> {
        let found = self.operate(Operation::Read).and_then(|inner| inner.tree.folder(path));
        let folder = found.map_err(|error| state_error("reading a checkpoint", path, &error))?;
        Ok(Box::new(OpenCopy { disk: self.clone(), version: read_copy(path, &folder)? }))
    }
}

/// What the files of a checkpoint hold.
fn read_copy(path: &Path, folder: &FolderRef) -> Result<Version, StorageError> {
    let folder = folder.lock();
    let read = |name: &str| match folder.nodes().find(|(known, _)| *known == name) {
        Some((_, Node::File(file))) => Some(file.lock().bytes().to_vec()),
        _ => None,
    };
    copy::read(read).map_err(|reason| damaged(path, reason))
}

fn open_once(is_open: bool, path: &Path) -> Result<(), StorageError> {
    if is_open { Err(engine("opening", path, &io::Error::other("it is open already"))) } else { Ok(()) }
}

fn state_error(what: &'static str, path: &Path, error: &io::Error) -> StorageError {
    if is_missing(error) { damaged(path, error) } else { engine(what, path, error) }
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}
