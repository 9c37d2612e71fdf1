//! The data directory: whose it is, who holds it, and what is refused.

use std::fs;

use crate::support::{IDENTITY, Place, append, entries, flip, read_all, values};
use conclave_storage::{DataDir, Identity, LogStore, StateStore, StorageError};

fn error(place: &Place, identity: Identity) -> StorageError {
    DataDir::open(&place.path(), identity).map(|_| ()).unwrap_err()
}

#[test]
fn a_missing_or_empty_directory_becomes_this_nodes() {
    let place = Place::new();
    drop(place.open());
    let dir = place.open();
    assert_eq!(dir.identity(), IDENTITY);
    assert_eq!(read_all(&LogStore::open(&dir).unwrap()).len(), 0);
    assert_eq!(StateStore::open(&dir).unwrap().mark().unwrap(), None);

    let empty = Place::new();
    fs::create_dir_all(empty.path().join("lost+found")).unwrap();
    drop(empty.open());
}

#[test]
fn another_nodes_or_clusters_directory_is_refused() {
    let place = Place::new();
    drop(place.open());
    for identity in [Identity { node_id: 2, ..IDENTITY }, Identity { cluster_id: 7, ..IDENTITY }] {
        let error = error(&place, identity);
        assert!(matches!(&error, StorageError::OtherNode { found, expected, .. }
            if *found == IDENTITY && *expected == identity));
        let text = error.to_string();
        assert!(text.contains("belongs to node 1 of cluster 0000000000c0ffee"), "{text}");
        assert!(text.contains(&identity.to_string()), "{text}");
    }
    drop(place.open());
}

#[test]
fn a_foreign_directory_is_refused_and_left_alone() {
    let place = Place::new();
    fs::create_dir_all(place.path()).unwrap();
    fs::write(place.path().join("thesis.txt"), "x").unwrap();
    let error = error(&place, IDENTITY);
    assert!(matches!(&error, StorageError::NotADataDir { found, .. } if found == "thesis.txt"), "{error}");
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
}

#[test]
fn the_lock_is_held_by_the_directory_and_by_every_store() {
    let place = Place::new();
    let dir = place.open();
    let error = error(&place, IDENTITY);
    assert!(matches!(&error, StorageError::Locked { .. }), "{error}");
    assert!(error.to_string().contains(place.path().join("LOCK").to_str().unwrap()), "{error}");

    let state = StateStore::open(&dir).unwrap();
    drop(dir);
    assert!(DataDir::open(&place.path(), IDENTITY).is_err());
    let checkpoint = state.checkpoint().unwrap();
    drop(state);
    assert!(DataDir::open(&place.path(), IDENTITY).is_err());
    drop(checkpoint);
    let log = LogStore::open(&place.open()).unwrap();
    assert!(DataDir::open(&place.path(), IDENTITY).is_err());
    drop(log);
    drop(place.open());
}

#[test]
fn a_first_start_that_was_cut_off_is_begun_again() {
    let place = Place::new();
    drop(place.open());
    fs::remove_file(place.path().join("identity")).unwrap();
    fs::write(place.path().join("UNFINISHED"), "").unwrap();
    fs::remove_dir_all(place.path().join("state")).unwrap();
    fs::remove_file(place.path().join("log/durable-mark")).unwrap();
    let dir = place.open();
    append(&LogStore::open(&dir).unwrap(), entries(0..3)).unwrap();
    StateStore::open(&dir).unwrap();
    drop(dir);

    assert!(!place.path().join("UNFINISHED").exists());
    fs::write(place.path().join("UNFINISHED"), "").unwrap();
    assert_eq!(read_all(&place.log()), values(0..3), "where there is an identity, nothing is begun again");
}

#[test]
fn what_is_missing_or_damaged_is_never_made_anew() {
    let place = Place::new();
    append(&place.log(), entries(0..3)).unwrap();

    let copy = place.crash_copy();
    fs::remove_dir_all(copy.path().join("log")).unwrap();
    assert!(matches!(copy.try_log(), Err(StorageError::Corrupt { .. })));
    assert!(!copy.path().join("log").exists());

    let copy = place.crash_copy();
    fs::remove_dir_all(copy.path().join("log/db")).unwrap();
    assert!(matches!(copy.try_log(), Err(StorageError::Corrupt { .. })));

    let copy = place.crash_copy();
    fs::remove_file(copy.path().join("identity")).unwrap();
    assert!(matches!(error(&copy, IDENTITY), StorageError::NotADataDir { .. }));

    let copy = place.crash_copy();
    flip(&copy.path().join("identity"), 3);
    let error = error(&copy, IDENTITY);
    assert!(matches!(&error, StorageError::Corrupt { .. }), "{error}");
}
