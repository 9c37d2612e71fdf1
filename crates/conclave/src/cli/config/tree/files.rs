//! Files of a tree: which namespace each is of, how they are found, and how they are written.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use conclave_formats::Format;

use crate::cli::errors::Failure;
use crate::cli::exit::Exit;

/// Most files of one tree, and how deep folders may lie: a link that leads back to itself ends there.
const FILES_MAX: usize = 100_000;
const DEPTH_MAX: usize = 64;

/// One file of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TreeFile {
    pub(super) namespace: String,
    pub(super) path: PathBuf,
    pub(super) format: Format,
}

/// What a folder holds.
#[derive(Debug, Default)]
pub(super) struct Tree {
    /// In order of path.
    pub(super) files: Vec<TreeFile>,
    /// Files whose names tell no format.
    pub(super) passed_over: Vec<PathBuf>,
}

/// The file of a namespace, seen from the tree's folder. The error says why it can have none.
pub(super) fn path_of(namespace: &str, format: Format) -> Result<PathBuf, Failure> {
    let fits =
        |segment: &str| !segment.is_empty() && !segment.starts_with('.') && !segment.contains(['\\', '\0']);
    if namespace.split('/').all(fits) {
        return Ok(PathBuf::from(format!("{namespace}.{format}")));
    }
    let message = format!(
        "namespace {namespace:?} cannot be a file of a tree: files that begin with a dot are no part of it"
    );
    let hint = format!("`conclave config get {namespace} --format {format}` exports it alone");
    Err(Failure::new(Exit::Failed, message).with_hint(hint))
}

/// Refuses files that would have to be folders too: the namespaces `a` and `a.yaml/b`.
pub(super) fn check_folders(paths: &BTreeSet<PathBuf>) -> Result<(), Failure> {
    let clash = |path: &&PathBuf| path.ancestors().skip(1).any(|folder| paths.contains(folder));
    match paths.iter().find(clash) {
        Some(path) => {
            let message = format!(
                "{} cannot be written: a folder in it is itself the file of a namespace",
                path.display()
            );
            Err(Failure::new(Exit::Failed, message)
                .with_hint("export the namespaces in two parts, with --namespace"))
        }
        None => Ok(()),
    }
}

/// Finds the files below a folder. What begins with a dot is no part of the tree; links are followed.
pub(super) fn walk(folder: &Path) -> Result<Tree, Failure> {
    let mut tree = Tree::default();
    let mut folders = vec![(folder.to_owned(), String::new(), 0)];
    while let Some((path, prefix, depth)) = folders.pop() {
        for (name, path) in entries(&path)? {
            if fs::metadata(&path).map_err(|error| unreadable(&path, &error))?.is_dir() {
                if depth == DEPTH_MAX {
                    return Err(too_much(&path, &format!("folders lie deeper than {DEPTH_MAX} levels")));
                }
                folders.push((path, format!("{prefix}{name}/"), depth + 1));
            } else {
                tree.add(&prefix, &name, path)?;
            }
        }
    }
    tree.files.sort_by(|a, b| a.path.cmp(&b.path));
    tree.passed_over.sort();
    Ok(tree)
}

impl Tree {
    fn add(&mut self, prefix: &str, name: &str, path: PathBuf) -> Result<(), Failure> {
        let told = name.rsplit_once('.').and_then(|(stem, ending)| Some((stem, ending.parse().ok()?)));
        match told {
            Some((stem, format)) => {
                self.files.push(TreeFile { namespace: format!("{prefix}{stem}"), path, format });
            }
            None => self.passed_over.push(path),
        }
        if self.files.len() + self.passed_over.len() > FILES_MAX {
            return Err(too_much(Path::new(prefix), &format!("there are more than {FILES_MAX} files")));
        }
        Ok(())
    }

    /// The files by namespace; two of one namespace are refused.
    pub(super) fn by_namespace(&self) -> Result<BTreeMap<&str, &TreeFile>, Failure> {
        let mut files = BTreeMap::new();
        for file in &self.files {
            if let Some(other) = files.insert(file.namespace.as_str(), file) {
                let [one, two] = [&other.path, &file.path].map(|path| path.display());
                let message = format!("{one} and {two} are both the namespace {}", file.namespace);
                return Err(Failure::new(Exit::Invalid, message).with_hint("remove one of them"));
            }
        }
        Ok(files)
    }
}

/// What is in a folder, without what begins with a dot or has no name in UTF-8.
fn entries(folder: &Path) -> Result<Vec<(String, PathBuf)>, Failure> {
    let unread = |error: io::Error| unreadable(folder, &error);
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(unread)? {
        let entry = entry.map_err(unread)?;
        if let Ok(name) = entry.file_name().into_string()
            && !name.starts_with('.')
        {
            found.push((name, entry.path()));
        }
    }
    Ok(found)
}

