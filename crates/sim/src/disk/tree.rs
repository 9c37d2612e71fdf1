//! Folders, and what is in them by name.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::path::{Component, Path};
use std::sync::Arc;

use parking_lot::Mutex;

use super::content::Content;
use super::log::LogTable;
use super::names::{NameChange, Pending, Renamed};
use super::state::StateTable;
use crate::dice::Dice;

pub(super) type FileRef = Arc<Mutex<Content>>;
pub(super) type FolderRef = Arc<Mutex<Folder>>;

/// What has a name.
#[derive(Clone)]
pub(super) enum Node {
    File(FileRef),
    Folder(FolderRef),
}

/// A database, which is what the folder is that it lies in.
pub(super) enum Database {
    Log(LogTable),
    State(StateTable),
}

/// A folder.
#[derive(Default)]
pub(super) struct Folder {
    names: BTreeMap<String, Node>,
    durable: BTreeMap<String, Node>,
    pub(super) database: Option<Database>,
}

impl Folder {
    /// What is in it, in order of name.
    pub(super) fn nodes(&self) -> impl Iterator<Item = (&String, &Node)> {
        self.names.iter()
    }

    pub(super) fn set_durable(&mut self, name: String, to: Option<Node>) {
        set(&mut self.durable, name, to);
    }

    /// Puts a file there that is on the medium from the beginning, its name with it.
    pub(super) fn put_durable(&mut self, name: &str, bytes: Vec<u8>) {
        let file = Node::File(Arc::new(Mutex::new(Content::synced(bytes))));
        self.names.insert(name.to_owned(), file.clone());
        self.durable.insert(name.to_owned(), file);
    }

    /// Leaves what a loss of power, or the end of the process alone, leaves of it and of all in it.
    fn crash(&mut self, is_power_lost: bool, dice: &mut Dice) {
        if is_power_lost {
            self.names = self.durable.clone();
        }
        let is_left = match &mut self.database {
            Some(Database::Log(log)) => log.crash(),
            Some(Database::State(state)) => state.crash(dice),
            None => false,
        };
        if !is_left {
            // It was never more than the files that it was opened from.
            self.database = None;
        }
        for node in self.names.values() {
            match node {
                Node::File(file) if is_power_lost => file.lock().lose_power(dice),
                Node::File(_) => {}
                Node::Folder(folder) => folder.lock().crash(is_power_lost, dice),
            }
        }
    }

    fn size_bytes(&self) -> u64 {
        let sizes = self.names.values().map(|node| match node {
            Node::File(file) => file.lock().bytes().len() as u64,
            Node::Folder(folder) => folder.lock().size_bytes(),
        });
        let database = match &self.database {
            Some(Database::Log(log)) => log.size_bytes(),
            Some(Database::State(state)) => state.live_size_bytes(),
            None => 0,
        };
        sizes.sum::<u64>() + database
    }

    fn is_open(&self) -> bool {
        match &self.database {
            Some(Database::Log(log)) => log.is_open(),
            Some(Database::State(state)) => state.is_open(),
            None => false,
        }
    }
}

/// All folders of a disk.
#[derive(Default)]
pub(super) struct Tree {
    root: FolderRef,
    pending: Pending,
}

impl Tree {
    pub(super) fn root(&self) -> &FolderRef {
        &self.root
    }

    /// What lies at `path`, from the root on.
    pub(super) fn node(&self, path: &Path) -> io::Result<Node> {
        let mut node = Node::Folder(Arc::clone(&self.root));
        for name in parts(path)? {
            let Node::Folder(folder) = node else { return Err(ErrorKind::NotADirectory.into()) };
            node = folder.lock().names.get(name).cloned().ok_or(ErrorKind::NotFound)?;
        }
        Ok(node)
    }

    pub(super) fn folder(&self, path: &Path) -> io::Result<FolderRef> {
        match self.node(path)? {
            Node::Folder(folder) => Ok(folder),
            Node::File(_) => Err(ErrorKind::NotADirectory.into()),
        }
    }

    pub(super) fn file(&self, path: &Path) -> io::Result<FileRef> {
        match self.node(path)? {
            Node::File(file) => Ok(file),
            Node::Folder(_) => Err(ErrorKind::IsADirectory.into()),
        }
    }

