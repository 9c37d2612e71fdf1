//! A snapshot that is being received, file by file, before it takes the state's place.
//!
//! It lies beside the state and outlives a broken connection and the process: [`crate::StateStore::resume`] goes
//! on with what is there of the same files, whichever snapshot they were sent for first. A file has its name only
//! once it is whole, verified and on disk; until then it is named after what was announced of it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use xxhash_rust::xxh3::Xxh3;

use crate::staging_slot::Taken;
use crate::{CheckpointFile, Disk, DiskFile, Held, StorageError, checksum, files};

const NAME_SIZE_BYTES_MAX: usize = 100;
const CHUNK_SIZE_BYTES: usize = 256 * 1024;
/// After so many bytes what was written is synced: a large sync would hold up the fsyncs of the log beside it.
const SYNC_EVERY_BYTES: u64 = 4 << 20;
const PART_SUFFIX: &str = ".part";
/// What a snapshot leaves free on the disk: the log and the state go on growing while it comes.
const ROOM_KEPT_BYTES: u64 = 32 << 20;

/// A folder for the files of another node's checkpoint. There is one at a time.
pub struct Staging {
    path: PathBuf,
    /// Whether it stays when it is dropped.
    stays: bool,
    disk: Arc<dyn Disk>,
    _taken: Taken,
    _lock: Held,
}

/// One file that is being received. When dropped unfinished, what is there of it stays, unless it was found to be
/// unfit.
pub struct StagedFile {
    announced: CheckpointFile,
    path: PathBuf,
    part: PathBuf,
    disk: Arc<dyn Disk>,
    file: Box<dyn DiskFile>,
    size_bytes: u64,
    synced_bytes: u64,
    checksum: Xxh3,
    unfit: bool,
}

impl Staging {
    /// An empty folder, which goes when it is dropped.
    pub(crate) fn create(
        path: PathBuf,
        disk: Arc<dyn Disk>,
        taken: Taken,
        lock: Held,
    ) -> Result<Self, StorageError> {
        files::recreate_dir(&*disk, &path)?;
        Ok(Self { path, stays: false, disk, _taken: taken, _lock: lock })
    }

