//! Data directories for tests: opened, copied as a crash would leave them, damaged.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use conclave_storage::{DataDir, Identity, LogStore, StateStore, StorageError};
use tempfile::TempDir;

pub(crate) const IDENTITY: Identity = Identity { node_id: 1, cluster_id: 0xc0ffee };

/// How long a process that is being started may hold what others have closed.
const RELEASED_WITHIN: Duration = Duration::from_secs(30);

/// How long the engine's own threads may go on to change files when nobody writes.
const AT_REST_WITHIN: Duration = Duration::from_secs(30);

/// A data directory that goes with the test.
pub(crate) struct Place {
    dir: TempDir,
}

impl Place {
    pub(crate) fn new() -> Place {
        Place { dir: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Opens it, once nobody holds it any more. A process that another test starts holds all that this one has open
    /// until it begins its own program.
    pub(crate) fn open(&self) -> DataDir {
        let until = Instant::now() + RELEASED_WITHIN;
        loop {
            match DataDir::open(&self.path(), IDENTITY) {
                Err(StorageError::Locked { .. }) if Instant::now() < until => thread::yield_now(),
                opened => return opened.unwrap(),
            }
        }
    }

    pub(crate) fn log(&self) -> LogStore {
        LogStore::open(&self.open()).unwrap()
    }

    pub(crate) fn try_log(&self) -> Result<LogStore, StorageError> {
        LogStore::open(&self.open())
    }

    pub(crate) fn state(&self) -> StateStore {
        StateStore::open(&self.open()).unwrap()
    }

    pub(crate) fn try_state(&self) -> Result<StateStore, StorageError> {
        StateStore::open(&self.open())
    }

    /// What would be found after kill -9: all files as the system holds them now, whoever uses them.
    ///
    /// A kill leaves the files of one moment. If the engine removes or writes one while they are copied, by a thread of
    /// its own, they are copied again.
    pub(crate) fn crash_copy(&self) -> Place {
        let until = Instant::now() + AT_REST_WITHIN;
        loop {
            let (copy, before) = (Place::new(), found(&self.path()));
            let copied = copy_dir(&self.path(), &copy.path());
            if copied.is_ok() && before.is_ok_and(|before| found(&self.path()).is_ok_and(|now| now == before))
            {
                return copy;
            }
            assert!(Instant::now() < until, "the files change all the time: {copied:?}");
        }
    }
}

/// All files beneath a folder, how long they are and when they were written.
fn found(folder: &Path) -> io::Result<BTreeMap<PathBuf, (u64, SystemTime)>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (path, about) = (entry.path(), entry.metadata()?);
        if about.is_dir() {
            all.extend(found(&path)?);
        } else {
            all.insert(path, (about.len(), about.modified()?));
        }
    }
    Ok(all)
}

fn copy_dir(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_dir(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// The files of a folder whose names end so, in order of name.
pub(crate) fn files(folder: &Path, suffix: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.to_str().unwrap().ends_with(suffix));
    found.sort();
    found
}

pub(crate) fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 0x20;
    fs::write(path, bytes).unwrap();
}

/// A different value for each index.
pub(crate) fn entry(index: u64) -> Bytes {
    Bytes::from(format!("entry {index}"))
}

pub(crate) fn entries(range: std::ops::Range<u64>) -> Vec<(u64, Bytes)> {
    range.map(|index| (index, entry(index))).collect()
}

/// Appends, and waits until it is on disk.
pub(crate) fn append(log: &LogStore, entries: Vec<(u64, Bytes)>) -> io::Result<()> {
    let (done, outcome) = mpsc::channel();
    log.append(entries, Box::new(move |result| done.send(result).unwrap()));
    outcome.recv().unwrap()
}

/// All that is in the log.
pub(crate) fn read_all(log: &LogStore) -> Vec<Bytes> {
    log.read(0..u64::MAX, usize::MAX).unwrap()
}

pub(crate) fn values(range: std::ops::Range<u64>) -> Vec<Bytes> {
    range.map(entry).collect()
}