    /// The file, which is made if it is not there.
    pub(super) fn file_or_new(&mut self, path: &Path) -> io::Result<FileRef> {
        match self.file(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let file = FileRef::default();
                self.add(path, Node::File(Arc::clone(&file)))?;
                Ok(file)
            }
            found => found,
        }
    }

    /// A new folder in one that is there.
    pub(super) fn new_folder(&mut self, path: &Path) -> io::Result<FolderRef> {
        if self.node(path).is_ok() {
            return Err(ErrorKind::AlreadyExists.into());
        }
        let folder = FolderRef::default();
        self.add(path, Node::Folder(Arc::clone(&folder)))?;
        Ok(folder)
    }

    pub(super) fn new_folders(&mut self, path: &Path) -> io::Result<()> {
        let above: Vec<&Path> = path.ancestors().collect();
        for path in above.into_iter().rev() {
            match self.folder(path) {
                Err(error) if error.kind() == ErrorKind::NotFound => drop(self.new_folder(path)?),
                found => drop(found?),
            }
        }
        Ok(())
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let node = self.node(from)?;
        if matches!(self.node(to), Ok(Node::Folder(_)))
            || (matches!(node, Node::Folder(_)) && self.node(to).is_ok())
        {
            return Err(ErrorKind::AlreadyExists.into());
        }
        self.change(vec![self.renamed(from, None)?, self.renamed(to, Some(node))?]);
        Ok(())
    }

    pub(super) fn remove_file(&mut self, path: &Path) -> io::Result<()> {
        self.file(path)?;
        self.change(vec![self.renamed(path, None)?]);
        Ok(())
    }

    /// Removes a folder with all that is in it, one after the other.
    pub(super) fn remove_folder(&mut self, path: &Path) -> io::Result<()> {
        let folder = self.folder(path)?;
        assert!(!folder.lock().is_open(), "{} is removed while a database in it is open", path.display());
        let nodes: Vec<_> =
            folder.lock().nodes().map(|(name, node)| (path.join(name), node.clone())).collect();
        for (path, node) in nodes {
            match node {
                Node::File(_) => self.remove_file(&path)?,
                Node::Folder(_) => self.remove_folder(&path)?,
            }
        }
        self.change(vec![self.renamed(path, None)?]);
        Ok(())
    }

    pub(super) fn sync(&mut self, path: &Path) -> io::Result<()> {
        let folder = self.folder(path)?;
        self.pending.sync(&folder);
        Ok(())
    }

    /// Leaves what a crash leaves.
    pub(super) fn crash(&mut self, is_power_lost: bool, dice: &mut Dice) {
        if is_power_lost {
            self.pending.lose_power(dice);
        }
        self.root.lock().crash(is_power_lost, dice);
    }

    /// What all of it takes, in bytes.
    pub(super) fn size_bytes(&self) -> u64 {
        self.root.lock().size_bytes()
    }

    fn add(&mut self, path: &Path, node: Node) -> io::Result<()> {
        self.change(vec![self.renamed(path, Some(node))?]);
        Ok(())
    }

    fn renamed(&self, path: &Path, to: Option<Node>) -> io::Result<Renamed> {
        let name = *parts(path)?.last().ok_or(ErrorKind::InvalidInput)?;
        let folder = self.folder(path.parent().unwrap_or(Path::new("")))?;
        Ok(Renamed { folder, name: name.to_owned(), to })
    }

    fn change(&mut self, names: Vec<Renamed>) {
        for Renamed { folder, name, to } in &names {
            set(&mut folder.lock().names, name.clone(), to.clone());
        }
        self.pending.push(NameChange { names });
    }
}

fn set(names: &mut BTreeMap<String, Node>, name: String, to: Option<Node>) {
    match to {
        Some(node) => names.insert(name, node),
        None => names.remove(&name),
    };
}

/// The names that a path is made of.
fn parts(path: &Path) -> io::Result<Vec<&str>> {
    let mut parts = Vec::new();
    for part in path.components() {
        match part {
            Component::RootDir | Component::CurDir => {}
            Component::Normal(name) => parts.push(name.to_str().ok_or(ErrorKind::InvalidFilename)?),
            Component::ParentDir | Component::Prefix(_) => return Err(ErrorKind::InvalidFilename.into()),
        }
    }
    Ok(parts)
}
