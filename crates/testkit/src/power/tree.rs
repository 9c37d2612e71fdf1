//! Files and folders in memory, and what of them is durable.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};

/// The root's number.
pub(super) const ROOT: u64 = 1;
/// The room of a disk that was not told to have less.
const ROOM_BYTES: u64 = 16 << 30;
/// What is written at once and may be torn.
const SECTOR_SIZE_BYTES: usize = 512;

/// What a power failure keeps of what was written and not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// Nothing.
    Nothing,
    /// Of each file what was written first, up to somewhere in it that follows from the seed.
    Beginnings {
        /// The seed.
        seed: u64,
    },
    /// Everything: only the processes are gone.
    Everything,
}

/// Why something cannot be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    NotFound,
    Exists,
    NotEmpty,
    NotAFolder,
    NotAFile,
    NoSpace,
}

/// A file system.
#[derive(Debug)]
pub(super) struct Tree {
    nodes: BTreeMap<u64, Node>,
    newest: u64,
    used_bytes: u64,
    room_bytes: u64,
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) body: Body,
    pub(super) mode: u16,
    /// How often the kernel knows it.
    known: u64,
}

#[derive(Debug)]
pub(super) enum Body {
    File(FileBody),
    Folder(Folder),
}

/// A file's content.
#[derive(Debug, Default)]
pub(super) struct FileBody {
    pub(super) now: Vec<u8>,
    durable: Vec<u8>,
    unsynced: Vec<Change>,
}

/// What was done to a file since it was synced.
#[derive(Debug)]
enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Size(usize),
}

#[derive(Debug, Default)]
pub(super) struct Folder {
    pub(super) now: BTreeMap<OsString, u64>,
    durable: BTreeMap<OsString, u64>,
}

impl Tree {
    pub(super) fn new() -> Self {
        let root = Node { body: Body::Folder(Folder::default()), mode: 0o755, known: 1 };
        Self { nodes: BTreeMap::from([(ROOT, root)]), newest: ROOT, used_bytes: 0, room_bytes: ROOM_BYTES }
    }

    pub(super) fn set_room(&mut self, room_bytes: Option<u64>) {
        self.room_bytes = room_bytes.unwrap_or(ROOM_BYTES);
    }

    pub(super) fn room_bytes(&self) -> u64 {
        self.room_bytes
    }

    pub(super) fn used_bytes(&self) -> u64 {
        self.used_bytes
    }

    pub(super) fn node(&self, number: u64) -> Result<&Node, Refusal> {
        self.nodes.get(&number).ok_or(Refusal::NotFound)
    }

    /// How many names a file has.
    pub(super) fn names(&self, number: u64) -> u32 {
        let folders = self.nodes.values().filter_map(|node| match &node.body {
            Body::Folder(folder) => Some(folder),
            Body::File(_) => None,
        });
        let names = folders.flat_map(|folder| folder.now.values()).filter(|named| **named == number);
        u32::try_from(names.count()).unwrap_or(u32::MAX)
    }

    /// The number of what has this name in a folder. The kernel knows it from now on.
    pub(super) fn look_up(&mut self, folder: u64, name: &OsStr) -> Result<u64, Refusal> {
        let number = self.number(folder, name)?;
        self.nodes.get_mut(&number).ok_or(Refusal::NotFound)?.known += 1;
        Ok(number)
    }

    /// The kernel knows it so many times less.
    pub(super) fn forget(&mut self, number: u64, times: u64) {
        if let Some(node) = self.nodes.get_mut(&number) {
            node.known = node.known.saturating_sub(times);
            if node.known == 0 {
                self.drop_unreachable();
            }
        }
    }

    pub(super) fn make(&mut self, folder: u64, name: &OsStr, body: Body, mode: u16) -> Result<u64, Refusal> {
        if self.number(folder, name).is_ok() {
            return Err(Refusal::Exists);
        }
        let number = self.newest + 1;
        self.folder(folder)?.now.insert(name.into(), number);
        self.newest = number;
        self.nodes.insert(number, Node { body, mode, known: 1 });
        Ok(number)
    }

    /// Another name for a file. The kernel knows it once more.
    pub(super) fn link(&mut self, number: u64, folder: u64, name: &OsStr) -> Result<(), Refusal> {
        if self.number(folder, name).is_ok() {
            return Err(Refusal::Exists);
        }
        self.nodes.get_mut(&number).ok_or(Refusal::NotFound)?.known += 1;
        self.folder(folder)?.now.insert(name.into(), number);
        Ok(())
    }

    pub(super) fn remove(&mut self, folder: u64, name: &OsStr, is_folder: bool) -> Result<(), Refusal> {
        let number = self.number(folder, name)?;
        match &self.node(number)?.body {
            Body::Folder(_) if !is_folder => return Err(Refusal::NotAFile),
            Body::File(_) if is_folder => return Err(Refusal::NotAFolder),
            Body::Folder(inside) if !inside.now.is_empty() => return Err(Refusal::NotEmpty),
            Body::Folder(_) | Body::File(_) => {}
        }
        self.folder(folder)?.now.remove(name);
        self.drop_unreachable();
        Ok(())
    }

