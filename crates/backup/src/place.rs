//! Where backups lie, as people write it: a path or a URL.

use std::path::{Path, PathBuf};

use url::Url;

use crate::BackupError;

/// What the name of an archive ends with.
const ARCHIVE_SUFFIX: &str = ".conclave";

/// Where backups lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// One file.
    Archive(PathBuf),
    /// A directory of this machine that backups share.
    Directory(PathBuf),
    /// A bucket that backups share, and where in it.
    Bucket(Url),
}

impl Place {
    /// Reads a path or a URL of `file://` or `s3://`. What is a directory, or does not end with `.conclave`,
    /// is a repository; what is a file is an archive, whatever its name.
    ///
    /// # Errors
    /// A URL that is of no use.
    pub fn parse(text: &str) -> Result<Self, BackupError> {
        let unfit = |reason: String| BackupError::Place { place: text.into(), reason };
        if text.is_empty() {
            return Err(unfit("name a file, a directory or a URL".into()));
        }
        if !text.contains("://") {
            return Ok(Self::of_path(Path::new(text)));
        }
        let url = Url::parse(text).map_err(|error| unfit(error.to_string()))?;
        match url.scheme() {
            "file" => {
                let path = url.to_file_path();
                path.map(|path| Self::of_path(&path))
                    .map_err(|()| unfit("write file:///and/the/whole/path".into()))
            }
            "s3" if url.host_str().is_some_and(|bucket| !bucket.is_empty()) => Ok(Self::Bucket(url)),
            "s3" => Err(unfit("it names no bucket: write s3://BUCKET/PATH".into())),
            other => Err(unfit(format!("{other}:// is not known: use a path, file:// or s3://"))),
        }
    }

    /// The same for a backup that is to be made: a directory must be meant. It is, if the name ends with `/`, if
    /// there is one that is empty or holds backups, or if the caller says so (`directory`).
    ///
    /// # Errors
    /// As of [`Place::parse`], and a path that may or may not mean a directory.
    pub fn to_write(text: &str, directory: bool) -> Result<Self, BackupError> {
        let unfit = |reason: &str| Err(BackupError::Place { place: text.into(), reason: reason.into() });
        match Self::parse(text)? {
            Self::Archive(path) if directory && path.is_file() => unfit("it is a file, not a directory"),
            Self::Archive(path) if directory => Ok(Self::Directory(path)),
            Self::Directory(path) if !directory && !text.ends_with('/') && !holds_backups(&path) => unfit(
                "is a directory meant, which backups share? Then write / at its end, or --directory; the name of \
                 one file ends with .conclave",
            ),
            place => Ok(place),
        }
    }

    fn of_path(path: &Path) -> Self {
        let named_so = path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(ARCHIVE_SUFFIX));
        if path.is_file() || (named_so && !path.is_dir()) {
            Self::Archive(path.to_owned())
        } else {
            Self::Directory(path.to_owned())
        }
    }
}

/// Whether it is a directory of backups, or an empty one.
fn holds_backups(path: &Path) -> bool {
    let Ok(entries) = path.read_dir() else { return false };
    let mut names = entries.flatten().map(|entry| entry.file_name());
    path.join("backups").is_dir() || path.join("objects").is_dir() || names.all(|name| name == "lost+found")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_made_only_if_it_is_meant() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        for name in ["empty", "used/objects", "other/things"] {
            std::fs::create_dir_all(path(name)).unwrap();
        }
        std::fs::write(path("file"), "").unwrap();
        let kind = |name: &str, directory| match Place::to_write(&path(name), directory) {
            Ok(Place::Archive(_)) => "archive",
            Ok(Place::Directory(_)) => "directory",
            Ok(Place::Bucket(_)) => "bucket",
            Err(_) => "refused",
        };
        let found = ["b.conclave", "b2.tar", "b2.tar/", "empty", "used", "other", "other/", "file"]
            .map(|name| (kind(name, false), kind(name, true)));
        let expected = [
            ("archive", "directory"),
            ("refused", "directory"),
            ("directory", "directory"),
            ("directory", "directory"),
            ("directory", "directory"),
            ("refused", "directory"),
            ("directory", "directory"),
            ("archive", "refused"),
        ];
        assert_eq!(found, expected);
        assert!(matches!(Place::to_write("s3://bucket/x", false), Ok(Place::Bucket(_))));
    }

    #[test]
    fn paths_and_urls_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        std::fs::write(path("file"), "").unwrap();
        std::fs::create_dir(path("dir.conclave")).unwrap();
        let place = |text: &str| Place::parse(text).unwrap();
        assert_eq!(place(&path("new.conclave")), Place::Archive(path("new.conclave").into()));
        assert_eq!(place(&path("file")), Place::Archive(path("file").into()));
        assert_eq!(place(&path("new")), Place::Directory(path("new").into()));
        assert_eq!(place(&path("dir.conclave")), Place::Directory(path("dir.conclave").into()));
        assert_eq!(place("file:///tmp/x.conclave"), Place::Archive("/tmp/x.conclave".into()));
        assert_eq!(place("file:///tmp/x"), Place::Directory("/tmp/x".into()));
        assert!(matches!(place("s3://bucket/backups"), Place::Bucket(_)));
    }

    #[test]
    fn what_cannot_work_is_told() {
        for text in ["", "s3://", "s3:///path", "ftp://host/x", "gs://bucket", "file://host/x", "://"] {
            assert!(matches!(Place::parse(text), Err(BackupError::Place { .. })), "{text:?}");
        }
    }
}
