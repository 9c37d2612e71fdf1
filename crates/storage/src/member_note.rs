//! What a node notes of itself before and beside its identity: the number that it drew, how it came into its
//! cluster, and what that is called. It is there before the identity is, so that a node that was cut off while
//! it joined asks again as the same one.

use std::path::Path;

use xxhash_rust::xxh3::xxh3_64;

use crate::{Disk, StorageError, files};

/// The format that is written, and the only one that is read so far.
const FORMAT: u8 = 1;
const FILE: &str = "member";
/// Format, instance, whether it joined.
const HEADER_SIZE_BYTES: usize = 10;
const CHECKSUM_SIZE_BYTES: usize = 8;

/// What a node notes of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberNote {
    /// The number that it drew when its data directory was made: tells it from one that lost its data.
    pub instance: u64,
    /// Whether it joined a cluster that was there, and never forms one.
    pub joined: bool,
    /// Name of the cluster.
    pub cluster_name: String,
}

impl MemberNote {
    /// Writes it into a data directory; it is there entirely or not at all.
    pub(crate) fn write(&self, disk: &dyn Disk, dir: &Path) -> Result<(), StorageError> {
        files::replace(disk, &dir.join(FILE), &self.encode())
    }

    /// Reads it from a data directory; none if there is no such file.
    pub(crate) fn read(disk: &dyn Disk, dir: &Path) -> Result<Option<Self>, StorageError> {
        let path = dir.join(FILE);
        let Some(bytes) = files::read(disk, &path)? else { return Ok(None) };
        Self::decode(&bytes).map(Some).map_err(|reason| StorageError::corrupt(&path, reason))
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![FORMAT];
        bytes.extend_from_slice(&self.instance.to_be_bytes());
        bytes.push(u8::from(self.joined));
        bytes.extend_from_slice(self.cluster_name.as_bytes());
        let checksum = xxh3_64(&bytes);
        bytes.extend_from_slice(&checksum.to_be_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Result<Self, String> {
        if bytes.first().is_some_and(|&format| format != FORMAT) {
            return Err(format!("format {} of the note is not known here (known: {FORMAT})", bytes[0]));
        }
        let Some((noted, checksum)) = bytes.split_last_chunk::<CHECKSUM_SIZE_BYTES>() else {
            return Err(format!("the note has only {} bytes", bytes.len()));
        };
        if u64::from_be_bytes(*checksum) != xxh3_64(noted) || noted.len() < HEADER_SIZE_BYTES {
            return Err("the note's checksum is wrong".to_owned());
        }
        let instance = noted[1..9].try_into().expect("a slice of eight bytes");
        let cluster_name = String::from_utf8(noted[HEADER_SIZE_BYTES..].to_vec());
        Ok(Self {
            instance: u64::from_be_bytes(instance),
            joined: noted[9] != 0,
            cluster_name: cluster_name.map_err(|_| "the cluster's name is no text".to_owned())?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_keeps_its_bytes_and_every_damage_is_found() {
        let note = MemberNote { instance: 0x0102_0304, joined: true, cluster_name: "shop".into() };
        let bytes = note.encode();
        assert_eq!(bytes[..14], *b"\x01\0\0\0\0\x01\x02\x03\x04\x01shop");
        assert_eq!(MemberNote::decode(&bytes), Ok(note));
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x10;
            assert!(MemberNote::decode(&damaged).is_err(), "byte {at}");
            assert!(MemberNote::decode(&bytes[..at]).is_err(), "cut at {at}");
        }
    }
}