    pub(super) fn rename(&mut self, from: (u64, &OsStr), to: (u64, &OsStr)) -> Result<(), Refusal> {
        let number = self.number(from.0, from.1)?;
        if let Ok(there) = self.number(to.0, to.1)
            && let Body::Folder(inside) = &self.node(there)?.body
            && !inside.now.is_empty()
        {
            return Err(Refusal::NotEmpty);
        }
        self.folder(to.0)?;
        self.folder(from.0)?.now.remove(from.1);
        self.folder(to.0)?.now.insert(to.1.into(), number);
        self.drop_unreachable();
        Ok(())
    }

    pub(super) fn write(&mut self, number: u64, at: usize, bytes: &[u8]) -> Result<(), Refusal> {
        let end = at + bytes.len();
        self.take_room(number, end)?;
        let file = self.file(number)?;
        Change::Write { at, bytes: bytes.into() }.apply(&mut file.now);
        file.unsynced.push(Change::Write { at, bytes: bytes.into() });
        Ok(())
    }

    pub(super) fn set_size(&mut self, number: u64, size: usize) -> Result<(), Refusal> {
        self.take_room(number, size)?;
        let file = self.file(number)?;
        let freed = file.now.len().saturating_sub(size) as u64;
        file.now.resize(size, 0);
        file.unsynced.push(Change::Size(size));
        self.used_bytes -= freed;
        Ok(())
    }

    pub(super) fn set_mode(&mut self, number: u64, mode: u16) -> Result<(), Refusal> {
        self.nodes.get_mut(&number).ok_or(Refusal::NotFound)?.mode = mode;
        Ok(())
    }

    /// A file's content, or a folder's names, are durable from now on.
    pub(super) fn sync(&mut self, number: u64) -> Result<(), Refusal> {
        match &mut self.nodes.get_mut(&number).ok_or(Refusal::NotFound)?.body {
            Body::File(file) => {
                for change in file.unsynced.drain(..) {
                    change.apply(&mut file.durable);
                }
            }
            Body::Folder(folder) => {
                folder.durable.clone_from(&folder.now);
                self.drop_unreachable();
            }
        }
        Ok(())
    }

    /// Leaves what is durable, and of the rest so much. The kernel knows nothing any more.
    pub(super) fn lose_power(&mut self, kept: Kept) {
        for (number, node) in &mut self.nodes {
            node.known = u64::from(*number == ROOT);
            match &mut node.body {
                Body::Folder(folder) if kept != Kept::Everything => folder.now.clone_from(&folder.durable),
                Body::Folder(folder) => folder.durable.clone_from(&folder.now),
                Body::File(file) => file.lose_power(kept, *number),
            }
        }
        self.drop_unreachable();
        self.used_bytes = self.nodes.values().map(Node::size_bytes).sum();
    }

    fn number(&self, folder: u64, name: &OsStr) -> Result<u64, Refusal> {
        match &self.node(folder)?.body {
            Body::Folder(folder) => folder.now.get(name).copied().ok_or(Refusal::NotFound),
            Body::File(_) => Err(Refusal::NotAFolder),
        }
    }

    fn folder(&mut self, number: u64) -> Result<&mut Folder, Refusal> {
        match &mut self.nodes.get_mut(&number).ok_or(Refusal::NotFound)?.body {
            Body::Folder(folder) => Ok(folder),
            Body::File(_) => Err(Refusal::NotAFolder),
        }
    }

    fn file(&mut self, number: u64) -> Result<&mut FileBody, Refusal> {
        match &mut self.nodes.get_mut(&number).ok_or(Refusal::NotFound)?.body {
            Body::File(file) => Ok(file),
            Body::Folder(_) => Err(Refusal::NotAFile),
        }
    }

    /// Takes the room for a file that is to reach up to `end`.
    fn take_room(&mut self, number: u64, end: usize) -> Result<(), Refusal> {
        let more = end.saturating_sub(self.file(number)?.now.len()) as u64;
        if more > 0 && self.used_bytes + more > self.room_bytes {
            return Err(Refusal::NoSpace);
        }
        self.used_bytes += more;
        Ok(())
    }

    /// Drops what has no name, now or after a power failure, and is not known to the kernel.
    fn drop_unreachable(&mut self) {
        let mut named = BTreeSet::from([ROOT]);
        for node in self.nodes.values() {
            if let Body::Folder(folder) = &node.body {
                named.extend(folder.now.values().chain(folder.durable.values()));
            }
        }
        let nodes = &mut self.nodes;
        let gone: Vec<u64> = nodes
            .iter()
            .filter(|(number, node)| node.known == 0 && !named.contains(number))
            .map(|(number, _)| *number)
            .collect();
        for number in gone {
            self.used_bytes -= self.nodes.remove(&number).map_or(0, |node| node.size_bytes());
        }
    }
}

impl Node {
    pub(super) fn size_bytes(&self) -> u64 {
        match &self.body {
            Body::File(file) => file.now.len() as u64,
            Body::Folder(_) => 0,
        }
    }
}

