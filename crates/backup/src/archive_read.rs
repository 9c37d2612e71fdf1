//! Reads an archive: manifest, files in order, and at the end the checksum over everything.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use xxhash_rust::xxh3::Xxh3;

use crate::archive_write::{FORMAT, MAGIC, PIECE_SIZE_BYTES_MAX, io};
use crate::compress::Decompressor;
use crate::manifest::MANIFEST_SIZE_BYTES_MAX;
use crate::{BackupError, FileSink, Manifest, ManifestFile};

/// What may be behind an archive that came over the wire of etcd.
const SHA256_SIZE_BYTES: usize = 32;

/// An archive that is being read, from its start to its end.
pub(crate) struct ArchiveReader {
    path: PathBuf,
    input: BufReader<File>,
    checksum: Xxh3,
}

impl ArchiveReader {
    /// Opens it and reads its manifest.
    pub(crate) fn open(path: &Path) -> Result<(Self, Manifest), BackupError> {
        let file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(BackupError::Missing { place: path.display().to_string() });
            }
            opened => opened.map_err(|source| io("opening", path, source))?,
        };
        let mut reader = Self { path: path.to_owned(), input: BufReader::new(file), checksum: Xxh3::new() };
        reader.check_magic()?;
        let size_bytes = reader.number()?;
        if size_bytes > MANIFEST_SIZE_BYTES_MAX {
            return Err(reader.damaged(format!("its manifest has {size_bytes} bytes")));
        }
        let manifest = reader.bytes(size_bytes)?;
        let manifest = Manifest::unseal(&path.display().to_string(), &manifest)?;
        Ok((reader, manifest))
    }

    /// Reads the next file, which is this one. If it is damaged, the next one can still be read, unless
    /// the archive itself is.
    pub(crate) fn read(&mut self, file: &ManifestFile, sink: &mut dyn FileSink) -> Result<(), BackupError> {
        let place = format!("{}: file {}", self.path.display(), file.name);
        let mut target = Decompressor::begin(place, file, sink)?;
        let mut outcome = Ok(());
        loop {
            let size_bytes = self.number()?;
            if size_bytes == 0 {
                break;
            }
            if size_bytes > PIECE_SIZE_BYTES_MAX {
                return Err(self.damaged(format!("a piece of {} has {size_bytes} bytes", file.name)));
            }
            let piece = self.bytes(size_bytes)?;
            outcome = outcome.and_then(|()| target.push(&piece));
        }
        outcome.and_then(|()| target.finish())
    }

    /// After the last file: whether all bytes are those that were written, and no more follow but their SHA-256.
    pub(crate) fn end(mut self) -> Result<(), BackupError> {
        let expected = self.checksum.digest();
        let mut found = [0; 8];
        self.fill(&mut found)?;
        if u64::from_be_bytes(found) != expected {
            return Err(self.damaged("the checksum over all of it is wrong"));
        }
        let failed = |source| io("reading", &self.path, source);
        let mut behind = Vec::new();
        let most = SHA256_SIZE_BYTES as u64 + 1;
        (&mut self.input).take(most).read_to_end(&mut behind).map_err(failed)?;
        match behind.len() {
            0 => Ok(()),
            SHA256_SIZE_BYTES if self.sha256_before().map_err(failed)?[..] == behind => Ok(()),
            SHA256_SIZE_BYTES => Err(self.damaged("the SHA-256 at its end is wrong")),
            _ => Err(self.damaged("more follows after its end")),
        }
    }

    /// SHA-256 of all but the one at the end.
    fn sha256_before(&self) -> io::Result<[u8; SHA256_SIZE_BYTES]> {
        let file = File::open(&self.path)?;
        let size_bytes = file.metadata()?.len().saturating_sub(SHA256_SIZE_BYTES as u64);
        let mut hasher = Sha256::new();
        io::copy(&mut BufReader::new(file).take(size_bytes), &mut hasher)?;
        Ok(hasher.finalize().into())
    }

    fn check_magic(&mut self) -> Result<(), BackupError> {
        let mut magic = [0; MAGIC.len() + 1];
        let read = self.fill(&mut magic);
        let place = self.path.display().to_string();
        if read.is_err() || !magic.starts_with(MAGIC) {
            return Err(BackupError::not_a_backup(place, "it does not begin as one"));
        }
        match magic[MAGIC.len()] {
            FORMAT => Ok(()),
            found => {
                let reason = format!("format {found} of an archive is not known (known: {FORMAT})");
                Err(BackupError::not_a_backup(place, reason))
            }
        }
    }

    fn number(&mut self) -> Result<usize, BackupError> {
        let mut bytes = [0; 4];
        self.fill(&mut bytes)?;
        Ok(u32::from_be_bytes(bytes) as usize)
    }

    fn bytes(&mut self, size_bytes: usize) -> Result<Vec<u8>, BackupError> {
        let mut bytes = vec![0; size_bytes];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), BackupError> {
        match self.input.read_exact(bytes) {
            Ok(()) => {
                self.checksum.update(bytes);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(self.damaged("it is cut short"))
            }
            Err(source) => Err(io("reading", &self.path, source)),
        }
    }

    fn damaged(&self, reason: impl Into<String>) -> BackupError {
        BackupError::broken(self.path.display().to_string(), reason)
    }
}

/// SHA-256 of these bytes.
#[cfg(test)]
pub(crate) fn sha256(bytes: &[u8]) -> [u8; SHA256_SIZE_BYTES] {
    Sha256::digest(bytes).into()
}
