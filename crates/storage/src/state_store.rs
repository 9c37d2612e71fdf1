//! The applied state: an ordered map on disk, written without a log of its own.
//!
//! A write reaches memory only; [`StateStore::flush`] makes everything durable that was written before.
//! After a crash the store is as of some earlier write, whole: data and mark of one write are never
//! parted. The mark tells how far that is, and the log is replayed from there. So **nothing may be purged
//! from the log that was not flushed here first**.
//!
//! # Generations
//!
//! The map lies in `state/<number>/`; `state/CURRENT` names the number. A received snapshot is staged
//! beside it in `state/incoming/`, where it outlives a crash. When it is whole it is given a number, and
//! becomes the state by replacing CURRENT, which is written aside, synced and renamed: a crash leaves the
//! one or the other. Readers that are inside of [`StateStore::read`] meanwhile keep the old generation; it
//! is removed when the last of them leaves.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use conclave_mvcc::{ReadMap, WriteSet};
use parking_lot::RwLock;
use tokio::sync::watch;

use crate::brief::Within;
use crate::database::is_reserved;
use crate::generation::Generation;
use crate::staging::as_unfit;
use crate::staging_slot::{StagingSlot, Taken};
use crate::{
    Checkpoint, CheckpointFile, DataDir, Disk, Held, Reach, Staging, StorageError, Threads, WorkKind,
    current, files,
};

/// Where a snapshot is received.
const INCOMING: &str = "incoming";
/// What a flush leaves free on the disk: the log goes on growing while it is under way.
const FLUSH_ROOM_KEPT_BYTES: u64 = 4 << 20;

/// The state of a node. Clones are handles of the same state.
///
/// All calls may block on the disk.
#[derive(Clone)]
pub struct StateStore {
    inner: Arc<Inner>,
}

struct Inner {
    folder: PathBuf,
    snapshots: PathBuf,
    disk: Arc<dyn Disk>,
    threads: Arc<dyn Threads>,
    lock: Held,
    generation: ArcSwap<Generation>,
    staging: StagingSlot,
    /// Held shared by whoever writes, and alone while a snapshot takes the state's place.
    replacing: RwLock<()>,
    /// Numbers generations and checkpoints: each is used once.
    next_number: AtomicU64,
    /// What was found of damage, once it was.
    damage: watch::Sender<Option<String>>,
}

impl StateStore {
    /// Opens the state, and reads all of it once: damage is found before anything is answered from it. If it is missing
    /// or damaged, the error is [`StorageError::StateDamaged`]: see
    /// [`StateStore::recreate`].
    pub fn open(dir: &DataDir) -> Result<Self, StorageError> {
        let (folder, disk) = (dir.state_path(), dir.disk());
        let number = current::read(disk, &folder)?;
        current::remove_others(disk, &folder, number)?;
        files::recreate_dir(disk, &dir.snapshots_path())?;
        let generation = Generation::open(current::generation_path(&folder, number), dir.shared_disk())?;
        Ok(Self {
            inner: Arc::new(Inner {
                folder,
                snapshots: dir.snapshots_path(),
                disk: dir.shared_disk(),
                threads: Arc::clone(dir.threads()),
                lock: dir.lock(),
                generation: ArcSwap::from_pointee(generation),
                staging: StagingSlot::new(),
                replacing: RwLock::new(()),
                next_number: AtomicU64::new(number + 1),
                damage: watch::Sender::new(None),
            }),
        })
    }

    /// Gives up the state that is there, damaged or not, and opens an empty one. Right only if all of it
    /// can be had again: from a log that was never purged, or as a snapshot from the leader.
    pub fn recreate(dir: &DataDir) -> Result<Self, StorageError> {
        create(dir.disk(), &dir.state_path())?;
        Self::open(dir)
    }

    /// As [`StateStore::recreate`], but what was there is kept beside it until [`StateStore::remove_damaged`]: it is the
    /// only one until another node has given its own.
    pub fn set_aside(dir: &DataDir) -> Result<Self, StorageError> {
        current::set_aside(dir.disk(), &dir.state_path())?;
        Self::recreate(dir)
    }

