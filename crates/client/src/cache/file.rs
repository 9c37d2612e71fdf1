//! The file of the last good copy. It is replaced whole or not at all, nobody else may read it, and it is
//! believed only if it is, to the byte, what was written.
//!
//! Layout: a mark of nine bytes, whose last one is the format; the 16 bytes of an XXH3 checksum of the
//! rest; the rest is one protobuf message.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use conclave_proto::config::v1::Item;
use prost::Message as _;
use xxhash_rust::xxh3::xxh3_128;

use super::CacheOptions;
use super::content::Content;
use super::error::CacheFileError;
use crate::watch::NamespaceState;

/// What the file begins with; the last byte is the format.
const MARK: &[u8; 9] = b"CONCACHE\x01";
const CHECKSUM_SIZE_BYTES: usize = 16;
const HEAD_SIZE_BYTES: usize = MARK.len() + CHECKSUM_SIZE_BYTES;
/// What is written beside the file is named `.last-good-`, the file's name, `-`, chance, and this.
const BESIDE_SUFFIX: &str = ".tmp";
/// What was written beside the file and is so old was left by a program that was killed.
const LEFTOVER_AGE_MIN: Duration = Duration::from_secs(600);
/// More than what a cache accepts from a node by default; a larger file is none of ours.
const FILE_SIZE_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// What was in a file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Saved {
    pub(super) content: Content,
    /// When the content was last known to be current.
    pub(super) confirmed: SystemTime,
}

/// What the message in the file is made of. Numbers are never used twice.
#[derive(Clone, PartialEq, prost::Message)]
struct CopyMessage {
    #[prost(string, tag = "1")]
    namespace: String,
    #[prost(string, tag = "2")]
    key_prefix: String,
    #[prost(uint64, tag = "3")]
    version: u64,
    #[prost(uint64, tag = "4")]
    revision: u64,
    #[prost(uint64, tag = "5")]
    confirmed_ms: u64,
    #[prost(message, repeated, tag = "6")]
    items: Vec<Item>,
}

/// Where the last good copy is kept.
#[derive(Debug)]
pub(super) struct CacheFile {
    path: PathBuf,
    namespace: String,
    key_prefix: String,
    problem: Mutex<Option<CacheFileError>>,
    /// Held while the file is replaced, so that the newer copy stays.
    writing: Mutex<()>,
}

impl CacheFile {
    pub(super) fn new(path: PathBuf, options: &CacheOptions) -> Self {
        let CacheOptions { namespace, key_prefix, .. } = options.clone();
        Self { path, namespace, key_prefix, problem: Mutex::default(), writing: Mutex::default() }
    }

