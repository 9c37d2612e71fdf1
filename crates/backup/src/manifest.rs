//! What a backup is: whose state, as of when, in which files.
//!
//! It is kept as JSON that people can read, with a checksum over its content:
//! `{"format": 1, "checksum": "…", "manifest": {…}}`.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::BackupError;

/// The format that is written, and the only one that is read so far.
const FORMAT: u32 = 1;
/// Most files of a backup.
pub const FILES_MAX: usize = 100_000;
/// Largest manifest that is read, in bytes.
pub(crate) const MANIFEST_SIZE_BYTES_MAX: usize = 64 << 20;
const NAME_SIZE_BYTES_MAX: usize = 100;

/// What a backup is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Id of the cluster that it is of.
    #[serde(with = "hex")]
    pub cluster_id: u64,
    /// Its name.
    pub cluster_name: String,
    /// The node whose state it is.
    pub node_id: u64,
    /// Version of the node's program.
    pub version: String,
    /// The revision that the state is at.
    pub revision: u64,
    /// Index of the last log entry in it.
    pub applied_index: u64,
    /// Term of that entry.
    pub applied_term: u64,
    /// Digest of all that was applied, as hexadecimal digits.
    pub digest: String,
    /// When the newest entry in it was stamped, in milliseconds since 1970-01-01 UTC.
    pub time_ms: i64,
    /// When the backup was made, by the clock of whoever made it, in milliseconds since 1970-01-01 UTC.
    pub made_ms: i64,
    /// The files.
    pub files: Vec<ManifestFile>,
}

/// One file of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestFile {
    /// Its name, without a folder: letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// Its size.
    pub size_bytes: u64,
    /// xxh3-64 of its content.
    #[serde(with = "hex")]
    pub checksum: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed<M> {
    format: u32,
    #[serde(with = "hex")]
    checksum: u64,
    manifest: M,
}

/// What every format of a manifest tells.
#[derive(Deserialize)]
struct Head {
    format: u32,
}

impl Manifest {
    /// A name of the backup that no other has: the time and the revision of its state, and a part of its checksum.
    pub fn id(&self) -> String {
        let time = Timestamp::from_millisecond(self.time_ms).unwrap_or(Timestamp::UNIX_EPOCH);
        format!("{}-r{}-{:08x}", time.strftime("%Y%m%dT%H%M%SZ"), self.revision, self.checksum() >> 32)
    }

    /// xxh3-64 of all that it says.
    pub fn checksum(&self) -> u64 {
        xxh3_64(&serde_json::to_vec(self).expect("a manifest is plain data"))
    }

    /// How many bytes its files have together.
    pub fn size_bytes(&self) -> u64 {
        self.files.iter().map(|file| file.size_bytes).fold(0, u64::saturating_add)
    }

    /// Whether its names can be used as names of files, each once.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self) -> Result<(), String> {
        if self.files.len() > FILES_MAX {
            return Err(format!("{} files, of which {FILES_MAX} are allowed", self.files.len()));
        }
        let mut seen = BTreeSet::new();
        for ManifestFile { name, .. } in &self.files {
            if !is_plain(name) {
                return Err(format!("\"{}\" is no name of a file", name.escape_debug()));
            }
            if !seen.insert(name) {
                return Err(format!("it names {name} twice"));
            }
        }
        Ok(())
    }

    pub(crate) fn seal(&self) -> Vec<u8> {
        let sealed = Sealed { format: FORMAT, checksum: self.checksum(), manifest: self };
        let mut bytes = serde_json::to_vec_pretty(&sealed).expect("a manifest is plain data");
        bytes.push(b'\n');
        bytes
    }

    /// Reads what was sealed; `place` is where it lies.
    pub(crate) fn unseal(place: &str, bytes: &[u8]) -> Result<Self, BackupError> {
        let damaged = |reason: String| BackupError::broken(place, format!("its manifest: {reason}"));
        if let Ok(Head { format }) = serde_json::from_slice(bytes)
            && format != FORMAT
        {
            let reason = format!("format {format} of a manifest is not known (known: {FORMAT})");
            return Err(BackupError::not_a_backup(place, reason));
        }
        let sealed: Sealed<Self> =
            serde_json::from_slice(bytes).map_err(|error| damaged(error.to_string()))?;
        if sealed.manifest.checksum() != sealed.checksum {
            return Err(damaged("its checksum is wrong".into()));
        }
        sealed.manifest.check().map_err(damaged)?;
        Ok(sealed.manifest)
    }
}

