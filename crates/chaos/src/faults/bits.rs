//! Files that are not as they were written.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::stage::{Fate, Stage};

/// A bit is turned over in some file of a node that does not run.
pub(super) async fn turn_over(stage: &mut Stage) -> Duration {
    let id = stage.any_node();
    stage.kill(id);
    let data_dir = stage.cluster.node(id).data_dir();
    let files = kept_files(&data_dir);
    if files.is_empty() {
        return Duration::ZERO;
    }
    let path = stage.dice.pick(&files.iter().collect::<Vec<_>>()).clone();
    let mut content = fs::read(&path).expect("it was there");
    let bit = stage.dice.within(0..=content.len() as u64 * 8 - 1);
    let (byte, bit) = (usize::try_from(bit / 8).expect("it is in memory"), bit % 8);
    content[byte] ^= 1 << bit;
    fs::write(&path, &content).expect("it is ours");
    stage.damage(id);
    stage.start(id);
    if stage.fate(id).await == Fate::Found {
        stage.found(id);
        stage.kill(id);
        stage.replace(id).await;
    }
    Duration::ZERO
}

/// Files whose content is needed: not logs for people, locks, and what RocksDB keeps for its own information.
fn kept_files(data_dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![data_dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let Ok(kind) = entry.metadata() else { continue };
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.len() > 0 && is_kept(&entry.file_name().to_string_lossy()) {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    files
}

fn is_kept(name: &str) -> bool {
    !name.starts_with("LOG") && !name.starts_with("OPTIONS") && name != "LOCK" && name != "IDENTITY"
}
