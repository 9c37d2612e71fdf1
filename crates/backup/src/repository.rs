//! A directory or a bucket that backups share.
//!
//! ```text
//! objects/<checksum>-<size>.zst   a file, compressed; named by its content, so that it lies here once
//! backups/<id>.json               a backup: its manifest, written when all its files are here
//! ```

use std::collections::HashSet;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path as FsPath;
use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _};
use object_store::aws::AmazonS3Builder;
use object_store::buffered::BufWriter;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use url::Url;

use crate::archive_write::io;
use crate::compress::Decompressor;
use crate::manifest::MANIFEST_SIZE_BYTES_MAX;
use crate::{BackupError, FileSink, Manifest, ManifestFile, Place};

/// A backup's files are looked for in so many of the newest backups.
const KNOWN_BACKUPS_MAX: usize = 4;
/// Most files that are told to a node as known.
const KNOWN_FILES_MAX: usize = 20_000;
/// Only who owns it may look into a directory that is made for backups.
const DIRECTORY_MODE: u32 = 0o700;

/// A directory or a bucket that backups share.
#[derive(Clone)]
pub struct Repository {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    /// As it was named, for messages.
    place: String,
}

/// All backups of a repository.
#[derive(Debug, Default)]
pub struct Listing {
    /// Those that can be read, the oldest first.
    pub backups: Vec<Manifest>,
    /// Those that cannot.
    pub unreadable: Vec<Unreadable>,
}

/// A backup whose manifest cannot be read.
#[derive(Debug)]
pub struct Unreadable {
    /// Its id.
    pub id: String,
    /// Why it cannot be read.
    pub error: BackupError,
}

impl Repository {
    /// Opens what is there.
    ///
    /// # Errors
    /// If there is no such directory, or the place is an archive.
    pub fn open(place: &Place) -> Result<Self, BackupError> {
        match place {
            Place::Archive(path) => Err(BackupError::Place {
                place: path.display().to_string(),
                reason: "it is a file, not a directory of backups".into(),
            }),
            Place::Directory(path) => Self::of_directory(path),
            Place::Bucket(url) => Self::of_bucket(url),
        }
    }

    /// Opens it, and makes the directory if it is not there.
    pub(crate) fn create(place: &Place) -> Result<Self, BackupError> {
        if let Place::Directory(path) = place {
            let made = std::fs::DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(path);
            made.map_err(|source| io("creating the directory", path, source))?;
        }
        Self::open(place)
    }

    fn of_directory(path: &FsPath) -> Result<Self, BackupError> {
        let place = path.display().to_string();
        let store = LocalFileSystem::new_with_prefix(path);
        let store = store
            .map_err(|source| BackupError::Store { what: "opening", object: place.clone(), source })?
            .with_fsync(true);
        Ok(Self { store: Arc::new(store), prefix: Path::default(), place })
    }

    /// Credentials, region and endpoint come from the usual variables, `AWS_…`.
    fn of_bucket(url: &Url) -> Result<Self, BackupError> {
        let place = url.to_string();
        let failed = |source| BackupError::Store { what: "opening", object: place.clone(), source };
        let prefix = Path::from_url_path(url.path()).map_err(|error| failed(error.into()))?;
        let store = AmazonS3Builder::from_env().with_url(url.as_str()).build().map_err(failed)?;
        Ok(Self { store: Arc::new(store), prefix, place })
    }