    /// Removes what was set aside, if anything was.
    pub fn remove_damaged(&self) -> Result<(), StorageError> {
        current::remove_aside(&*self.inner.disk, &self.inner.folder)
    }

    /// Whether something was found not to be as it was written, and what. From then on the state is not opened again.
    pub fn damage(&self) -> watch::Receiver<Option<String>> {
        self.inner.damage.subscribe()
    }

    /// Reads at one moment: what `read` sees does not change while it runs, whatever is written.
    pub fn read<T>(&self, read: impl FnOnce(&dyn ReadMap) -> T) -> T {
        let generation = self.inner.generation.load_full();
        let outcome = read(&*generation.db().view());
        self.inner.look_for_damage(&generation);
        outcome
    }

    /// Reads what is in memory, without waiting for anything. None: `read` asked for what is not, or for much, and what
    /// it came to is worth nothing.
    pub fn read_briefly<T>(&self, read: impl FnOnce(&dyn ReadMap) -> T) -> Option<T> {
        let (generation, reach) = (self.inner.generation.load_full(), Reach::new());
        let outcome = read(&Within::new(generation.db().view_in_memory(&reach), &reach));
        self.inner.look_for_damage(&generation);
        if generation.is_retired() {
            // Whoever leaves last closes it and removes its folder: that takes its time.
            let leaving = self.inner.threads.spawn(WorkKind::Background, Box::new(move || drop(generation)));
            if let Err(error) = leaving {
                tracing::warn!(%error, "a replaced state was left at once");
            }
        }
        (!reach.is_exceeded()).then_some(outcome)
    }

    /// Writes all of it at once, and `mark` with it; without a mark the old one stays.
    ///
    /// It is seen by whoever reads from then on, and durable after the next [`StateStore::flush`].
    pub fn write(&self, writes: &WriteSet, mark: Option<&[u8]>) -> Result<(), StorageError> {
        refuse_reserved(writes)?;
        let _shared = self.inner.replacing.read();
        let generation = self.inner.generation.load();
        let written = generation.db().write(writes, mark);
        self.inner.look_for_damage(&generation);
        written
    }

    /// The mark that was written last; none if there never was one.
    pub fn mark(&self) -> Result<Option<Bytes>, StorageError> {
        self.inner.generation.load_full().db().mark()
    }

    /// Makes everything durable that was written before. Takes tens of milliseconds, or more.
    pub fn flush(&self) -> Result<(), StorageError> {
        let _shared = self.inner.replacing.read();
        let generation = self.inner.generation.load_full();
        let flushed = generation.db().flush();
        self.inner.look_for_damage(&generation);
        flushed
    }

    /// Refuses with [`StorageError::NoRoomToFlush`] if what is not flushed yet may not fit on the disk. A flush that
    /// fails is the last one: the engine takes no write after it until it is opened again.
    pub fn require_room_to_flush(&self) -> Result<(), StorageError> {
        let path = &self.inner.folder;
        let unflushed_bytes = self.inner.generation.load_full().db().unflushed_size_bytes()?;
        let needed_bytes = unflushed_bytes.saturating_add(FLUSH_ROOM_KEPT_BYTES);
        let space = files::space(&*self.inner.disk, path)?;
        if space.free_bytes >= needed_bytes {
            return Ok(());
        }
        let (path, free_bytes) = (path.clone(), space.free_bytes);
        Err(StorageError::NoRoomToFlush { path, needed_bytes, free_bytes })
    }

    /// The state as files that no later write changes; everything in it is durable. See
    /// [`StateStore::require_room_to_flush`], which is asked first.
    pub fn checkpoint(&self) -> Result<Checkpoint, StorageError> {
        self.require_room_to_flush()?;
        let inner = &self.inner;
        let path = inner.snapshots.join(inner.take_number().to_string());
        let _shared = inner.replacing.read();
        let base = (inner.disk(), Arc::clone(&inner.threads));
        let generation = inner.generation.load_full();
        let made = Checkpoint::create(&generation, path, base, inner.lock.clone());
        inner.look_for_damage(&generation);
        made
    }

    /// An empty place for the files of another node's checkpoint. What is in it goes when it is dropped.
    pub fn stage(&self) -> Result<Staging, StorageError> {
        let inner = &self.inner;
        Staging::create(inner.incoming(), inner.disk(), inner.take_staging()?, inner.lock.clone())
    }

