//! Backups that were spoilt: what is believed is what was written.

use std::fs;
use std::io;
use std::path::Path;

use conclave_fuzz::inputs_of;
use xxhash_rust::xxh3::xxh3_64;

use crate::archive_read::ArchiveReader;
use crate::manifest::tests::{file, manifest};
use crate::{BackupError, FileSink, Manifest, ManifestFile, StoredArchive};

const FILES: [&[u8]; 3] = [b"one file", b"", b"another one, and a bit longer"];

/// The manifest as it is: its checksum guards what lies around it.
#[test]
fn fuzz_manifests() {
    let seed = serde_json::to_vec(&manifest(vec![file("CURRENT", b"abc"), file("1.sst", b"")])).unwrap();
    inputs_of!([seed]).for_each(|input| {
        let Ok(manifest) = serde_json::from_slice::<Manifest>(input) else { return };
        assert!(!manifest.id().is_empty());
        let _ = manifest.size_bytes();
        let read = Manifest::unseal("here", &manifest.seal());
        assert_eq!(read.is_ok(), manifest.check().is_ok());
        assert!(read.is_err() || read.unwrap() == manifest);
    });
}

#[test]
fn fuzz_sealed_manifests() {
    let whole = manifest(vec![file("CURRENT", b"abc"), file("1.sst", b"")]);
    inputs_of!([whole.seal()]).for_each(|input| {
        if let Ok(read) = Manifest::unseal("here", input) {
            assert_eq!(read, whole);
        }
    });
}

#[derive(Default)]
struct Kept(Vec<Vec<u8>>);

impl FileSink for Kept {
    fn begin(&mut self, _: &ManifestFile) -> io::Result<()> {
        self.0.push(Vec::new());
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.last_mut().expect("one was begun").extend_from_slice(bytes);
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn archive() -> Vec<u8> {
    let files = (1..).zip(FILES).map(|(number, content)| ManifestFile {
        name: format!("{number}.sst"),
        size_bytes: content.len() as u64,
        checksum: xxh3_64(content),
    });
    let mut archive = StoredArchive::begin(manifest(files.collect())).unwrap();
    let mut made = archive.head().unwrap();
    for (number, content) in FILES.iter().enumerate() {
        made.extend(archive.piece(number, content).unwrap());
    }
    made.extend(archive.end().unwrap());
    made
}

fn read(path: &Path) -> Result<Vec<Vec<u8>>, BackupError> {
    let (mut reader, manifest) = ArchiveReader::open(path)?;
    let mut kept = Kept::default();
    manifest.files.iter().try_for_each(|file| reader.read(file, &mut kept))?;
    reader.end()?;
    Ok(kept.0)
}

#[test]
fn fuzz_archives() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("archive");
    let seed = archive();
    fs::write(&path, &seed).unwrap();
    assert_eq!(read(&path).expect("it is whole"), FILES);
    inputs_of!([&seed]).for_each(|input| {
        fs::write(&path, &**input).unwrap();
        if let Ok(content) = read(&path) {
            assert_eq!(content, FILES);
        }
    });
}
