//! Snapshots that are received in pieces, with a crash or a newer snapshot in between.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::support::{Place, files, flip};
use bytes::Bytes;
use conclave_mvcc::WriteSet;
use conclave_storage::{Checkpoint, CheckpointFile, Staging, StateStore, StorageError};

/// A state of some tables beside the one that a new state has; four in all would be made into one at any time.
fn source(tables: u64) -> (Place, StateStore) {
    let place = Place::new();
    let state = place.state();
    for table in 0..tables {
        write(&state, table);
        state.flush().unwrap();
    }
    (place, state)
}

fn write(state: &StateStore, number: u64) {
    let mut writes = WriteSet::default();
    let noise: Vec<u8> = (0..20_000_u64).map(|at| ((at * at * (number + 7)) >> 5).to_le_bytes()[0]).collect();
    writes.put(Bytes::from(format!("key {number}")), noise.into());
    state.write(&writes, Some(number.to_string().as_bytes())).unwrap();
}

fn content(checkpoint: &Checkpoint, file: &CheckpointFile) -> Vec<u8> {
    let mut bytes = Vec::new();
    checkpoint.open(&file.name).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

/// Receives what is missing of all files, and tells how many bytes that was.
fn receive(checkpoint: &Checkpoint, staging: &Staging) -> u64 {
    let mut received = 0;
    for file in checkpoint.files() {
        let from = staging.staged_size_bytes(file).unwrap();
        if from < file.size_bytes {
            let mut staged = staging.file(file.clone()).unwrap();
            let rest = &content(checkpoint, file)[usize::try_from(from).unwrap()..];
            staged.write(from, rest).unwrap();
            staged.finish().unwrap();
            received += rest.len() as u64;
        }
    }
    received
}

fn tables(checkpoint: &Checkpoint) -> Vec<CheckpointFile> {
    checkpoint.files().iter().filter(|file| file.name.ends_with(".sst")).cloned().collect()
}

fn is_taken_over(place: &Place, mark: &'static str) {
    let state = place.state();
    assert_eq!(state.mark().unwrap().unwrap(), mark);
    assert!(state.read(|view| view.get(b"key 1")).unwrap().is_some());
}

#[test]
fn a_crash_in_mid_transfer_leaves_what_came_to_go_on_with() {
    let (_source, from) = source(2);
    let checkpoint = from.checkpoint().unwrap();
    let all_bytes: u64 = checkpoint.files().iter().map(|file| file.size_bytes).sum();
    let target = Place::new();
    let to = target.state();
    let staging = to.resume(checkpoint.files()).unwrap();
    let [_, first, second] = &tables(&checkpoint)[..] else { panic!("three tables") };
    let mut whole = staging.file(first.clone()).unwrap();
    whole.write(0, &content(&checkpoint, first)).unwrap();
    whole.finish().unwrap();
    let mut half = staging.file(second.clone()).unwrap();
    half.write(0, &content(&checkpoint, second)[..1000]).unwrap();

    let crashed = target.crash_copy();
    drop((half, staging, to));
    for place in [&target, &crashed] {
        let to = place.state();
        let staging = to.resume(checkpoint.files()).unwrap();
        assert_eq!(staging.staged_size_bytes(first).unwrap(), first.size_bytes);
        assert_eq!(staging.staged_size_bytes(second).unwrap(), 1000);
        assert_eq!(receive(&checkpoint, &staging), all_bytes - first.size_bytes - 1000);
        assert_eq!(staging.mark().unwrap().unwrap(), "1");
        to.install(staging).unwrap();
        drop(to);
        is_taken_over(place, "1");
        assert_eq!(files(&place.path().join("state"), "incoming").len(), 0);
    }
}

#[test]
fn of_a_newer_snapshot_only_what_is_new_is_to_come() {
    let (_source, from) = source(1);
    let older = from.checkpoint().unwrap();
    let target = Place::new();
    let to = target.state();
    let staging = to.resume(older.files()).unwrap();
    receive(&older, &staging);
    drop(staging);
    write(&from, 1);
    let newer = from.checkpoint().unwrap();
    drop(older);
    let staging = to.resume(newer.files()).unwrap();
    for table in &tables(&newer)[..2] {
        assert_eq!(staging.staged_size_bytes(table).unwrap(), table.size_bytes, "{table:?}");
    }
    let new = tables(&newer).pop().unwrap();
    assert_eq!(staging.staged_size_bytes(&new).unwrap(), 0);
    receive(&newer, &staging);
    assert_eq!(staging.mark().unwrap().unwrap(), "1");
    to.install(staging).unwrap();
    drop(to);
    is_taken_over(&target, "1");
}

#[test]
fn what_was_damaged_meanwhile_comes_again() {
    let (_source, from) = source(2);
    let checkpoint = from.checkpoint().unwrap();
    let target = Place::new();
    let to = target.state();
    let staging = to.resume(checkpoint.files()).unwrap();
    receive(&checkpoint, &staging);
    drop(staging);
    let incoming = target.path().join("state/incoming");
    let [_, first, second] = &tables(&checkpoint)[..] else { panic!("three tables") };
    flip(&incoming.join(&first.name), 100);
    fs::write(incoming.join("000099.sst"), "of another snapshot").unwrap();
    // Cut off when all was there but not yet checked, and not all had come to disk.
    let part = format!("{}.{:016x}-{}.part", second.name, second.checksum, second.size_bytes);
    fs::rename(incoming.join(&second.name), incoming.join(&part)).unwrap();
    flip(&incoming.join(&part), 100);

    let staging = to.resume(checkpoint.files()).unwrap();
    assert!(!incoming.join("000099.sst").exists() && !incoming.join(&part).exists());
    assert_eq!(receive(&checkpoint, &staging), first.size_bytes + second.size_bytes);
    to.install(staging).unwrap();
    drop(to);
    is_taken_over(&target, "1");
}

#[test]
fn one_is_received_at_a_time_and_an_idle_one_is_removed() {
    let (_source, from) = source(2);
    let checkpoint = from.checkpoint().unwrap();
    let target = Place::new();
    let to = target.state();
    let incoming = target.path().join("state/incoming");
    let staging = to.resume(checkpoint.files()).unwrap();
    assert!(matches!(to.resume(checkpoint.files()), Err(StorageError::Snapshot { .. })));
    assert!(matches!(to.stage(), Err(StorageError::Snapshot { .. })));
    assert!(!to.remove_idle_staging(Duration::ZERO).unwrap(), "it is in use");
    drop(staging);
    assert!(!to.remove_idle_staging(Duration::from_secs(3600)).unwrap(), "it was in use just now");
    assert!(incoming.exists());
    assert!(to.remove_idle_staging(Duration::ZERO).unwrap());
    assert!(!incoming.exists());
    assert!(!to.remove_idle_staging(Duration::ZERO).unwrap());
    to.resume(checkpoint.files()).unwrap().discard();
    assert!(!incoming.exists());
    drop(to.stage().unwrap());
    assert!(!incoming.exists());
}

#[test]
fn what_cannot_be_received_is_refused_before_anything_comes() {
    let target = Place::new();
    let to = target.state();
    let file = |name: &str, size_bytes| CheckpointFile { name: name.into(), size_bytes, checksum: 1 };
    let twice = to.resume(&[file("a.sst", 1), file("a.sst", 2)]).map(|_| ());
    assert!(twice.unwrap_err().to_string().contains("announced twice"));
    for name in ["../a", "a.part", ".a", ""] {
        assert!(matches!(to.resume(&[file(name, 1)]), Err(StorageError::Snapshot { .. })), "{name}");
    }
    let too_large = to.resume(&[file("a.sst", u64::MAX / 4)]).map(|_| ()).unwrap_err();
    assert!(matches!(&too_large, StorageError::NoRoom { .. }), "{too_large}");
    assert!(too_large.to_string().contains("no room for the snapshot"), "{too_large}");
    let empty = to.resume(&[file("a.sst", 0)]).map(|_| ());
    assert!(matches!(empty, Err(StorageError::Snapshot { .. })), "an empty file has another checksum");
    assert!(matches!(to.resume(&[]).unwrap().mark(), Err(StorageError::Snapshot { .. })));
}

/// A small disk in memory, gone when dropped.
struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    /// None, where it may not be mounted: that needs root.
    fn mount(path: &'a Path) -> Option<Self> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=64m", "conclave-test"]).arg(path);
        mount.output().is_ok_and(|output| output.status.success()).then_some(Self(path))
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0).output();
    }
}