    /// As it was named.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// All backups. One that cannot be read hides no other.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn list(&self) -> Result<Listing, BackupError> {
        let folder = self.prefix.clone().join("backups");
        let mut objects = self.store.list(Some(&folder));
        let mut listing = Listing::default();
        while let Some(object) = objects.next().await {
            let object = object.map_err(|source| self.failed("listing", &folder, source))?;
            let Some(id) = object.location.filename().and_then(|name| name.strip_suffix(".json")) else {
                continue;
            };
            match self.manifest(id).await {
                Ok(manifest) => listing.backups.push(manifest),
                Err(error) => listing.unreadable.push(Unreadable { id: id.into(), error }),
            }
        }
        listing.backups.sort_by_key(|backup| (backup.time_ms, backup.revision, backup.id()));
        listing.unreadable.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(listing)
    }

    /// The manifest of the backup with this id.
    ///
    /// # Errors
    /// If there is none, or it cannot be read.
    pub async fn manifest(&self, id: &str) -> Result<Manifest, BackupError> {
        let path = self.backup(id);
        let missing = || BackupError::NoSuchBackup { place: self.place.clone(), wanted: id.into() };
        let found = match self.store.get(&path).await {
            Err(object_store::Error::NotFound { .. }) => return Err(missing()),
            found => found.map_err(|source| self.failed("reading", &path, source))?,
        };
        let place = format!("{}: {path}", self.place);
        if found.meta.size > MANIFEST_SIZE_BYTES_MAX as u64 {
            return Err(BackupError::broken(place, format!("it has {} bytes", found.meta.size)));
        }
        let bytes = found.bytes().await.map_err(|source| self.failed("reading", &path, source))?;
        let manifest = Manifest::unseal(&place, &bytes)?;
        if manifest.id() != id {
            return Err(BackupError::broken(place, format!("it is the backup {}", manifest.id())));
        }
        Ok(manifest)
    }

    /// Files of the newest backups that are here: a node need not send them again.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn known_files(&self) -> Result<Vec<ManifestFile>, BackupError> {
        let listing = self.list().await?;
        let newest = listing.backups.iter().rev().take(KNOWN_BACKUPS_MAX);
        let mut wanted: HashSet<&ManifestFile> = HashSet::new();
        for file in newest.flat_map(|backup| &backup.files) {
            if wanted.len() < KNOWN_FILES_MAX {
                wanted.insert(file);
            }
        }
        let here = self.objects().await?;
        Ok(wanted.into_iter().filter(|file| here.contains(&self.object(file))).cloned().collect())
    }

    /// Begins to write a file.
    pub(crate) fn writer(&self, file: &ManifestFile) -> BufWriter {
        BufWriter::new(Arc::clone(&self.store), self.object(file))
    }

    /// Writes a manifest: from here on the backup is there.
    pub(crate) async fn write_manifest(&self, manifest: &Manifest) -> Result<(), BackupError> {
        let path = self.backup(&manifest.id());
        let written = self.store.put(&path, manifest.seal().into()).await;
        written.map(drop).map_err(|source| self.failed("writing", &path, source))
    }

    /// The first of these files that is not here.
    pub(crate) async fn missing(&self, files: &[ManifestFile]) -> Result<Option<String>, BackupError> {
        let here = self.objects().await?;
        let missing = files.iter().find(|file| !here.contains(&self.object(file)));
        Ok(missing.map(|file| file.name.clone()))
    }

    /// Reads a file.
    pub(crate) async fn read(&self, file: &ManifestFile, sink: &mut dyn FileSink) -> Result<(), BackupError> {
        let path = self.object(file);
        let place = format!("{}: {path} (file {})", self.place, file.name);
        let found = match self.store.get(&path).await {
            Err(object_store::Error::NotFound { .. }) => {
                return Err(BackupError::damaged(place, "it is missing"));
            }
            found => found.map_err(|source| self.failed("reading", &path, source))?,
        };
        let mut pieces = found.into_stream();
        let mut target = Decompressor::begin(place, file, sink)?;
        while let Some(piece) =
            pieces.try_next().await.map_err(|source| self.failed("reading", &path, source))?
        {
            target.push(&piece)?;
        }
        target.finish()
    }

    async fn objects(&self) -> Result<HashSet<Path>, BackupError> {
        let folder = self.prefix.clone().join("objects");
        let objects = self.store.list(Some(&folder)).map_ok(|object| object.location);
        objects.try_collect().await.map_err(|source| self.failed("listing", &folder, source))
    }

    fn object(&self, file: &ManifestFile) -> Path {
        let name = format!("{:016x}-{}.zst", file.checksum, file.size_bytes);
        self.prefix.clone().join("objects").join(name)
    }

    fn backup(&self, id: &str) -> Path {
        self.prefix.clone().join("backups").join(format!("{id}.json"))
    }

    fn failed(&self, what: &'static str, path: &Path, source: object_store::Error) -> BackupError {
        BackupError::Store { what, object: format!("{}: {path}", self.place), source }
    }
}
