//! An archive as bytes that go elsewhere: made a piece at a time, of a size that is known from the beginning.
//!
//! It is an archive like any other (`archive_write.rs`), but its files are stored and not compressed: a zstd frame may
//! hold its bytes as they are. So whoever receives it can be told how much is still to come.

use xxhash_rust::xxh3::Xxh3;

use crate::archive_write::{FORMAT, MAGIC};
use crate::compress::check;
use crate::{BackupError, Manifest, ManifestFile};

/// What a zstd frame begins with: its magic, no checksum and no size of the content, a window of 128 KiB.
const FRAME_BEGIN: [u8; 6] = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 7 << 3];
/// The last block of a frame, empty.
const FRAME_END: [u8; 3] = [1, 0, 0];
/// Largest block of a zstd frame, in bytes.
const BLOCK_SIZE_BYTES_MAX: usize = 128 << 10;
/// The header of a block, in bytes.
const BLOCK_HEADER_SIZE_BYTES: usize = 3;
/// What tells the size of a piece, in bytes.
const PIECE_HEADER_SIZE_BYTES: usize = 4;
/// It has a multiple of so many bytes: by that etcdctl knows a snapshot that has a SHA-256 behind it.
const UNIT_SIZE_BYTES: u64 = 512;
/// The checksum over all, in bytes.
const CHECKSUM_SIZE_BYTES: usize = 8;

/// Makes an archive a piece at a time: the head, the files in the manifest's order, the end.
pub struct StoredArchive {
    manifest: Manifest,
    sealed: Vec<u8>,
    checksum: Xxh3,
    /// How many files are complete.
    files: usize,
    file: Option<OpenFile>,
}

/// What came of a file so far.
struct OpenFile {
    checksum: Xxh3,
    size_bytes: u64,
}

impl StoredArchive {
    /// Begins an archive with this manifest.
    ///
    /// # Errors
    /// If the manifest cannot be used.
    pub fn begin(manifest: Manifest) -> Result<Self, BackupError> {
        manifest.check().map_err(BackupError::Unfit)?;
        let sealed = manifest.seal();
        let mut archive = Self { manifest, sealed, checksum: Xxh3::new(), files: 0, file: None };
        let size_bytes = archive.size_bytes().next_multiple_of(UNIT_SIZE_BYTES);
        let padding = usize::try_from(size_bytes - archive.size_bytes()).unwrap_or_default();
        // The manifest is JSON, of which blanks at its end are no part.
        archive.sealed.resize(archive.sealed.len() + padding, b' ');
        Ok(archive)
    }

    /// How many bytes it will have.
    pub fn size_bytes(&self) -> u64 {
        let head = MAGIC.len() + 1 + PIECE_HEADER_SIZE_BYTES + self.sealed.len();
        let files = self.manifest.files.iter().map(stored_size_bytes).fold(0, u64::saturating_add);
        (head + CHECKSUM_SIZE_BYTES) as u64 + files
    }

    /// What comes before all files.
    ///
    /// # Errors
    /// If the manifest is too large for an archive.
    pub fn head(&mut self) -> Result<Vec<u8>, BackupError> {
        let sealed = std::mem::take(&mut self.sealed);
        let head = [&MAGIC[..], &[FORMAT], &size(&sealed)?, &sealed].concat();
        self.sealed = sealed;
        Ok(self.noted(head))
    }

    /// The next bytes of the file that has this number in the manifest. Of each file there must be some, which may be
    /// none, and all but the last as many as are whole blocks.
    ///
    /// # Errors
    /// If the files do not come in their order, or one was not what the manifest says.
    pub fn piece(&mut self, file: usize, data: &[u8]) -> Result<Vec<u8>, BackupError> {
        let mut made = Vec::with_capacity(data.len() + data.len() / 1_000 + 64);
        if self.file.is_some() && file != self.files {
            self.end_file(&mut made)?;
        }
        if file != self.files || file >= self.manifest.files.len() {
            return Err(BackupError::Unfit(format!("file number {file} came, and {} was to", self.files)));
        }
        let open = self.file.get_or_insert_with(|| {
            push_piece(&mut made, &[&FRAME_BEGIN]);
            OpenFile { checksum: Xxh3::new(), size_bytes: 0 }
        });
        open.checksum.update(data);
        open.size_bytes += data.len() as u64;
        for block in data.chunks(BLOCK_SIZE_BYTES_MAX) {
            push_piece(&mut made, &[&block_header(block.len()), block]);
        }
        Ok(self.noted(made))
    }

    /// What comes after all files.
    ///
    /// # Errors
    /// If a file did not come, or was not what the manifest says.
    pub fn end(mut self) -> Result<Vec<u8>, BackupError> {
        let mut made = Vec::new();
        if self.file.is_some() {
            self.end_file(&mut made)?;
        }
        if self.files != self.manifest.files.len() {
            let told = format!("{} of {} files came", self.files, self.manifest.files.len());
            return Err(BackupError::Unfit(told));
        }
        let mut made = self.noted(made);
        made.extend_from_slice(&self.checksum.digest().to_be_bytes());
        Ok(made)
    }

    fn end_file(&mut self, made: &mut Vec<u8>) -> Result<(), BackupError> {
        let (described, open) = (&self.manifest.files[self.files], self.file.take());
        let OpenFile { checksum, size_bytes } = open.expect("it is ended once it was begun");
        check(described, size_bytes, checksum.digest())
            .map_err(|reason| BackupError::Unfit(format!("{}: {reason}", described.name)))?;
        push_piece(made, &[&FRAME_END]);
        made.extend_from_slice(&[0; PIECE_HEADER_SIZE_BYTES]);
        self.files += 1;
        Ok(())
    }