/// Writes a file so that nobody ever sees half of it; false if it was the same already.
pub(super) fn write(path: &Path, content: &[u8]) -> Result<bool, Failure> {
    if fs::read(path).is_ok_and(|there| there == content) {
        return Ok(false);
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    let written = fs::create_dir_all(folder).and_then(|()| {
        let mut builder = tempfile::Builder::new();
        // As a shell would make it: the umask takes away what it should.
        builder.prefix(".conclave-").permissions(Permissions::from_mode(0o666));
        let mut file = builder.tempfile_in(folder)?;
        file.write_all(content)?;
        file.as_file().sync_all()?;
        Ok(file.persist(path)?)
    });
    match written {
        Ok(_) => Ok(true),
        Err(error) => {
            Err(Failure::new(Exit::Failed, format!("{} cannot be written: {error}", path.display())))
        }
    }
}

/// Removes the tree's files that are not among `kept`, and folders that are then empty.
pub(super) fn prune(folder: &Path, kept: &BTreeSet<PathBuf>) -> Result<Vec<PathBuf>, Failure> {
    let mut removed = Vec::new();
    for file in walk(folder)?.files {
        if kept.contains(&file.path) {
            continue;
        }
        let unremoved =
            |error| Failure::new(Exit::Failed, format!("{} cannot be removed: {error}", file.path.display()));
        fs::remove_file(&file.path).map_err(unremoved)?;
        // A folder that still holds something stays.
        let _ = file.path.ancestors().skip(1).take_while(|it| *it != folder).try_for_each(fs::remove_dir);
        removed.push(file.path);
    }
    Ok(removed)
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::new(Exit::Failed, format!("{} cannot be read: {error}", path.display()))
}

fn too_much(path: &Path, what: &str) -> Failure {
    Failure::new(Exit::Invalid, format!("{}: {what}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree_of(files: &[&str]) -> (tempfile::TempDir, Tree) {
        let folder = tempfile::tempdir().expect("a folder");
        for file in files {
            write(&folder.path().join(file), b"{}").expect("it can be written");
        }
        let tree = walk(folder.path()).expect("it can be read");
        (folder, tree)
    }

    fn namespaces(tree: &Tree) -> Vec<&str> {
        tree.files.iter().map(|file| file.namespace.as_str()).collect()
    }

    #[test]
    fn files_and_namespaces_correspond() {
        for (namespace, path) in
            [("payments/prod", "payments/prod.yaml"), ("a.b", "a.b.yaml"), ("x", "x.yaml")]
        {
            assert_eq!(path_of(namespace, Format::Yaml), Ok(path.into()));
            assert_eq!(namespaces(&tree_of(&[path]).1), [namespace]);
        }
        for wrong in ["", "a//b", ".git/config", "a/.b", "..", "a/..", "/etc/x", "a\\b"] {
            path_of(wrong, Format::Yaml).expect_err(wrong);
        }
    }

    #[test]
    fn what_is_no_configuration_is_passed_over() {
        let (_folder, tree) =
            tree_of(&["b/c.json", "a.yml", "README.md", ".git/x.yaml", ".hidden.yaml", "Makefile"]);
        assert_eq!(namespaces(&tree), ["a", "b/c"]);
        let names = tree.passed_over.iter().filter_map(|path| path.file_name());
        assert_eq!(names.collect::<Vec<_>>(), ["Makefile", "README.md"]);
    }

    #[test]
    fn two_files_of_one_namespace_are_refused() {
        let (_folder, tree) = tree_of(&["a.yaml", "a.json"]);
        let failure = tree.by_namespace().expect_err("which one?");
        assert!(failure.to_string().contains("are both the namespace a"), "{failure}");
    }

    #[test]
    fn a_file_is_no_folder() {
        let paths = |paths: &[&str]| paths.iter().map(PathBuf::from).collect::<BTreeSet<_>>();
        check_folders(&paths(&["a.yaml", "a/b.yaml"])).expect("different names");
        check_folders(&paths(&["a.yaml", "a.yaml/b/c.yaml"])).expect_err("a.yaml is both");
    }

    #[test]
    fn a_file_is_replaced_whole_and_only_if_it_is_another() {
        let (folder, _) = tree_of(&["a/b.yaml"]);
        let path = folder.path().join("a/b.yaml");
        assert_eq!(write(&path, b"{}"), Ok(false));
        assert_eq!(write(&path, b"{a: 1}"), Ok(true));
        assert_eq!(fs::read(&path).expect("it is there"), b"{a: 1}");
        assert_eq!(
            fs::read_dir(folder.path().join("a")).expect("it is there").count(),
            1,
            "nothing is left behind"
        );
        let failure = write(&path.join("c"), b"").expect_err("a file is no folder");
        assert!(failure.to_string().contains("cannot be written"), "{failure}");
    }

    #[test]
    fn pruning_takes_stale_files_and_their_folders_only() {
        let (folder, _) = tree_of(&["a/b.yaml", "a/c/d.yaml", "e.toml", "README.md"]);
        let kept = BTreeSet::from([folder.path().join("a/b.yaml")]);
        let removed = prune(folder.path(), &kept).expect("they can be removed");
        assert_eq!(removed, ["a/c/d.yaml", "e.toml"].map(|path| folder.path().join(path)));
        let left = |path: &str| folder.path().join(path).exists();
        assert_eq!(["a/b.yaml", "README.md", "a/c", "e.toml"].map(left), [true, true, false, false]);
    }

    #[test]
    fn a_link_to_itself_ends() {
        let (folder, _) = tree_of(&["a/b.yaml"]);
        std::os::unix::fs::symlink(folder.path(), folder.path().join("a/again")).expect("a link");
        let failure = walk(folder.path()).expect_err("it has no end");
        assert!(
            failure.to_string().contains("deeper than 64 levels")
                || failure.to_string().contains("cannot be read"),
            "{failure}"
        );
    }
}