/// A name comes from elsewhere: it must not lead out of a folder.
fn is_plain(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=NAME_SIZE_BYTES_MAX).contains(&name.len()) && name.bytes().all(plain) && !name.starts_with('.')
}

/// Numbers that JSON's readers would round: as hexadecimal digits.
mod hex {
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    pub(super) fn serialize<S: Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{number:016x}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        let text = String::deserialize(deserializer)?;
        u64::from_str_radix(&text, 16).map_err(D::Error::custom)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn file(name: &str, content: &[u8]) -> ManifestFile {
        ManifestFile { name: name.into(), size_bytes: content.len() as u64, checksum: xxh3_64(content) }
    }

    pub(crate) fn manifest(files: Vec<ManifestFile>) -> Manifest {
        Manifest {
            cluster_id: 0xfedc_ba98_7654_3210,
            cluster_name: "shop".into(),
            node_id: 2,
            version: "0.1.0".into(),
            revision: 1_234,
            applied_index: 1_300,
            applied_term: 7,
            digest: "ab".repeat(16),
            time_ms: 1_764_036_956_789,
            made_ms: 1_764_040_000_000,
            files,
        }
    }

    #[test]
    fn it_keeps_its_bytes() {
        let golden = r#"{
  "format": 1,
  "checksum": "CHECKSUM",
  "manifest": {
    "cluster_id": "fedcba9876543210",
    "cluster_name": "shop",
    "node_id": 2,
    "version": "0.1.0",
    "revision": 1234,
    "applied_index": 1300,
    "applied_term": 7,
    "digest": "abababababababababababababababab",
    "time_ms": 1764036956789,
    "made_ms": 1764040000000,
    "files": [
      {
        "name": "CURRENT",
        "size_bytes": 3,
        "checksum": "78af5f94892f3950"
      }
    ]
  }
}
"#;
        let manifest = manifest(vec![file("CURRENT", b"abc")]);
        let golden = golden.replace("CHECKSUM", "784f029cff52a910");
        assert_eq!(String::from_utf8(manifest.seal()).unwrap(), golden);
        assert_eq!(Manifest::unseal("here", golden.as_bytes()).unwrap(), manifest);
        assert_eq!(manifest.id(), "20251125T021556Z-r1234-784f029c");
    }

    #[test]
    fn every_damage_is_found() {
        let bytes = manifest(vec![file("CURRENT", b"abc")]).seal();
        let read = |bytes: &[u8]| Manifest::unseal("here", bytes);
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x04;
            let same = serde_json::from_slice::<serde_json::Value>(&damaged).ok()
                == serde_json::from_slice::<serde_json::Value>(&bytes).ok();
            assert!(same || read(&damaged).is_err(), "byte {at}");
        }
        assert!(matches!(read(&bytes[..bytes.len() / 2]), Err(BackupError::Broken { .. })));
        let newer = String::from_utf8(bytes).unwrap().replace("\"format\": 1", "\"format\": 2");
        assert!(matches!(read(newer.as_bytes()), Err(BackupError::NotABackup { .. })));
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for name in ["", ".", "..", "../x", "a/b", "a\\b", ".x", "a\0", &"x".repeat(101)] {
            let told = manifest(vec![file(name, b"")]).check();
            assert!(told.is_err_and(|told| told.contains("is no name of a file")), "{name:?}");
        }
        let twice = manifest(vec![file("a", b""), file("a", b"x")]);
        assert_eq!(twice.check(), Err("it names a twice".into()));
    }
}
