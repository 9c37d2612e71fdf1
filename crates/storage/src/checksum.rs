//! Checksums of rows and of files.

use std::io::Read;
use std::path::Path;

use bytes::Bytes;
use xxhash_rust::xxh3::Xxh3;

use crate::{Disk, FileReader, StorageError};

const SIZE_BYTES: usize = 8;
const CHUNK_SIZE_BYTES: usize = 256 * 1024;

/// The value of a row as it is stored: a checksum over key and value, then the value.
pub(crate) fn seal(key: &[u8], value: &[u8]) -> Vec<u8> {
    let mut row = Vec::with_capacity(SIZE_BYTES + value.len());
    row.extend_from_slice(&row_checksum(key, value).to_be_bytes());
    row.extend_from_slice(value);
    row
}

/// The value that was sealed under `key`; none if the row is not as it was written.
pub(crate) fn unseal(key: &[u8], row: &[u8]) -> Option<Bytes> {
    let (checksum, value) = row.split_first_chunk::<SIZE_BYTES>()?;
    let intact = u64::from_be_bytes(*checksum) == row_checksum(key, value);
    intact.then(|| Bytes::copy_from_slice(value))
}

fn row_checksum(key: &[u8], value: &[u8]) -> u64 {
    let mut hash = Xxh3::new();
    hash.update(key);
    hash.update(value);
    hash.digest()
}

/// Size and xxh3-64 of a file's content.
pub(crate) fn of_file(disk: &dyn Disk, path: &Path) -> Result<(u64, u64), StorageError> {
    let failed = |error| StorageError::io("reading", path, error);
    let mut file = disk.open(path).map(FileReader::new).map_err(failed)?;
    let mut chunk = vec![0; CHUNK_SIZE_BYTES];
    let mut hash = Xxh3::new();
    let mut size_bytes = 0;
    loop {
        let count = file.read(&mut chunk).map_err(failed)?;
        if count == 0 {
            return Ok((size_bytes, hash.digest()));
        }
        hash.update(&chunk[..count]);
        size_bytes += count as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_keeps_its_bytes_and_shows_every_damage() {
        let row = seal(b"key", b"value");
        assert_eq!(row[SIZE_BYTES..], *b"value");
        assert_eq!(row[..SIZE_BYTES], [169, 134, 54, 125, 148, 205, 162, 60]);
        assert_eq!(unseal(b"key", &row).unwrap(), "value");
        assert_eq!(unseal(b"kez", &row), None);
        assert_eq!(unseal(b"key", &row[..7]), None);
        for at in 0..row.len() {
            let mut damaged = row.clone();
            damaged[at] ^= 1;
            assert_eq!(unseal(b"key", &damaged), None, "byte {at}");
        }
    }
}