    fn noted(&mut self, made: Vec<u8>) -> Vec<u8> {
        self.checksum.update(&made);
        made
    }
}

/// How many bytes a file takes in the archive.
fn stored_size_bytes(file: &ManifestFile) -> u64 {
    let frame = 2 * PIECE_HEADER_SIZE_BYTES + FRAME_BEGIN.len() + FRAME_END.len() + PIECE_HEADER_SIZE_BYTES;
    let blocks = file.size_bytes.div_ceil(BLOCK_SIZE_BYTES_MAX as u64);
    let around = (PIECE_HEADER_SIZE_BYTES + BLOCK_HEADER_SIZE_BYTES) as u64;
    (frame as u64).saturating_add(file.size_bytes).saturating_add(blocks.saturating_mul(around))
}

/// Of a block that is not the last and holds its bytes as they are: three bytes, little-endian.
fn block_header(size_bytes: usize) -> [u8; BLOCK_HEADER_SIZE_BYTES] {
    let [first, second, third, ..] = (size_bytes << 3).to_le_bytes();
    [first, second, third]
}

fn push_piece(made: &mut Vec<u8>, parts: &[&[u8]]) {
    let size_bytes: usize = parts.iter().map(|part| part.len()).sum();
    let size_bytes = u32::try_from(size_bytes).expect("a block is small");
    made.extend_from_slice(&size_bytes.to_be_bytes());
    parts.iter().for_each(|part| made.extend_from_slice(part));
}

fn size(bytes: &[u8]) -> Result<[u8; 4], BackupError> {
    let size =
        u32::try_from(bytes.len()).map_err(|_| BackupError::Unfit("a manifest of over 4 GiB".into()))?;
    Ok(size.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use std::io;

    use xxhash_rust::xxh3::xxh3_64;

    use super::*;
    use crate::{FileSink, OpenBackup, Place, Which};

    /// Largest piece that files are read in.
    const PIECE_SIZE_BYTES: usize = 1 << 20;

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

    fn manifest(files: &[Vec<u8>]) -> Manifest {
        let file = |(number, bytes): (usize, &Vec<u8>)| ManifestFile {
            name: format!("{number}.sst"),
            size_bytes: bytes.len() as u64,
            checksum: xxh3_64(bytes),
        };
        Manifest {
            cluster_id: 1,
            cluster_name: "c".into(),
            node_id: 1,
            version: "0".into(),
            revision: 2,
            applied_index: 3,
            applied_term: 1,
            digest: String::new(),
            time_ms: 0,
            made_ms: 0,
            files: files.iter().enumerate().map(file).collect(),
        }
    }

    fn archive(files: &[Vec<u8>]) -> Vec<u8> {
        let mut archive = StoredArchive::begin(manifest(files)).unwrap();
        let size_bytes = archive.size_bytes();
        let mut made = archive.head().unwrap();
        for (number, bytes) in files.iter().enumerate() {
            if bytes.is_empty() {
                made.extend(archive.piece(number, b"").unwrap());
            }
            for piece in bytes.chunks(PIECE_SIZE_BYTES) {
                made.extend(archive.piece(number, piece).unwrap());
            }
        }
        made.extend(archive.end().unwrap());
        assert_eq!(made.len() as u64, size_bytes, "the size is known before");
        assert_eq!(made.len() % 512, 0, "etcdctl looks for what is beyond");
        made
    }

    fn files() -> Vec<Vec<u8>> {
        let bytes = |size: usize| (0..size).map(|at| u8::try_from(at % 251).unwrap()).collect();
        let sizes = [0, 1, BLOCK_SIZE_BYTES_MAX - 1, BLOCK_SIZE_BYTES_MAX, 2 * PIECE_SIZE_BYTES + 5, 0];
        sizes.map(bytes).into()
    }

    async fn read(bytes: &[u8]) -> Result<Vec<Vec<u8>>, BackupError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.conclave");
        std::fs::write(&path, bytes).unwrap();
        let open = OpenBackup::open(&Place::Archive(path), &Which::Newest.into()).await?;
        let mut kept = Kept::default();
        open.read(&mut kept).await?;
        Ok(kept.0)
    }

    #[tokio::test]
    async fn it_is_read_as_any_archive_is() {
        assert_eq!(read(&archive(&files())).await.unwrap(), files());
        assert_eq!(read(&archive(&[])).await.unwrap(), Vec::<Vec<u8>>::new());
    }

    #[tokio::test]
    async fn a_checksum_behind_it_is_checked() {
        let archive = archive(&files());
        let sealed = |archive: &[u8]| [archive, &crate::archive_read::sha256(archive)].concat();
        assert_eq!(read(&sealed(&archive)).await.unwrap(), files());
        let mut damaged = sealed(&archive);
        *damaged.last_mut().unwrap() ^= 1;
        assert!(matches!(read(&damaged).await, Err(BackupError::Broken { .. })));
        let short = &sealed(&archive)[..archive.len() + 31];
        assert!(matches!(read(short).await, Err(BackupError::Broken { .. })));
    }

    #[test]
    fn what_is_not_in_its_manifest_makes_no_archive() {
        let files = vec![b"one".to_vec(), b"two".to_vec()];
        let begun = || StoredArchive::begin(manifest(&files)).unwrap();
        assert!(matches!(begun().piece(1, b"two"), Err(BackupError::Unfit(_))), "the first one is left out");
        assert!(matches!(begun().end(), Err(BackupError::Unfit(_))));
        let mut other = begun();
        other.piece(0, b"two").unwrap();
        assert!(matches!(other.piece(1, b"two"), Err(BackupError::Unfit(_))), "it had another content");
    }
}