    /// A folder with what is there of `announced` and nothing else, which stays when it is dropped.
    pub(crate) fn resume(
        path: PathBuf,
        announced: &[CheckpointFile],
        disk: Arc<dyn Disk>,
        taken: Taken,
        lock: Held,
    ) -> Result<Self, StorageError> {
        check_names(announced)?;
        files::create_dir(&*disk, &path)?;
        let staging = Self { path, stays: true, disk, _taken: taken, _lock: lock };
        staging.remove_all_but(announced)?;
        let mut missing_bytes = 0_u64;
        for file in announced {
            let missing = file.size_bytes - staging.begin(file)?;
            missing_bytes = missing_bytes.saturating_add(missing);
        }
        check_room(&*staging.disk, &staging.path, missing_bytes)?;
        Ok(staging)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// How much of a file is there, in bytes: all of it only if it is verified.
    pub fn staged_size_bytes(&self, file: &CheckpointFile) -> Result<u64, StorageError> {
        match self.size_of(&self.path.join(&file.name))? {
            Some(size_bytes) => Ok(size_bytes),
            None => Ok(self.size_of(&self.part(file))?.unwrap_or(0)),
        }
    }

    /// Begins to receive `file`, after what is there of it.
    pub fn file(&self, file: CheckpointFile) -> Result<StagedFile, StorageError> {
        check_name(&file.name)?;
        StagedFile::open(self.path.join(&file.name), self.part(&file), Arc::clone(&self.disk), file)
    }

    /// The mark that was written with what the files hold, once all are there. Opening them checks that they
    /// belong together.
    pub fn mark(&self) -> Result<Option<Bytes>, StorageError> {
        self.disk.open_copy(&self.path).and_then(|copy| copy.mark()).map_err(as_unfit)
    }

    /// Drops it with all that was received.
    pub fn discard(mut self) {
        self.stays = false;
    }

    /// It becomes the folder `path`.
    pub(crate) fn rename(&mut self, path: PathBuf) -> Result<(), StorageError> {
        files::sync_dir(&*self.disk, &self.path)?;
        files::rename(&*self.disk, &self.path, &path)?;
        self.path = path;
        self.stays = false;
        Ok(())
    }

    /// It became the state.
    pub(crate) fn keep(mut self) {
        self.stays = true;
    }

    fn size_of(&self, path: &Path) -> Result<Option<u64>, StorageError> {
        files::size_bytes(&*self.disk, path)
    }

    fn part(&self, file: &CheckpointFile) -> PathBuf {
        self.path.join(part_name(file))
    }

    fn remove_all_but(&self, announced: &[CheckpointFile]) -> Result<(), StorageError> {
        let mut kept: BTreeSet<String> = announced.iter().map(part_name).collect();
        kept.extend(announced.iter().map(|file| file.name.clone()));
        for name in files::names(&*self.disk, &self.path)? {
            if !kept.contains(&name) {
                tracing::info!(%name, "a received file of another snapshot is not used");
                files::remove_file(&*self.disk, &self.path.join(name))?;
            }
        }
        Ok(())
    }

    /// Checks what is there of a file, and tells how much that is.
    fn begin(&self, file: &CheckpointFile) -> Result<u64, StorageError> {
        let whole = self.path.join(&file.name);
        if self.size_of(&whole)?.is_some() {
            if checksum::of_file(&*self.disk, &whole)? == (file.size_bytes, file.checksum) {
                return Ok(file.size_bytes);
            }
            tracing::warn!(path = %whole.display(), "a received file of a snapshot is damaged, and fetched again");
            files::remove_file(&*self.disk, &whole)?;
        }
        let part = self.part(file);
        let staged = self.size_of(&part)?.unwrap_or(0);
        if staged < file.size_bytes {
            return Ok(staged);
        }
        // It was cut off before it was checked, or there is nothing to come.
        match self.file(file.clone())?.finish() {
            Ok(()) => Ok(file.size_bytes),
            Err(StorageError::Snapshot { .. }) if file.size_bytes > 0 => Ok(0),
            Err(error) => Err(error),
        }
    }
}

impl StagedFile {
    fn open(
        path: PathBuf,
        part: PathBuf,
        disk: Arc<dyn Disk>,
        announced: CheckpointFile,
    ) -> Result<Self, StorageError> {
        let failed = |error| StorageError::io("opening a file of a received snapshot", &part, error);
        let file = disk.open_to_write(&part).map_err(failed)?;
        let mut checksum = Xxh3::new();
        let mut size_bytes = 0;
        let mut chunk = vec![0; CHUNK_SIZE_BYTES];
        loop {
            let count = file.read_at(&mut chunk, size_bytes).map_err(failed)?;
            if count == 0 {
                break;
            }
            checksum.update(&chunk[..count]);
            size_bytes += count as u64;
        }
        let synced_bytes = size_bytes;
        Ok(Self { announced, path, part, disk, file, size_bytes, synced_bytes, checksum, unfit: false })
    }

    /// How much was received: the offset at which the next bytes must begin.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Adds bytes, which must begin where those before ended and stay within what was announced.
    pub fn write(&mut self, offset: u64, bytes: &[u8]) -> Result<(), StorageError> {
        if offset != self.size_bytes {
            return Err(self.unfit(format!("bytes begin at {offset} instead of {}", self.size_bytes)));
        }
        if bytes.len() as u64 > self.announced.size_bytes.saturating_sub(self.size_bytes) {
            return Err(
                self.unfit(format!("it is longer than announced, {} bytes", self.announced.size_bytes))
            );
        }
        self.file
            .write_all_at(bytes, self.size_bytes)
            .map_err(|error| StorageError::io("writing a received snapshot", &self.part, error))?;
        self.checksum.update(bytes);
        self.size_bytes += bytes.len() as u64;
        if self.size_bytes - self.synced_bytes >= SYNC_EVERY_BYTES {
            self.synced_bytes = self.size_bytes;
            self.file
                .sync()
                .map_err(|error| StorageError::io("syncing a received snapshot", &self.part, error))?;
        }
        Ok(())
    }

