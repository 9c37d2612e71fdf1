//! The data directory: one node's, and nobody else's.
//!
//! ```text
//! LOCK             held while the directory is used
//! identity         whose it is
//! member           what the node notes of itself
//! log/             the log store
//! state/           the state store: CURRENT, and the generation that it names
//! snapshots/       checkpoints that are being sent
//! ```
//!
//! The identity is written last, when the stores stand: where there is an identity, a store that is
//! missing is damage, and never made anew. UNFINISHED is written first, so that a first start that was
//! cut off is begun again.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::engine::Engine;
use crate::{Identity, MemberNote, StorageError, files, log_open, state_store};

const LOCK: &str = "LOCK";
const IDENTITY: &str = "identity";
const UNFINISHED: &str = "UNFINISHED";
/// What a directory may hold that is as good as empty: our lock, the very beginning of a first start, and
/// what a fresh file system has.
const IGNORED: [&str; 5] = [LOCK, "UNFINISHED.tmp", "member", "member.tmp", "lost+found"];

/// A directory that this process holds, and that may be nobody's yet.
pub struct Claim {
    path: PathBuf,
    lock: DirLock,
}

impl Claim {
    /// Locks the directory, which is made if it is missing.
    pub fn take(path: &Path) -> Result<Self, StorageError> {
        files::create_dir(path)?;
        refuse_foreign(path)?;
        let lock = DirLock::take(&path.join(LOCK))?;
        Ok(Self { path: path.to_owned(), lock })
    }

    /// Whose it is; none if it is nobody's yet.
    pub fn identity(&self) -> Result<Option<Identity>, StorageError> {
        Identity::read(&self.path.join(IDENTITY))
    }

    /// What the node noted of itself, if it did.
    pub fn note(&self) -> Result<Option<MemberNote>, StorageError> {
        MemberNote::read(&self.path)
    }

    /// Notes something.
    pub fn write_note(&self, note: &MemberNote) -> Result<(), StorageError> {
        note.write(&self.path)
    }

    /// Opens it as the directory of this node. One that is nobody's becomes this node's.
    pub fn open(self, identity: Identity) -> Result<DataDir, StorageError> {
        let Self { path, lock } = self;
        let dir = DataDir { path, identity, lock, engine: Engine::new() };
        match Identity::read(&dir.path.join(IDENTITY))? {
            Some(found) if found == identity => files::remove_file(&dir.path.join(UNFINISHED))?,
            Some(found) => {
                return Err(StorageError::OtherNode { path: dir.path, found, expected: identity });
            }
            None => dir.initialise()?,
        }
        Ok(dir)
    }
}

/// The opened and locked directory. The lock is held until this, its clones and all stores are gone.
#[derive(Clone)]
pub struct DataDir {
    path: PathBuf,
    identity: Identity,
    lock: DirLock,
    engine: Engine,
}

impl DataDir {
    /// Opens the directory of this node. One that is empty or missing becomes this node's.
    pub fn open(path: &Path, identity: Identity) -> Result<Self, StorageError> {
        Claim::take(path)?.open(identity)
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whose it is.
    pub fn identity(&self) -> Identity {
        self.identity
    }

    /// Where the log store lies.
    pub fn log_path(&self) -> PathBuf {
        self.path.join("log")
    }

    /// Where the state store lies.
    pub fn state_path(&self) -> PathBuf {
        self.path.join("state")
    }

    /// Where checkpoints lie. Emptied when the state is opened.
    pub fn snapshots_path(&self) -> PathBuf {
        self.path.join("snapshots")
    }

    pub(crate) fn lock(&self) -> DirLock {
        self.lock.clone()
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    fn initialise(&self) -> Result<(), StorageError> {
        files::replace(&self.path.join(UNFINISHED), b"")?;
        files::recreate_dir(&self.log_path())?;
        files::recreate_dir(&self.state_path())?;
        files::recreate_dir(&self.snapshots_path())?;
        log_open::create(&self.log_path(), &self.engine)?;
        state_store::create(&self.state_path(), &self.engine)?;
        self.identity.write(&self.path.join(IDENTITY))?;
        files::remove_file(&self.path.join(UNFINISHED))
    }
}

/// A directory that holds something and is no node's is left as it is.
fn refuse_foreign(path: &Path) -> Result<(), StorageError> {
    let names = files::names(path)?;
    let ours = |name: &String| name == IDENTITY || name == UNFINISHED;
    let foreign = names.iter().find(|name| !IGNORED.contains(&name.as_str()));
    match foreign {
        Some(found) if !names.iter().any(ours) => {
            Err(StorageError::NotADataDir { path: path.to_owned(), found: found.clone() })
        }
        _ => Ok(()),
    }
}

/// The lock on a data directory, held until the last clone is gone.
#[derive(Clone)]
pub(crate) struct DirLock {
    _file: Arc<File>,
}

impl DirLock {
    fn take(path: &Path) -> Result<Self, StorageError> {
        let file = File::options().create(true).truncate(false).write(true).open(path);
        let file = file.map_err(|error| StorageError::io("opening the lock file", path, error))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: Arc::new(file) }),
            Err(TryLockError::WouldBlock) => Err(StorageError::Locked { path: path.to_owned() }),
            Err(TryLockError::Error(error)) => Err(StorageError::io("locking", path, error)),
        }
    }
}
