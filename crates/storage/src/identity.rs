//! Whose data a directory holds: written once, checked at every start.

use std::fmt;
use std::path::Path;

use xxhash_rust::xxh3::xxh3_64;

use crate::{Disk, StorageError, files};

/// The format that is written, and the only one that is read so far.
const FORMAT: u8 = 1;
/// Format, node id, cluster id, checksum of those.
const SIZE_BYTES: usize = 25;
const CHECKSUM_AT: usize = 17;

/// One node of one cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The node's id, unique in its cluster and never used again.
    pub node_id: u64,
    /// The cluster's id.
    pub cluster_id: u64,
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node {} of cluster {:016x}", self.node_id, self.cluster_id)
    }
}

impl Identity {
    /// Writes it to `path`; it is there entirely or not at all.
    pub(crate) fn write(self, disk: &dyn Disk, path: &Path) -> Result<(), StorageError> {
        files::replace(disk, path, &self.encode())
    }

    /// Reads it from `path`; none if there is no such file.
    pub(crate) fn read(disk: &dyn Disk, path: &Path) -> Result<Option<Self>, StorageError> {
        let Some(bytes) = files::read(disk, path)? else { return Ok(None) };
        Self::decode(&bytes).map(Some).map_err(|reason| StorageError::corrupt(path, reason))
    }

    fn encode(self) -> [u8; SIZE_BYTES] {
        let mut bytes = [0; SIZE_BYTES];
        bytes[0] = FORMAT;
        bytes[1..9].copy_from_slice(&self.node_id.to_be_bytes());
        bytes[9..CHECKSUM_AT].copy_from_slice(&self.cluster_id.to_be_bytes());
        let checksum = xxh3_64(&bytes[..CHECKSUM_AT]);
        bytes[CHECKSUM_AT..].copy_from_slice(&checksum.to_be_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Result<Self, String> {
        if bytes.first().is_some_and(|&format| format != FORMAT) {
            return Err(format!("format {} of the identity is not known here (known: {FORMAT})", bytes[0]));
        }
        let bytes: &[u8; SIZE_BYTES] = bytes
            .try_into()
            .map_err(|_| format!("the identity has {} bytes instead of {SIZE_BYTES}", bytes.len()))?;
        if number(bytes, CHECKSUM_AT) != xxh3_64(&bytes[..CHECKSUM_AT]) {
            return Err("the identity's checksum is wrong".to_owned());
        }
        Ok(Self { node_id: number(bytes, 1), cluster_id: number(bytes, 9) })
    }
}

fn number(bytes: &[u8; SIZE_BYTES], at: usize) -> u64 {
    u64::from_be_bytes(bytes[at..at + 8].try_into().expect("a slice of eight bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDENTITY: Identity = Identity { node_id: 3, cluster_id: 0x0123_4567_89ab_cdef };

    #[test]
    fn it_keeps_its_bytes() {
        let golden =
            [1, 0, 0, 0, 0, 0, 0, 0, 3, 1, 35, 69, 103, 137, 171, 205, 239, 13, 28, 67, 2, 210, 79, 224, 31];
        assert_eq!(IDENTITY.encode(), golden);
        assert_eq!(Identity::decode(&golden), Ok(IDENTITY));
    }

    #[test]
    fn every_damage_is_found() {
        let bytes = IDENTITY.encode();
        assert!(Identity::decode(&[]).is_err());
        assert!(Identity::decode(&bytes[..24]).unwrap_err().contains("24 bytes"));
        for at in 0..SIZE_BYTES {
            let mut damaged = bytes;
            damaged[at] ^= 0x10;
            assert!(Identity::decode(&damaged).is_err(), "byte {at}");
        }
    }
}