    /// What was last wrong with the file.
    pub(super) fn problem(&self) -> Option<CacheFileError> {
        self.problem.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the copy, if there is one. One that cannot be believed is told, and is no copy.
    #[expect(clippy::disallowed_methods, reason = "no node runs here whose threads could be asked")]
    pub(super) async fn load(self: &Arc<Self>) -> Option<Saved> {
        let file = Arc::clone(self);
        let read = tokio::task::spawn_blocking(move || file.read()).await;
        self.noted(read.unwrap_or(Ok(None))).flatten()
    }

    /// Replaces the copy. A failure is told; the cache goes on without.
    #[expect(clippy::disallowed_methods, reason = "no node runs here whose threads could be asked")]
    pub(super) async fn save(self: &Arc<Self>, content: &Arc<Content>, confirmed: SystemTime) {
        let (file, content) = (Arc::clone(self), Arc::clone(content));
        let written = tokio::task::spawn_blocking(move || file.write(&content, confirmed)).await;
        self.noted(written.unwrap_or(Ok(())));
    }

    fn noted<T>(&self, outcome: Result<T, CacheFileError>) -> Option<T> {
        let problem = outcome.as_ref().err().cloned();
        if let Some(problem) = &problem {
            tracing::warn!(%problem, "the last good copy cannot be used");
        }
        *self.problem.lock().unwrap_or_else(PoisonError::into_inner) = problem;
        outcome.ok()
    }

    fn read(&self) -> Result<Option<Saved>, CacheFileError> {
        remove_leftovers(&self.path);
        let bytes = match read_bounded(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => {
                return Err(CacheFileError::Unreadable { path: self.path.clone(), source: Arc::new(source) });
            }
        };
        let copy =
            decode(&bytes).map_err(|what| CacheFileError::Damaged { path: self.path.clone(), what })?;
        if (&copy.namespace, &copy.key_prefix) != (&self.namespace, &self.key_prefix) {
            return Err(CacheFileError::OfAnother {
                path: self.path.clone(),
                found: named(&copy.namespace, &copy.key_prefix),
                wanted: named(&self.namespace, &self.key_prefix),
            });
        }
        Ok(Some(copy.into()))
    }

    fn write(&self, content: &Content, confirmed: SystemTime) -> Result<(), CacheFileError> {
        let copy = CopyMessage {
            namespace: self.namespace.clone(),
            key_prefix: self.key_prefix.clone(),
            version: content.version(),
            revision: content.revision(),
            confirmed_ms: milliseconds(confirmed),
            items: content.state().items,
        };
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        replace(&self.path, &encode(&copy)).map_err(|source| CacheFileError::Unwritable {
            path: self.path.clone(),
            source: Arc::new(source),
        })
    }
}

impl From<CopyMessage> for Saved {
    fn from(copy: CopyMessage) -> Self {
        let state = NamespaceState {
            namespace: copy.namespace,
            version: copy.version,
            deleted: false,
            items: copy.items,
        };
        let confirmed = UNIX_EPOCH + Duration::from_millis(copy.confirmed_ms);
        Self { content: Content::from_state(state, copy.revision), confirmed }
    }
}

fn named(namespace: &str, key_prefix: &str) -> String {
    if key_prefix.is_empty() { namespace.into() } else { format!("{namespace} (keys from {key_prefix:?})") }
}

fn milliseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn encode(copy: &CopyMessage) -> Vec<u8> {
    let message = copy.encode_to_vec();
    [MARK.as_slice(), &xxh3_128(&message).to_le_bytes(), &message].concat()
}

fn decode(bytes: &[u8]) -> Result<CopyMessage, &'static str> {
    let (head, message) = bytes.split_at_checked(HEAD_SIZE_BYTES).ok_or("it is too short")?;
    let (mark, checksum) = head.split_at(MARK.len());
    if mark != MARK {
        return Err("it does not begin as a last good copy of this format does");
    }
    if checksum != xxh3_128(message).to_le_bytes() {
        return Err("its checksum does not fit");
    }
    CopyMessage::decode(message).map_err(|_| "its content cannot be read")
}

fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(FILE_SIZE_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Writes beside the file, and puts it in its place when all of it is on disk.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = folder_of(path);
    if !folder.exists() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    // Temporary files are made for their owner only (0600), and go if they are not put in place.
    let mut beside = tempfile::Builder::new();
    let mut beside = beside.prefix(&beside_prefix(path)).suffix(BESIDE_SUFFIX).tempfile_in(folder)?;
    beside.write_all(bytes)?;
    beside.as_file().sync_all()?;
    beside.persist(path).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn beside_prefix(path: &Path) -> String {
    format!(".last-good-{}-", path.file_name().unwrap_or_default().to_string_lossy())
}

/// Removes what killed programs left of this file. It is in nobody's way: that it cannot be removed is no failure.
fn remove_leftovers(path: &Path) {
    let prefix = beside_prefix(path);
    let Ok(entries) = fs::read_dir(folder_of(path)) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(&prefix) && name.ends_with(BESIDE_SUFFIX) && is_leftover(&entry) {
            let removed = fs::remove_file(entry.path());
            tracing::debug!(path = %entry.path().display(), ?removed, "what a killed program left");
        }
    }
}

