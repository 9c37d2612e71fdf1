//! Writes an archive: one file, which is there as a whole or not at all.
//!
//! ```text
//! "CONCLAVE" · format (1) · size of the manifest (4) · manifest
//! for every file in the manifest's order:  [ size of a piece (4) · piece ]…  · 0 (4)
//! xxh3-64 of everything before (8)
//! ```
//!
//! Numbers are big-endian. The pieces of a file make one zstd frame.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;
use xxhash_rust::xxh3::Xxh3;

use crate::compress::Compressor;
use crate::{BackupError, Manifest, ManifestFile};

pub(crate) const MAGIC: &[u8; 8] = b"CONCLAVE";
pub(crate) const FORMAT: u8 = 1;
/// What the name begins with that an archive has while it is written.
const ASIDE: &str = ".conclave-backup-";
/// Largest piece, in bytes.
pub(crate) const PIECE_SIZE_BYTES_MAX: usize = 4 << 20;

/// An archive that is being written, under another name. Removed when dropped, unless it was finished.
pub(crate) struct ArchiveWriter {
    path: PathBuf,
    overwrite: bool,
    out: BufWriter<NamedTempFile>,
    checksum: Xxh3,
    size_bytes: u64,
    file: Option<Compressor>,
}

impl ArchiveWriter {
    pub(crate) fn begin(path: &Path, overwrite: bool, manifest: &Manifest) -> Result<Self, BackupError> {
        if !overwrite && path.symlink_metadata().is_ok() {
            return Err(BackupError::Exists { path: path.to_owned() });
        }
        let aside = aside(folder(path)).map_err(|source| io("writing beside", path, source))?;
        let mut writer = Self {
            path: path.to_owned(),
            overwrite,
            out: BufWriter::new(aside),
            checksum: Xxh3::new(),
            size_bytes: 0,
            file: None,
        };
        let manifest = manifest.seal();
        writer.put(MAGIC)?;
        writer.put(&[FORMAT])?;
        writer.put(&size(&manifest)?)?;
        writer.put(&manifest)?;
        Ok(writer)
    }

    pub(crate) fn begin_file(&mut self, file: ManifestFile) -> Result<(), BackupError> {
        self.file = Some(Compressor::new(file).map_err(BackupError::Sink)?);
        Ok(())
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), BackupError> {
        let file = self.file.as_mut().ok_or_else(|| BackupError::Unfit("no file was begun".into()))?;
        let ready = file.push(bytes)?;
        self.pieces(&ready)
    }

    pub(crate) fn finish_file(&mut self) -> Result<(), BackupError> {
        let mut file = self.file.take().ok_or_else(|| BackupError::Unfit("no file was begun".into()))?;
        let rest = file.finish()?;
        self.pieces(&rest)?;
        self.put(&0u32.to_be_bytes())
    }

    /// Gives the archive its name, durably. Tells its size.
    pub(crate) fn finish(mut self) -> Result<u64, BackupError> {
        let checksum = self.checksum.digest();
        self.put(&checksum.to_be_bytes())?;
        let Self { path, overwrite, out, size_bytes, .. } = self;
        let failed = |source| io("writing", &path, source);
        let aside = out.into_inner().map_err(|error| failed(error.into_error()))?;
        aside.as_file().sync_all().map_err(failed)?;
        let renamed = if overwrite { aside.persist(&path) } else { aside.persist_noclobber(&path) };
        match renamed {
            Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => {
                return Err(BackupError::Exists { path });
            }
            renamed => renamed.map_err(|error| failed(error.error))?,
        };
        let synced = File::open(folder(&path)).and_then(|folder| folder.sync_all());
        synced.map_err(|source| io("syncing the folder of", &path, source))?;
        Ok(size_bytes)
    }

    fn pieces(&mut self, bytes: &[u8]) -> Result<(), BackupError> {
        for piece in bytes.chunks(PIECE_SIZE_BYTES_MAX) {
            self.put(&size(piece)?)?;
            self.put(piece)?;
        }
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), BackupError> {
        self.checksum.update(bytes);
        self.size_bytes += bytes.len() as u64;
        self.out.write_all(bytes).map_err(|source| io("writing", &self.path, source))
    }
}

/// A file to write to, locked for as long as it is open. What an earlier one has left that was killed is removed.
fn aside(folder: &Path) -> std::io::Result<NamedTempFile> {
    for entry in std::fs::read_dir(folder)?.flatten() {
        let is_aside = entry.file_name().to_string_lossy().starts_with(ASIDE);
        // Whoever still writes it holds its lock.
        if is_aside && File::open(entry.path()).is_ok_and(|left| left.try_lock().is_ok()) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
    loop {
        let aside = tempfile::Builder::new().prefix(ASIDE).tempfile_in(folder)?;
        aside.as_file().lock()?;
        // Another backup may have taken it for a left-over before it was locked.
        if aside.path().exists() {
            return Ok(aside);
        }
    }
}

fn size(bytes: &[u8]) -> Result<[u8; 4], BackupError> {
    let size = u32::try_from(bytes.len()).map_err(|_| BackupError::Unfit("a piece of over 4 GiB".into()))?;
    Ok(size.to_be_bytes())
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."))
}

pub(crate) fn io(what: &'static str, path: &Path, source: std::io::Error) -> BackupError {
    BackupError::Io { what, path: path.to_owned(), source }
}
