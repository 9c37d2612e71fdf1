//! The store that a repository lies in: a directory of this machine, or a bucket.

use std::env;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path as FsPath, PathBuf};
use std::sync::Arc;

use object_store::ObjectStore;
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use url::Url;

use crate::archive_write::io;
use crate::{BackupError, Place};

/// Only who owns it may look into a directory that is made for backups.
const DIRECTORY_MODE: u32 = 0o700;
/// What tells a bucket who asks.
const CREDENTIALS: [&str; 2] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
/// What does so in their place.
const OTHER_CREDENTIALS: [&str; 4] = [
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_SKIP_SIGNATURE",
];

/// Where objects lie.
#[derive(Clone)]
pub(crate) struct Store {
    pub(crate) objects: Arc<dyn ObjectStore>,
    pub(crate) prefix: Path,
    /// As it was named, for messages.
    pub(crate) place: String,
    /// The directory, if it is one of this machine.
    pub(crate) directory: Option<PathBuf>,
    /// Variables that would have told a bucket who asks.
    unset: Vec<&'static str>,
}

impl Store {
    /// Opens what is there.
    pub(crate) fn open(place: &Place) -> Result<Self, BackupError> {
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
            let made = DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(path);
            made.map_err(|source| io("creating the directory", path, source))?;
        }
        Self::open(place)
    }

    fn of_directory(path: &FsPath) -> Result<Self, BackupError> {
        let place = path.display().to_string();
        if !path.is_dir() {
            return Err(BackupError::Missing { place });
        }
        let store = LocalFileSystem::new_with_prefix(path);
        let store = store
            .map_err(|source| BackupError::Store {
                what: "opening",
                object: place.clone(),
                source: Box::new(source),
                unset: Vec::new(),
            })?
            .with_fsync(true);
        let directory = Some(path.to_owned());
        Ok(Self { objects: Arc::new(store), prefix: Path::default(), place, directory, unset: Vec::new() })
    }

    /// Credentials, region and endpoint come from the usual variables, `AWS_…`.
    fn of_bucket(url: &Url) -> Result<Self, BackupError> {
        let place = url.to_string();
        let unset = unset(|name| env::var_os(name).is_some());
        let failed = |source| BackupError::Store {
            what: "opening",
            object: place.clone(),
            source: Box::new(source),
            unset: unset.clone(),
        };
        let prefix = Path::from_url_path(url.path()).map_err(|error| failed(error.into()))?;
        // One by one: not every store that speaks S3 removes many at once.
        let builder = AmazonS3Builder::from_env().with_disable_bulk_delete(true);
        let store = builder.with_url(url.as_str()).build().map_err(failed)?;
        Ok(Self { objects: Arc::new(store), prefix, place, directory: None, unset })
    }

    pub(crate) fn failed(
        &self,
        what: &'static str,
        object: String,
        source: object_store::Error,
    ) -> BackupError {
        BackupError::Store { what, object, source: Box::new(source), unset: self.unset.clone() }
    }
}

/// The variables of credentials that are not set, where nothing else is in their place.
fn unset(is_set: impl Fn(&str) -> bool) -> Vec<&'static str> {
    if OTHER_CREDENTIALS.iter().any(|name| is_set(name)) {
        return Vec::new();
    }
    CREDENTIALS.into_iter().filter(|name| !is_set(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_set_is_named_unless_something_is_in_its_place() {
        assert_eq!(unset(|_| false), CREDENTIALS);
        assert_eq!(unset(|name| name == "AWS_ACCESS_KEY_ID"), ["AWS_SECRET_ACCESS_KEY"]);
        assert!(unset(|name| CREDENTIALS.contains(&name)).is_empty());
        assert!(unset(|name| name == "AWS_WEB_IDENTITY_TOKEN_FILE").is_empty());
    }
}