impl FileBody {
    fn lose_power(&mut self, kept: Kept, number: u64) {
        let mut left = std::mem::take(&mut self.unsynced);
        if let Kept::Nothing = kept {
            left.clear();
        }
        if let Kept::Beginnings { seed } = kept {
            let drawn = (seed ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let whole = usize::try_from(drawn >> 33).unwrap_or_default() % (left.len() + 1);
            left.truncate(whole + 1);
            if let Some(Change::Write { bytes, .. }) = left.get_mut(whole) {
                let sectors = bytes.len() / SECTOR_SIZE_BYTES;
                bytes.truncate(
                    usize::try_from(drawn & 0xffff).unwrap_or_default() % (sectors + 1) * SECTOR_SIZE_BYTES,
                );
            }
        }
        left.into_iter().for_each(|change| change.apply(&mut self.durable));
        self.now.clone_from(&self.durable);
    }
}

impl Change {
    fn apply(self, content: &mut Vec<u8>) {
        match self {
            Self::Size(size) => content.resize(size, 0),
            Self::Write { at, bytes } => {
                let end = at + bytes.len();
                if content.len() < end && !bytes.is_empty() {
                    content.resize(end, 0);
                }
                if !bytes.is_empty() {
                    content[at..end].copy_from_slice(&bytes);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> &OsStr {
        OsStr::new(text)
    }

    fn file(tree: &mut Tree, text: &str) -> u64 {
        tree.make(ROOT, name(text), Body::File(FileBody::default()), 0o644).unwrap()
    }

    fn content(tree: &mut Tree, text: &str) -> Result<Vec<u8>, Refusal> {
        let number = tree.number(ROOT, name(text))?;
        Ok(tree.file(number)?.now.clone())
    }

    #[test]
    fn what_was_synced_stays_and_what_was_not_is_gone() {
        let mut tree = Tree::new();
        let a = file(&mut tree, "a");
        tree.write(a, 0, b"synced").unwrap();
        tree.sync(a).unwrap();
        tree.sync(ROOT).unwrap();
        tree.write(a, 2, b"XXXXXX").unwrap();
        assert_eq!(content(&mut tree, "a").unwrap(), b"syXXXXXX");
        tree.lose_power(Kept::Nothing);
        assert_eq!(content(&mut tree, "a").unwrap(), b"synced");
        assert_eq!(tree.used_bytes(), 6);
    }

    #[test]
    fn a_name_is_durable_when_its_folder_was_synced() {
        let mut tree = Tree::new();
        let a = file(&mut tree, "a");
        tree.write(a, 0, b"1").unwrap();
        tree.sync(a).unwrap();
        tree.sync(ROOT).unwrap();
        let b = file(&mut tree, "b.tmp");
        tree.write(b, 0, b"2").unwrap();
        tree.sync(b).unwrap();
        tree.rename((ROOT, name("b.tmp")), (ROOT, name("a"))).unwrap();
        tree.remove(ROOT, name("a"), false).unwrap();
        tree.lose_power(Kept::Nothing);
        assert_eq!(content(&mut tree, "a").unwrap(), b"1");
        assert_eq!(content(&mut tree, "b.tmp"), Err(Refusal::NotFound));
    }

    #[test]
    fn of_a_torn_write_whole_sectors_are_kept_and_only_beginnings() {
        for seed in 0..50 {
            let mut tree = Tree::new();
            let a = file(&mut tree, "a");
            tree.sync(ROOT).unwrap();
            for number in 0..4_u8 {
                tree.write(a, usize::from(number) * 1_024, &[number + 1; 1_024]).unwrap();
            }
            tree.lose_power(Kept::Beginnings { seed });
            let left = content(&mut tree, "a").unwrap();
            assert_eq!(left.len() % SECTOR_SIZE_BYTES, 0);
            let whole = (0..4_u8).flat_map(|number| [number + 1; 1_024]).collect::<Vec<_>>();
            assert!(whole.starts_with(&left));
        }
    }

    #[test]
    fn a_full_disk_takes_no_more_and_gives_back_what_is_removed() {
        let mut tree = Tree::new();
        tree.set_room(Some(10));
        let a = file(&mut tree, "a");
        tree.write(a, 0, &[1; 8]).unwrap();
        assert_eq!(tree.write(a, 6, &[1; 5]), Err(Refusal::NoSpace));
        tree.write(a, 4, &[2; 6]).unwrap();
        tree.set_size(a, 1).unwrap();
        assert_eq!(tree.used_bytes(), 1);
        tree.remove(ROOT, name("a"), false).unwrap();
        tree.forget(a, 1);
        assert_eq!((tree.used_bytes(), tree.nodes.len()), (0, 1));
    }

    #[test]
    fn a_file_without_a_name_is_there_as_long_as_it_is_open() {
        let mut tree = Tree::new();
        let a = file(&mut tree, "a");
        tree.write(a, 0, b"1").unwrap();
        tree.link(a, ROOT, name("b")).unwrap();
        tree.remove(ROOT, name("a"), false).unwrap();
        tree.remove(ROOT, name("b"), false).unwrap();
        assert_eq!(tree.file(a).unwrap().now, b"1");
        tree.forget(a, 2);
        assert!(tree.node(a).is_err());
    }
}
