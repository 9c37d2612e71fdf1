//! What is damaged on a node's disk, and what becomes of it.

use std::collections::BTreeMap;
use std::fs;
use std::ops::{Add, Range};
use std::path::{Path, PathBuf};

use crate::dice::Dice;

/// How the vote begins among the writes of the log: a value, whose key has two bytes, these.
const VOTE_ROW: &[u8] = &[0x01, 0x02, 0x00, 0x01];
/// What comes of it after that: its length and its checksum at least.
const VOTE_SIZE_BYTES: usize = 9;
/// The name, near the end of a table of RocksDB, after which it tells where its filter begins. Without the filter all
/// is found as well, only later; what is before it is needed.
const FILTER: &[u8] = b"fullfilter.rocksdb.BuiltinBloomFilter";

/// A part of what a node keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    /// Entries, where they lie, and how much of them is durable.
    Log,
    /// The vote, a row of the log.
    Vote,
    /// The applied state.
    State,
    /// Who the node is, what it noted of itself, which state is the valid one.
    Notes,
    /// What was received of a snapshot before the node was killed.
    Snapshot,
}

/// Parts that any node has on its disk at any time.
pub(crate) const KEPT: [Part; 4] = [Part::Log, Part::Vote, Part::State, Part::Notes];

/// How often a part was damaged, and what became of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Damaged {
    pub(crate) times: u64,
    /// The node said so.
    pub(crate) found: u64,
    /// All nodes were well afterwards.
    pub(crate) mended: u64,
}

impl Add for Damaged {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            times: self.times + other.times,
            found: self.found + other.found,
            mended: self.mended + other.mended,
        }
    }
}

/// That of all parts.
pub(crate) type Damages = BTreeMap<Part, Damaged>;

impl Part {
    /// Its name in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Vote => "vote",
            Self::State => "state",
            Self::Notes => "notes",
            Self::Snapshot => "received snapshot",
        }
    }

    /// Turns a bit over somewhere in it; tells where. None: the node has nothing of it.
    pub(crate) fn damage(self, data_dir: &Path, dice: &mut Dice) -> Option<String> {
        let places = self.places(data_dir);
        if places.is_empty() {
            return None;
        }
        let indices: Vec<_> = (0..places.len()).collect();
        let (path, range) = &places[dice.pick(&indices)];
        let byte = dice.within(range.start as u64..=range.end as u64 - 1);
        let mut content = fs::read(path).expect("it was there");
        content[usize::try_from(byte).expect("it is in memory")] ^= 1 << dice.within(0..=7);
        fs::write(path, &content).expect("it is ours");
        Some(format!("byte {byte} of {}, of {}", path.display(), content.len()))
    }

    /// Where it lies. Wherever a bit is turned over there, something is lost.
    fn places(self, data_dir: &Path) -> Vec<Place> {
        match self {
            Self::Log => {
                let notes = in_folder(&data_dir.join("log/db"), is_read_whole);
                notes.into_iter().chain([data_dir.join("log/durable-mark")]).filter_map(whole).collect()
            }
            Self::Vote => {
                let logs = in_folder(&data_dir.join("log/db"), |name| name.ends_with(".log"));
                logs.into_iter().filter_map(vote).collect()
            }
            Self::State => {
                let folder = data_dir.join("state");
                let number = fs::read_to_string(folder.join("CURRENT")).unwrap_or_default();
                let folder = folder.join(number.trim());
                let tables = in_folder(&folder, |name| name.ends_with(".sst")).into_iter().filter_map(rows);
                in_folder(&folder, is_read_whole).into_iter().filter_map(whole).chain(tables).collect()
            }
            Self::Notes => {
                let notes = ["identity", "member", "state/CURRENT"];
                notes.iter().map(|name| data_dir.join(name)).filter_map(whole).collect()
            }
            Self::Snapshot => {
                let files = in_folder(&data_dir.join("state/incoming"), |_| true);
                files.into_iter().filter_map(whole).collect()
            }
        }
    }
}

/// Bytes of a file.
type Place = (PathBuf, Range<usize>);

/// Whether a file of RocksDB is read from its first byte to its last when it is opened.
fn is_read_whole(name: &str) -> bool {
    name.ends_with(".log") || name.starts_with("MANIFEST") || name == "CURRENT"
}

fn in_folder(folder: &Path, is_wanted: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries
        .filter(|entry| is_wanted(&entry.file_name().to_string_lossy()))
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    paths
}

/// All of a file, but for the room that was taken in advance.
fn whole(path: PathBuf) -> Option<Place> {
    let content = fs::read(&path).ok()?;
    let last = content.iter().rposition(|byte| *byte != 0)?;
    Some((path, 0..last + 1))
}

/// The newest vote in a log of writes.
fn vote(path: PathBuf) -> Option<Place> {
    let content = fs::read(&path).ok()?;
    let begin = content.windows(VOTE_ROW.len()).rposition(|bytes| bytes == VOTE_ROW)? + VOTE_ROW.len();
    let end = (begin + VOTE_SIZE_BYTES).min(content.len());
    (begin < end).then_some((path, begin..end))
}

/// All rows of a table.
fn rows(path: PathBuf) -> Option<Place> {
    let content = fs::read(&path).ok()?;
    let name = content.windows(FILTER.len()).rposition(|bytes| bytes == FILTER)?;
    let end = varint(content[name + FILTER.len()..].iter().copied())?;
    (end > 0 && end < name).then_some((path, 0..end))
}

/// A number as RocksDB writes it: seven bits a byte, the lowest first, and whether more of them come.
fn varint(bytes: impl Iterator<Item = u8>) -> Option<usize> {
    let mut number = 0;
    for (place, byte) in bytes.take(4).enumerate() {
        number |= usize::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bit_is_turned_over_where_the_part_lies() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path();
        fs::create_dir_all(data.join("log/db")).unwrap();
        fs::create_dir_all(data.join("state/2")).unwrap();
        fs::write(data.join("state/CURRENT"), "2\n").unwrap();
        let log = [&[7; 20][..], VOTE_ROW, &[9; 12], &[0; 100]].concat();
        fs::write(data.join("log/db/000004.log"), &log).unwrap();
        let table = [&[5; 300][..], &[6; 40], FILTER, &[0xac, 0x02, 0x45]].concat();
        fs::write(data.join("state/2/000007.sst"), &table).unwrap();
        assert_eq!(Part::Log.places(data), [(data.join("log/db/000004.log"), 0..36)]);
        assert_eq!(Part::Vote.places(data), [(data.join("log/db/000004.log"), 24..33)]);
        assert_eq!(Part::State.places(data), [(data.join("state/2/000007.sst"), 0..300)]);
        assert_eq!(Part::Notes.places(data), [(data.join("state/CURRENT"), 0..2)]);
        assert_eq!(Part::Snapshot.damage(data, &mut Dice::new(1)), None);

        Part::Vote.damage(data, &mut Dice::new(1)).unwrap();
        let damaged = fs::read(data.join("log/db/000004.log")).unwrap();
        let differing: Vec<_> = (0..log.len()).filter(|at| damaged[*at] != log[*at]).collect();
        assert!(matches!(differing[..], [at] if (24..33).contains(&at)), "{differing:?}");
    }
}