#[test]
fn on_a_full_disk_it_is_told_and_what_came_can_be_dropped() {
    let (_source, from) = source(2);
    let checkpoint = from.checkpoint().unwrap();
    let target = Place::new();
    fs::create_dir_all(target.path()).unwrap();
    let target_path = target.path();
    let Some(_disk) = SmallDisk::mount(&target_path) else {
        println!("skipped: mounting a small tmpfs needs root");
        return;
    };
    let to = target.state();
    let mut filler = fs::File::create(target_path.join("filler")).unwrap();
    let staging = to.resume(checkpoint.files()).unwrap();
    let chunk = vec![7; 16 << 10];
    while filler.write_all(&chunk).is_ok() {}
    let [.., table] = &tables(&checkpoint)[..] else { panic!("a table") };
    let mut staged = staging.file(table.clone()).unwrap();
    let error = staged.write(0, &content(&checkpoint, table)).unwrap_err();
    assert!(matches!(&error, StorageError::Full { .. }), "{error:?}");
    drop((staged, staging));
    let error = to.resume(checkpoint.files()).map(|_| ()).unwrap_err();
    assert!(matches!(&error, StorageError::NoRoom { .. }), "{error:?}");

    drop(filler);
    fs::remove_file(target_path.join("filler")).unwrap();
    assert!(to.mark().unwrap().is_none(), "the state is what it was");
    let staging = to.resume(checkpoint.files()).unwrap();
    receive(&checkpoint, &staging);
    to.install(staging).unwrap();
    drop(to);
    is_taken_over(&target, "1");
}