    /// Checks size and checksum against what was announced, syncs the file and gives it its name.
    pub fn finish(mut self) -> Result<(), StorageError> {
        if self.size_bytes != self.announced.size_bytes {
            let (found, announced) = (self.size_bytes, self.announced.size_bytes);
            return Err(self.unfit(format!("{found} bytes came instead of {announced}")));
        }
        if self.checksum.digest() != self.announced.checksum {
            return Err(self.unfit("its checksum is wrong".to_owned()));
        }
        self.file
            .sync()
            .map_err(|error| StorageError::io("syncing a received snapshot", &self.part, error))?;
        files::rename(&*self.disk, &self.part, &self.path)
    }

    fn unfit(&mut self, reason: String) -> StorageError {
        self.unfit = true;
        StorageError::snapshot(format!("file \"{}\": {reason}", self.announced.name))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if self.stays {
            return;
        }
        if let Err(error) = files::remove_dir(&*self.disk, &self.path) {
            tracing::warn!(%error, "a received snapshot stays for now");
        }
    }
}

impl Drop for StagedFile {
    fn drop(&mut self) {
        if !self.unfit {
            return;
        }
        if let Err(error) = files::remove_file(&*self.disk, &self.part) {
            tracing::warn!(%error, "an unfit file of a received snapshot stays for now");
        }
    }
}

/// Refuses a snapshot that would fill the disk: the node would stop, and the snapshot not come to an end either.
fn check_room(disk: &dyn Disk, path: &Path, missing_bytes: u64) -> Result<(), StorageError> {
    let space = files::space(disk, path)?;
    if space.free_bytes >= missing_bytes.saturating_add(ROOM_KEPT_BYTES) {
        return Ok(());
    }
    Err(StorageError::NoRoom {
        path: path.to_owned(),
        missing_bytes,
        kept_bytes: ROOM_KEPT_BYTES,
        free_bytes: space.free_bytes,
    })
}

/// Of the state in use the error would say that it is damaged.
pub(crate) fn as_unfit(error: StorageError) -> StorageError {
    match error {
        StorageError::StateDamaged { reason, .. } => StorageError::snapshot(reason),
        other => other,
    }
}

fn part_name(file: &CheckpointFile) -> String {
    format!("{}.{:016x}-{}{PART_SUFFIX}", file.name, file.checksum, file.size_bytes)
}

fn check_names(announced: &[CheckpointFile]) -> Result<(), StorageError> {
    let mut names = BTreeSet::new();
    for file in announced {
        check_name(&file.name)?;
        if !names.insert(&file.name) {
            return Err(StorageError::snapshot(format!("file \"{}\" is announced twice", file.name)));
        }
    }
    Ok(())
}

/// A name comes from another node: it must not lead out of the folder, nor look like an unfinished file.
fn check_name(name: &str) -> Result<(), StorageError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let fits = (1..=NAME_SIZE_BYTES_MAX).contains(&name.len());
    if fits && name.bytes().all(plain) && !name.starts_with('.') && !name.ends_with(PART_SUFFIX) {
        Ok(())
    } else {
        Err(StorageError::snapshot(format!("\"{}\" is no name of a file", name.escape_debug())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names come from another node: what is accepted is a file in the folder, and no other's.
    #[test]
    fn fuzz_names() {
        let part = format!("a.sst{PART_SUFFIX}");
        conclave_fuzz::inputs_of!(["000012.sst", "CURRENT", part.as_str()]).for_each(|input| {
            let name = String::from_utf8_lossy(input).into_owned();
            let file = CheckpointFile { name: name.clone(), size_bytes: 1, checksum: 2 };
            if check_names(std::slice::from_ref(&file)).is_ok() {
                assert_eq!(Path::new("folder").join(&name).file_name(), Some(name.as_ref()));
                assert_ne!(part_name(&file), name);
                assert!(check_names(&[file.clone(), file]).is_err());
            }
        });
    }
}
