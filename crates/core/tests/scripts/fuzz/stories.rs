//! What the stories lead to: entries, what they were answered, and the states on which they met.

use std::path::Path;
use std::{env, fs};

use bytes::Bytes;
use conclave_core::EntryContext;
use conclave_mvcc::MemoryMap;

use super::more;
use crate::play;

/// Every how many rows of a state one is spoilt; which, differs from entry to entry.
const ROWS_BETWEEN: usize = 9;

/// An entry of a story.
#[derive(Clone)]
pub(crate) struct Told {
    /// The state before it.
    pub(crate) before: MemoryMap,
    pub(crate) context: EntryContext,
    pub(crate) entry: Bytes,
    pub(crate) answer: Bytes,
}

/// A row of the state before an entry.
pub(super) struct Row {
    pub(super) told: Told,
    pub(super) key: Bytes,
    pub(super) value: Bytes,
}

/// All entries of all stories, and of one about what no story tells.
pub(super) fn all_told() -> Vec<Told> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts");
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let mut scripts: Vec<_> = files.filter(|path| path.extension().is_some_and(|end| end == "txt")).collect();
    scripts.sort();
    let stories = scripts.iter().map(|path| play(&fs::read_to_string(path).unwrap()).1);
    stories.chain([more::story()]).flat_map(|session| session.told).collect()
}

/// Rows of the states before entries, of each state some.
pub(super) fn rows(told: Vec<Told>) -> Vec<Row> {
    let numbered = told.into_iter().enumerate();
    numbered.flat_map(|(number, told)| some_rows(number % ROWS_BETWEEN, &told)).collect()
}

fn some_rows(first: usize, told: &Told) -> Vec<Row> {
    let chosen = told.before.iter().skip(first).step_by(ROWS_BETWEEN);
    let row = |(key, value): (&[u8], &[u8])| Row {
        told: told.clone(),
        key: Bytes::copy_from_slice(key),
        value: Bytes::copy_from_slice(value),
    };
    chosen.map(row).collect()
}
