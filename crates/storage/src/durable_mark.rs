//! How much of the log was on disk, noted beside RocksDB: so that what is lost is missed.
//!
//! The file holds the sequence number of RocksDB's last synced write. It is written over in place after
//! each such write, which is a copy into the system's memory, and synced now and then only. It may
//! therefore lag behind after a loss of power; it is never ahead.

use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64;

use crate::{Disk, DiskFile, StorageError, files};

/// After so many writes the mark itself is synced.
pub(crate) const SYNC_EVERY_WRITES: u32 = 1024;

const FORMAT: u8 = 1;
/// Format, sequence number, checksum of those.
const SIZE_BYTES: usize = 17;
const CHECKSUM_AT: usize = 9;

/// The mark, opened for writing.
pub(crate) struct DurableMark {
    file: Box<dyn DiskFile>,
    path: PathBuf,
    unsynced_writes: u32,
}

impl DurableMark {
    /// Writes the first mark.
    pub(crate) fn create(disk: &dyn Disk, path: &Path, sequence: u64) -> Result<(), StorageError> {
        files::replace(disk, path, &encode(sequence))
    }

    /// Opens the mark, and reads it.
    pub(crate) fn open(disk: &dyn Disk, path: &Path) -> Result<(Self, u64), StorageError> {
        let bytes = files::read(disk, path)?
            .ok_or_else(|| StorageError::corrupt(path, "the durable mark is missing"))?;
        let sequence = decode(&bytes)
            .ok_or_else(|| StorageError::corrupt(path, "the durable mark is not as it was written"))?;
        let file = disk
            .open_to_write(path)
            .map_err(|error| StorageError::io("opening the durable mark", path, error))?;
        Ok((Self { file, path: path.to_owned(), unsynced_writes: 0 }, sequence))
    }

    /// Notes that everything up to `sequence` is on disk.
    pub(crate) fn note(&mut self, sequence: u64) -> Result<(), StorageError> {
        self.file
            .write_all_at(&encode(sequence), 0)
            .map_err(|error| StorageError::io("writing the durable mark", &self.path, error))?;
        self.unsynced_writes += 1;
        if self.unsynced_writes < SYNC_EVERY_WRITES { Ok(()) } else { self.sync() }
    }

    /// Makes the mark itself durable.
    pub(crate) fn sync(&mut self) -> Result<(), StorageError> {
        self.unsynced_writes = 0;
        self.file.sync().map_err(|error| StorageError::io("syncing the durable mark", &self.path, error))
    }
}

fn encode(sequence: u64) -> [u8; SIZE_BYTES] {
    let mut bytes = [0; SIZE_BYTES];
    bytes[0] = FORMAT;
    bytes[1..CHECKSUM_AT].copy_from_slice(&sequence.to_be_bytes());
    let checksum = xxh3_64(&bytes[..CHECKSUM_AT]);
    bytes[CHECKSUM_AT..].copy_from_slice(&checksum.to_be_bytes());
    bytes
}

fn decode(bytes: &[u8]) -> Option<u64> {
    let (head, checksum) = bytes.split_at_checked(CHECKSUM_AT)?;
    let intact = xxh3_64(head).to_be_bytes() == checksum && head[0] == FORMAT;
    intact.then(|| u64::from_be_bytes(head[1..].try_into().expect("the head has nine bytes")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OsDisk;

    #[test]
    fn every_damage_is_found() {
        let bytes = encode(0x0102);
        assert_eq!(decode(&bytes), Some(0x0102));
        assert_eq!(decode(&bytes[..16]), None);
        assert_eq!(decode(&[]), None);
        for at in 0..SIZE_BYTES {
            let mut damaged = bytes;
            damaged[at] ^= 0x40;
            assert_eq!(decode(&damaged), None, "byte {at}");
        }
    }

    #[test]
    fn the_last_note_counts() {
        let (dir, disk) = (tempfile::tempdir().unwrap(), OsDisk::new());
        let path = dir.path().join("mark");
        DurableMark::create(&disk, &path, 1).unwrap();
        let (mut mark, first) = DurableMark::open(&disk, &path).unwrap();
        assert_eq!(first, 1);
        for sequence in 2..SYNC_EVERY_WRITES.into() {
            mark.note(sequence).unwrap();
        }
        assert_eq!(DurableMark::open(&disk, &path).unwrap().1, u64::from(SYNC_EVERY_WRITES) - 1);
    }
}
