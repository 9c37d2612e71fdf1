//! What a node takes of the machine: memory and disk. And by which way its state came to it.

use std::collections::HashMap;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use anyhow::Context as _;
use conclave_testkit::Cluster;
use procfs::WithCurrentSystemInfo as _;
use procfs::process::Process;
use walkdir::WalkDir;

use crate::report::{Report, mib};

/// The first generation of the state of a new node.
const FIRST_GENERATION: u64 = 1;
/// What the system counts the room of files in.
const BLOCK_SIZE_BYTES: u64 = 512;

/// Tells what every node takes, all of which must run.
pub(crate) fn tell(
    cluster: &mut Cluster,
    memory_goal_bytes: Option<u64>,
    report: &mut Report,
) -> anyhow::Result<()> {
    for id in cluster.ids() {
        let process = Process::new(i32::try_from(cluster.node(id).process())?)?;
        let peak_kib = process.status()?.vmhwm.context("the system does not tell the most memory")?;
        let what = format!("node {id}: resident memory; at most {}", mib(peak_kib << 10));
        report.size(&what, process.stat()?.rss_bytes().get(), memory_goal_bytes);
    }
    for id in cluster.ids() {
        let folder = cluster.node(id).data_dir();
        let (state, log) = (size_of(&folder.join("state"))?, size_of(&folder.join("log"))?);
        let what = format!("node {id}: data directory; state {}, log {}", mib(state), mib(log));
        report.size(&what, size_of(&folder)?, None);
    }
    Ok(())
}

/// Which generation of its state a node is at: every snapshot that it receives makes another one.
pub(crate) fn generation(cluster: &mut Cluster, id: u64) -> anyhow::Result<u64> {
    let file = cluster.node(id).data_dir().join("state/CURRENT");
    if !file.exists() {
        return Ok(FIRST_GENERATION);
    }
    let text = fs::read_to_string(&file)?;
    text.trim_end().parse().with_context(|| format!("{} names no generation", file.display()))
}

/// Sum of the sizes of all files.
fn size_of(folder: &Path) -> anyhow::Result<u64> {
    sum_over(folder, Metadata::len)
}

/// How much all files take on the disk: more than their sizes where room was set aside.
pub(crate) fn taken_by(folder: &Path) -> anyhow::Result<u64> {
    sum_over(folder, |file| file.blocks() * BLOCK_SIZE_BYTES)
}

/// Sum over all files, each once, whatever names it has: a snapshot that is kept to be sent shares its files with the
/// state. The node may remove some meanwhile: those count for nothing.
fn sum_over(folder: &Path, of: impl Fn(&Metadata) -> u64) -> anyhow::Result<u64> {
    let mut sizes_bytes = HashMap::new();
    for entry in WalkDir::new(folder) {
        match entry.and_then(|entry| entry.metadata()) {
            Ok(found) if found.is_file() => sizes_bytes.insert(found.ino(), of(&found)),
            Ok(_) => None,
            Err(error) if is_gone(&error) => None,
            Err(error) => return Err(error.into()),
        };
    }
    Ok(sizes_bytes.values().sum())
}

fn is_gone(error: &walkdir::Error) -> bool {
    error.io_error().is_some_and(|error| error.kind() == std::io::ErrorKind::NotFound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_files_below_a_folder_count_once() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("state")).unwrap();
        fs::write(folder.path().join("state/1"), [0; 10]).unwrap();
        fs::write(folder.path().join("2"), [0; 5]).unwrap();
        fs::hard_link(folder.path().join("2"), folder.path().join("again")).unwrap();
        assert_eq!(size_of(folder.path()).unwrap(), 15);
        assert_eq!(size_of(&folder.path().join("nowhere")).unwrap(), 0);
        assert_eq!(taken_by(folder.path()).unwrap() % 512, 0);
    }
}