    /// A place for these files of another node's checkpoint, with what is there of them already. What is in it
    /// stays, also over a restart, to be resumed. If the rest does not fit on the disk, the error is
    /// [`StorageError::NoRoom`]. Reads all that is there.
    pub fn resume(&self, files: &[CheckpointFile]) -> Result<Staging, StorageError> {
        let inner = &self.inner;
        Staging::resume(inner.incoming(), files, inner.disk(), inner.take_staging()?, inner.lock.clone())
    }

    /// Removes what was received of a snapshot, if nobody has been at it for `idle`; then true.
    pub fn remove_idle_staging(&self, idle: Duration) -> Result<bool, StorageError> {
        let path = self.inner.incoming();
        let Some(_taken) = self.inner.staging.take_idle(idle) else { return Ok(false) };
        let is_there = self.inner.disk.is_dir(&path);
        files::remove_dir(&*self.inner.disk, &path)?;
        Ok(is_there)
    }

    /// Puts the staged files in the state's place, durably. If they cannot be opened the error is
    /// [`StorageError::Snapshot`], and the state stays what it was.
    pub fn install(&self, mut staged: Staging) -> Result<(), StorageError> {
        let inner = &self.inner;
        let number = inner.take_number();
        staged.rename(current::generation_path(&inner.folder, number))?;
        files::sync_dir(&*inner.disk, &inner.folder)?;
        let generation = Generation::open(staged.path().to_owned(), inner.disk()).map_err(as_unfit)?;
        let _alone = inner.replacing.write();
        // Whatever becomes of it, CURRENT may name the folder from here on.
        staged.keep();
        current::replace(&*inner.disk, &inner.folder, number)?;
        inner.generation.swap(Arc::new(generation)).retire();
        Ok(())
    }

    /// About how many bytes the state takes, on disk and not yet flushed.
    pub fn size_bytes(&self) -> Result<u64, StorageError> {
        self.inner.generation.load_full().size_bytes()
    }

    /// What it lies on.
    pub fn disk(&self) -> Arc<dyn Disk> {
        self.inner.disk()
    }

    /// Where work on it that blocks is done.
    pub fn threads(&self) -> &dyn Threads {
        &*self.inner.threads
    }
}

impl Inner {
    fn disk(&self) -> Arc<dyn Disk> {
        Arc::clone(&self.disk)
    }

    fn incoming(&self) -> PathBuf {
        self.folder.join(INCOMING)
    }

    fn take_staging(&self) -> Result<Taken, StorageError> {
        let busy = || StorageError::snapshot("another one is being received or installed");
        self.staging.take().ok_or_else(busy)
    }

    /// Whoever met damage was given an error. Here it is noted, so that the next start makes the state anew instead of
    /// meeting it again.
    fn look_for_damage(&self, generation: &Arc<Generation>) {
        let Some(found) = generation.db().damage() else { return };
        let is_valid = Arc::ptr_eq(generation, &self.generation.load());
        if !is_valid || self.damage.send_replace(Some(found.clone())).is_some() {
            return;
        }
        tracing::error!(%found, "the state is damaged: it is not opened again");
        if let Err(error) = current::give_up(&*self.disk, &self.folder) {
            tracing::error!(%error, "the next start will open the damaged state again");
        }
    }

    fn take_number(&self) -> u64 {
        self.next_number.fetch_add(1, Ordering::Relaxed)
    }
}

/// Makes an empty state and makes it the valid one. What was there before goes when the state is opened.
pub(crate) fn create(disk: &dyn Disk, folder: &Path) -> Result<(), StorageError> {
    files::create_dir(disk, folder)?;
    let number = current::unused_number(disk, folder)?;
    disk.create_state(&current::generation_path(folder, number))?;
    current::replace(disk, folder, number)
}

/// The database keeps rows of its own beside those that are written.
fn refuse_reserved(writes: &WriteSet) -> Result<(), StorageError> {
    match writes.iter().find(|(key, _)| is_reserved(key)) {
        Some((key, _)) => Err(StorageError::ReservedRow { key: key.escape_ascii().to_string() }),
        None => Ok(()),
    }
}
