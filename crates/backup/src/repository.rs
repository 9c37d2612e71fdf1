//! A directory or a bucket that backups share.
//!
//! ```text
//! objects/<checksum>-<size>.zst   a file, compressed; named by its content, so that it lies here once
//! backups/<id>.json               a backup: its manifest, written when all its files are here
//! ```

use std::collections::HashSet;
use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _};
use object_store::buffered::BufWriter;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStoreExt as _};

use crate::compress::Decompressor;
use crate::manifest::MANIFEST_SIZE_BYTES_MAX;
use crate::store::Store;
use crate::{BackupError, FileSink, Manifest, ManifestFile, Place};

/// A backup's files are looked for in so many of the newest backups.
const KNOWN_BACKUPS_MAX: usize = 4;
/// Most files that are told to a node as known.
const KNOWN_FILES_MAX: usize = 20_000;

/// A directory or a bucket that backups share.
#[derive(Clone)]
pub struct Repository {
    store: Store,
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
        Ok(Self { store: Store::open(place)? })
    }

    /// Opens it, and makes the directory if it is not there.
    pub(crate) fn create(place: &Place) -> Result<Self, BackupError> {
        Ok(Self { store: Store::create(place)? })
    }

    /// As it was named.
    pub fn place(&self) -> &str {
        &self.store.place
    }

    /// All backups. One that cannot be read hides no other.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn list(&self) -> Result<Listing, BackupError> {
        let folder = self.folder("backups");
        let mut objects = self.store.objects.list(Some(&folder));
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
        listing.backups.sort_by_key(|backup| (backup.time_ms, backup.revision, backup.made_ms, backup.id()));
        listing.unreadable.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(listing)
    }

    /// The manifest of the backup with this id.
    ///
    /// # Errors
    /// If there is none, or it cannot be read.
    pub async fn manifest(&self, id: &str) -> Result<Manifest, BackupError> {
        let path = self.backup(id);
        let missing = || BackupError::NoSuchBackup { place: self.place().into(), wanted: id.into() };
        let found = match self.store.objects.get(&path).await {
            Err(object_store::Error::NotFound { .. }) => return Err(missing()),
            found => found.map_err(|source| self.failed("reading", &path, source))?,
        };
        let place = format!("{}: {path}", self.place());
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
        let here = self.here().await?;
        Ok(wanted.into_iter().filter(|file| here.contains(&self.object(file))).cloned().collect())
    }

    /// Begins to write a file.
    pub(crate) fn writer(&self, file: &ManifestFile) -> BufWriter {
        BufWriter::new(Arc::clone(&self.store.objects), self.object(file))
    }

    /// Writes a manifest: from here on the backup is there.
    pub(crate) async fn write_manifest(&self, manifest: &Manifest) -> Result<(), BackupError> {
        let path = self.backup(&manifest.id());
        let written = self.store.objects.put(&path, manifest.seal().into()).await;
        written.map(drop).map_err(|source| self.failed("writing", &path, source))
    }

    /// Takes a backup off the list.
    pub(crate) async fn remove_manifest(&self, id: &str) -> Result<(), BackupError> {
        self.remove(&self.backup(id)).await
    }

    /// Removes an object. One that is gone already is no failure.
    pub(crate) async fn remove(&self, path: &Path) -> Result<(), BackupError> {
        match self.store.objects.delete(path).await {
            Err(object_store::Error::NotFound { .. }) => Ok(()),
            removed => removed.map_err(|source| self.failed("removing", path, source)),
        }
    }

    /// The first of these files that is not here.
    pub(crate) async fn missing(&self, files: &[ManifestFile]) -> Result<Option<String>, BackupError> {
        let here = self.here().await?;
        let missing = files.iter().find(|file| !here.contains(&self.object(file)));
        Ok(missing.map(|file| file.name.clone()))
    }

    /// Reads a file.
    pub(crate) async fn read(&self, file: &ManifestFile, sink: &mut dyn FileSink) -> Result<(), BackupError> {
        let path = self.object(file);
        let place = format!("{}: {path} (file {})", self.place(), file.name);
        let found = match self.store.objects.get(&path).await {
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

    /// All objects that files are in, whoever needs them.
    pub(crate) async fn objects(&self) -> Result<Vec<ObjectMeta>, BackupError> {
        let folder = self.folder("objects");
        let objects = self.store.objects.list(Some(&folder));
        objects.try_collect().await.map_err(|source| self.failed("listing", &folder, source))
    }

    async fn here(&self) -> Result<HashSet<Path>, BackupError> {
        Ok(self.objects().await?.into_iter().map(|object| object.location).collect())
    }

    /// Where a file lies.
    pub(crate) fn object(&self, file: &ManifestFile) -> Path {
        let name = format!("{:016x}-{}.zst", file.checksum, file.size_bytes);
        self.folder("objects").join(name)
    }

    fn backup(&self, id: &str) -> Path {
        self.folder("backups").join(format!("{id}.json"))
    }

    fn folder(&self, name: &str) -> Path {
        self.store.prefix.clone().join(name)
    }

    /// Where it lies on this machine, if it does.
    pub(crate) fn directory(&self) -> Option<&std::path::Path> {
        self.store.directory.as_deref()
    }

    fn failed(&self, what: &'static str, path: &Path, source: object_store::Error) -> BackupError {
        self.store.failed(what, format!("{}: {path}", self.place()), source)
    }

    /// What the store says of the writing of an object.
    pub(crate) fn not_written(&self, object: String, source: object_store::Error) -> BackupError {
        self.store.failed("writing", object, source)
    }
}
