//! What a disk damages by itself, and says nothing of.

use std::path::Path;
#[cfg(test)]
use std::path::PathBuf;

use super::copy::{MANIFEST, ROWS};
use super::host_disk::Inner;
use super::tree::{Database, FolderRef, Node};

/// Rows of a log begin with this if they are entries.
const ENTRY: u8 = 1;
/// The row of a log that is the vote.
const VOTE_ROW: &[u8] = &[0, 1];

/// What is damaged. Of several such things, one is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Damage {
    /// An entry of a log.
    LogEntry,
    /// The vote in a log.
    Vote,
    /// A row of a state: reading it fails.
    StateRow,
    /// All of a state: it cannot be opened any more.
    State,
    /// A file of a checkpoint, also one that is being received.
    CheckpointFile,
    /// The file beside a log that tells how far that must go.
    DurableMark,
    /// The file that tells whose data it is.
    Identity,
    /// This file.
    #[cfg(test)]
    File(PathBuf),
}

impl Damage {
    /// Whether it means this file.
    fn means(&self, path: &Path) -> bool {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        match self {
            Self::CheckpointFile => name.starts_with(MANIFEST) || name.starts_with(ROWS),
            Self::DurableMark => name == "durable-mark",
            Self::Identity => name == "identity",
            #[cfg(test)]
            Self::File(file) => path == file,
            Self::LogEntry | Self::Vote | Self::StateRow | Self::State => false,
        }
    }
}

impl Inner {
    /// Damages something; false if there is no such thing.
    pub(super) fn damage(&mut self, damage: &Damage) -> bool {
        let mut found = Vec::new();
        find(self.tree.root(), Path::new("/"), &mut |path, node| {
            let is_meant = match node {
                Node::File(_) => damage.means(path),
                Node::Folder(folder) => match &folder.lock().database {
                    Some(Database::Log(_)) => matches!(damage, Damage::LogEntry | Damage::Vote),
                    Some(Database::State(_)) => matches!(damage, Damage::StateRow | Damage::State),
                    None => false,
                },
            };
            if is_meant {
                found.push(node.clone());
            }
        });
        if found.is_empty() {
            return false;
        }
        let node = self.dice.pick(&found).clone();
        let is_done = self.damage_node(damage, &node);
        self.counts.damaged += u64::from(is_done);
        is_done
    }

    fn damage_node(&mut self, damage: &Damage, node: &Node) -> bool {
        let dice = &mut self.dice;
        let folder = match node {
            Node::File(file) => return file.lock().damage(dice),
            Node::Folder(folder) => folder,
        };
        match (&mut folder.lock().database, damage) {
            (Some(Database::Log(log)), Damage::Vote) => log.damage(|key| key == VOTE_ROW, dice),
            (Some(Database::Log(log)), _) => log.damage(|key| key.first() == Some(&ENTRY), dice),
            (Some(Database::State(state)), Damage::StateRow) => state.damage_row(dice),
            (Some(Database::State(state)), _) => {
                state.damage_all();
                true
            }
            (None, _) => false,
        }
    }
}

/// Gives everything in a folder, in order of path.
fn find(folder: &FolderRef, path: &Path, give: &mut impl FnMut(&Path, &Node)) {
    let nodes: Vec<_> = folder.lock().nodes().map(|(name, node)| (path.join(name), node.clone())).collect();
    for (path, node) in nodes {
        give(&path, &node);
        if let Node::Folder(folder) = node {
            find(&folder, &path, give);
        }
    }
}