fn is_leftover(entry: &fs::DirEntry) -> bool {
    let modified = entry.metadata().and_then(|metadata| metadata.modified());
    modified.is_ok_and(|at| at.elapsed().is_ok_and(|age| age >= LEFTOVER_AGE_MIN))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::super::content::samples::content;
    use super::*;

    fn file_in(folder: &Path) -> CacheFile {
        CacheFile::new(folder.join("deep/er/last-good"), &CacheOptions::of("shop"))
    }

    fn some_time() -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(1_764_036_956_789)
    }

    #[test]
    fn what_was_written_is_read_and_nobody_else_may() {
        let folder = tempfile::tempdir().unwrap();
        let file = file_in(folder.path());
        assert_eq!(file.read().unwrap(), None);
        let content = content(7, &[("a", "1"), ("b", "zwei")]);
        file.write(&content, some_time()).unwrap();
        file.write(&content, some_time()).unwrap();
        assert_eq!(file.read().unwrap(), Some(Saved { content, confirmed: some_time() }));
        let mode = fs::metadata(&file.path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let beside = fs::read_dir(file.path.parent().unwrap()).unwrap().count();
        assert_eq!(beside, 1, "nothing is left beside it");
    }

    /// Leaves a file as a write that was cut off so long ago does.
    fn leave(path: &Path, ago: Duration) {
        let file = File::create(path).unwrap();
        file.set_modified(SystemTime::now() - ago).unwrap();
    }

    #[test]
    fn what_a_killed_program_left_goes_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let file = CacheFile::new(folder.path().join("shop"), &CacheOptions::of("shop"));
        let (old, day) = (".last-good-shop-Ab3dE6.tmp", Duration::from_secs(86_400));
        leave(&folder.path().join(old), day);
        let kept = [".last-good-shop-Ab3dE7", ".last-good-stock-Ab3dE6.tmp", ".last-good-shop-", "notes"];
        kept.iter().for_each(|name| leave(&folder.path().join(name), day));
        let under_way = ".last-good-shop-Xy3dE6.tmp";
        leave(&folder.path().join(under_way), Duration::from_secs(1));

        file.write(&content(7, &[("a", "1")]), some_time()).unwrap();
        assert!(file.read().unwrap().is_some());
        let mut left: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        let mut expected = [kept.as_slice(), &[under_way, "shop"]].concat();
        expected.sort_unstable();
        assert_eq!(left, expected);
    }

    #[test]
    fn every_byte_counts() {
        let folder = tempfile::tempdir().unwrap();
        let file = file_in(folder.path());
        file.write(&content(7, &[("a", "1"), ("b", "2")]), some_time()).unwrap();
        let good = fs::read(&file.path).unwrap();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x10;
            fs::write(&file.path, &bad).unwrap();
            assert!(matches!(file.read(), Err(CacheFileError::Damaged { .. })), "byte {at}");
            fs::write(&file.path, &good[..at]).unwrap();
            assert!(matches!(file.read(), Err(CacheFileError::Damaged { .. })), "{at} bytes");
        }
    }

    /// What follows the head is whatever a program could have written that is not this one.
    #[test]
    fn fuzz_copies() {
        let folder = tempfile::tempdir().unwrap();
        let file = file_in(folder.path());
        file.write(&content(7, &[("a", "1"), ("b.c[0]", "zwei")]), some_time()).unwrap();
        let seed = fs::read(&file.path).unwrap().split_off(HEAD_SIZE_BYTES);
        conclave_fuzz::inputs_of!([seed]).for_each(|input| {
            let sealed = [MARK.as_slice(), &xxh3_128(input).to_le_bytes(), input].concat();
            let Ok(copy) = decode(&sealed) else { return };
            assert_eq!(decode(&encode(&copy)), Ok(copy.clone()));
            let saved = Saved::from(copy);
            assert_eq!(saved.content.state().items.len(), saved.content.items().len());
        });
    }

    #[test]
    fn fuzz_files() {
        let folder = tempfile::tempdir().unwrap();
        let file = file_in(folder.path());
        file.write(&content(7, &[("a", "1"), ("b", "zwei")]), some_time()).unwrap();
        let seed = fs::read(&file.path).unwrap();
        conclave_fuzz::inputs_of!([&seed])
            .for_each(|input| assert_eq!(decode(input).is_ok(), **input == *seed));
    }

    #[test]
    fn a_copy_of_another_namespace_or_prefix_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let file = file_in(folder.path());
        file.write(&content(7, &[]), some_time()).unwrap();
        let prefixed = CacheOptions { key_prefix: "db.".into(), ..CacheOptions::of("shop") };
        for options in [CacheOptions::of("stock"), prefixed] {
            let other = CacheFile::new(file.path.clone(), &options);
            let error = other.read().unwrap_err();
            assert!(error.to_string().contains(" is a copy of shop, not of "), "{error}");
        }
    }

    #[tokio::test]
    async fn a_damaged_file_is_told_until_a_good_one_replaces_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = Arc::new(CacheFile::new(folder.path().join("last-good"), &CacheOptions::of("shop")));
        fs::write(&file.path, "nonsense").unwrap();
        assert_eq!(file.load().await, None);
        assert!(matches!(file.problem(), Some(CacheFileError::Damaged { .. })));
        file.save(&Arc::new(content(1, &[])), some_time()).await;
        assert!(file.problem().is_none());
        assert!(file.load().await.is_some());
    }

    #[test]
    fn a_place_that_cannot_be_written_is_told() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("deep"), "a file where a folder should be").unwrap();
        let error = file_in(folder.path()).write(&content(1, &[]), some_time()).unwrap_err();
        assert!(matches!(error, CacheFileError::Unwritable { .. }), "{error}");
    }
}
