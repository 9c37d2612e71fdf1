//! The data directory: one node's, and nobody else's.
//!
//! ```text
//! LOCK             held while the directory is used
//! identity         whose it is
//! member           what the node notes of itself
//! peers            where the others were reached last
//! log/             the log store
//! state/           the state store: CURRENT, and the generation that it names
//! snapshots/       checkpoints that are being sent
//! ```
//!
//! The identity is written last, when the stores stand: where there is an identity, a store that is
//! missing is damage, and never made anew. UNFINISHED is written first, so that a first start that was
//! cut off is begun again.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::{
    Disk, Held, Identity, MemberNote, OsDisk, OsThreads, PeersNote, StorageError, Threads, files, log_open,
    state_store,
};

const LOCK: &str = "LOCK";
const IDENTITY: &str = "identity";
const UNFINISHED: &str = "UNFINISHED";
/// What a directory may hold that is as good as empty: our lock, the very beginning of a first start, and
/// what a fresh file system has.
const IGNORED: [&str; 5] = [LOCK, "UNFINISHED.tmp", "member", "member.tmp", "lost+found"];

/// A directory that this process holds, and that may be nobody's yet.
pub struct Claim {
    path: PathBuf,
    lock: Held,
    disk: Arc<dyn Disk>,
    threads: Arc<dyn Threads>,
}

impl Claim {
    /// Locks a directory of the machine's own disk, which is made if it is missing.
    pub fn take(path: &Path) -> Result<Self, StorageError> {
        Self::take_on(path, Arc::new(OsDisk::new()), Arc::new(OsThreads))
    }

    /// Locks a directory of `disk`, which is made if it is missing. Its stores work on `threads`.
    pub fn take_on(
        path: &Path,
        disk: Arc<dyn Disk>,
        threads: Arc<dyn Threads>,
    ) -> Result<Self, StorageError> {
        files::create_dir(&*disk, path)?;
        refuse_foreign(&*disk, path)?;
        let lock = lock(&*disk, &path.join(LOCK))?;
        Ok(Self { path: path.to_owned(), lock, disk, threads })
    }

    /// Where work on it that blocks is done.
    pub fn threads(&self) -> &Arc<dyn Threads> {
        &self.threads
    }

    /// Whose it is; none if it is nobody's yet.
    pub fn identity(&self) -> Result<Option<Identity>, StorageError> {
        Identity::read(&*self.disk, &self.path.join(IDENTITY))
    }

    /// What the node noted of itself, if it did.
    pub fn note(&self) -> Result<Option<MemberNote>, StorageError> {
        MemberNote::read(&*self.disk, &self.path)
    }

    /// Notes something.
    pub fn write_note(&self, note: &MemberNote) -> Result<(), StorageError> {
        note.write(&*self.disk, &self.path)
    }

    /// Opens it as the directory of this node. One that is nobody's becomes this node's.
    pub fn open(self, identity: Identity) -> Result<DataDir, StorageError> {
        let found = self.identity()?;
        let Self { path, lock, disk, threads } = self;
        let dir = DataDir { path, identity, lock, disk, threads };
        match found {
            Some(found) if found == identity => files::remove_file(dir.disk(), &dir.path.join(UNFINISHED))?,
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
    lock: Held,
    disk: Arc<dyn Disk>,
    threads: Arc<dyn Threads>,
}

impl DataDir {
    /// Opens the directory of this node on the machine's own disk. One that is empty or missing becomes this node's.
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

    /// The note of where the other members are reached.
    pub fn peers_note(&self) -> PeersNote {
        PeersNote::new(self.path.join("peers"), self.shared_disk(), self.lock())
    }

    pub(crate) fn lock(&self) -> Held {
        self.lock.clone()
    }

    pub(crate) fn disk(&self) -> &dyn Disk {
        &*self.disk
    }

    pub(crate) fn shared_disk(&self) -> Arc<dyn Disk> {
        Arc::clone(&self.disk)
    }

    pub(crate) fn threads(&self) -> &Arc<dyn Threads> {
        &self.threads
    }

    fn initialise(&self) -> Result<(), StorageError> {
        let disk = self.disk();
        files::replace(disk, &self.path.join(UNFINISHED), b"")?;
        files::recreate_dir(disk, &self.log_path())?;
        files::recreate_dir(disk, &self.state_path())?;
        files::recreate_dir(disk, &self.snapshots_path())?;
        log_open::create(disk, &self.log_path())?;
        state_store::create(disk, &self.state_path())?;
        self.identity.write(disk, &self.path.join(IDENTITY))?;
        files::remove_file(disk, &self.path.join(UNFINISHED))
    }
}

/// A directory that holds something and is no node's is left as it is.
fn refuse_foreign(disk: &dyn Disk, path: &Path) -> Result<(), StorageError> {
    let names = files::names(disk, path)?;
    let ours = |name: &String| name == IDENTITY || name == UNFINISHED;
    let foreign = names.iter().find(|name| !IGNORED.contains(&name.as_str()));
    match foreign {
        Some(found) if !names.iter().any(ours) => {
            Err(StorageError::NotADataDir { path: path.to_owned(), found: found.clone() })
        }
        _ => Ok(()),
    }
}

/// Locks a data directory, until the last clone of what this gives is gone.
fn lock(disk: &dyn Disk, path: &Path) -> Result<Held, StorageError> {
    let held = disk.lock(path).map_err(|error| StorageError::io("locking", path, error))?;
    held.ok_or_else(|| StorageError::Locked { path: path.to_owned() })
}
