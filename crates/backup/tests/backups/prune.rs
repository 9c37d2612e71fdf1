//! Old backups go as a whole, then the files that no backup needs; and many are verified at once.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, SystemTime};

use conclave_backup::{BackupError, Destination, Discard, Manifest, Pruned, Pruning, Repository, Verifier};

use crate::places::{Files, back_up, damage, manifest, names, noise, places};

const KEEP_ONE: Pruning = Pruning { keep: 1, cluster_id: None, dry_run: false };

/// A backup of one file of its own and one that all share.
fn files(seed: u64) -> Files {
    Files::from([("000009.sst", noise(2 * seed, 2_000)), ("SHARED", b"the same for all".to_vec())])
}

/// Makes all files two days old.
fn age(folder: &Path) {
    let written = SystemTime::now() - Duration::from_secs(2 * 86_400);
    for name in names(folder) {
        File::options().write(true).open(folder.join(name)).unwrap().set_modified(written).unwrap();
    }
}

fn revisions(pruned: &Pruned) -> Vec<u64> {
    pruned.backups.iter().map(|backup| backup.revision).collect()
}

#[tokio::test]
async fn what_no_backup_needs_goes_with_the_old_backups() {
    let folder = tempfile::tempdir().unwrap();
    let [_, place] = places(folder.path());
    for revision in [1, 2, 3] {
        back_up(&place, &files(revision), revision).await.unwrap();
    }
    let (objects, backups) = (folder.path().join("many/objects"), folder.path().join("many/backups"));
    std::fs::write(objects.join("00-1.zst#3"), "of a backup that was killed").unwrap();
    age(&objects);
    let repository = Repository::open(&place).unwrap();
    let dry = repository.prune(Pruning { dry_run: true, ..KEEP_ONE }).await.unwrap();
    assert_eq!((revisions(&dry), dry.kept, dry.files, dry.spared), (vec![1, 2], 1, 2, 0));
    assert_eq!((names(&objects).len(), names(&backups).len()), (5, 3), "nothing is gone yet");

    let pruned = repository.prune(KEEP_ONE).await.unwrap();
    assert_eq!(pruned, dry);
    assert!(pruned.stored_bytes > 3_900, "{pruned:?}");
    assert_eq!((names(&objects).len(), names(&backups).len()), (2, 1));
    assert_eq!(damage(&place).await, Vec::<String>::new());
    let again = repository.prune(KEEP_ONE).await.unwrap();
    assert_eq!(again, Pruned { kept: 1, ..Pruned::default() });
}

#[tokio::test]
async fn what_was_written_lately_may_be_of_a_backup_that_is_being_made() {
    let folder = tempfile::tempdir().unwrap();
    let [_, place] = places(folder.path());
    let all = files(1);
    let mut writer = Destination::open(place.clone(), false).unwrap().begin(manifest(&all, 1)).unwrap();
    for (index, content) in all.values().enumerate() {
        writer.begin_file(index).unwrap();
        writer.write(content).await.unwrap();
        writer.finish_file().await.unwrap();
    }
    let pruned = Repository::open(&place).unwrap().prune(KEEP_ONE).await.unwrap();
    assert_eq!(pruned, Pruned { spared: 2, ..Pruned::default() });
    writer.finish().await.unwrap();
    assert_eq!(damage(&place).await, Vec::<String>::new());
}

#[tokio::test]
async fn each_cluster_keeps_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let [_, place] = places(folder.path());
    for (cluster_id, revision) in [(7, 1), (8, 2), (7, 3), (8, 4)] {
        let backup = Manifest { cluster_id, ..manifest(&Files::new(), revision) };
        let writer = Destination::open(place.clone(), false).unwrap().begin(backup).unwrap();
        writer.finish().await.unwrap();
    }
    let repository = Repository::open(&place).unwrap();
    let pruned = repository.prune(Pruning { cluster_id: Some(8), ..KEEP_ONE }).await.unwrap();
    assert_eq!((revisions(&pruned), pruned.kept), (vec![2], 3));
    let pruned = repository.prune(KEEP_ONE).await.unwrap();
    assert_eq!((revisions(&pruned), pruned.kept), (vec![1], 2));
}

#[tokio::test]
async fn nothing_goes_while_a_backup_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let [_, place] = places(folder.path());
    for revision in [1, 2] {
        back_up(&place, &files(revision), revision).await.unwrap();
    }
    let backups = folder.path().join("many/backups");
    std::fs::write(backups.join(&names(&backups)[1]), "nonsense").unwrap();
    age(&folder.path().join("many/objects"));
    let refused = Repository::open(&place).unwrap().prune(KEEP_ONE).await.unwrap_err();
    assert!(matches!(refused, BackupError::Broken { .. }), "{refused}");
    assert_eq!(names(&folder.path().join("many/objects")).len(), 3);
}

#[tokio::test]
async fn damage_of_a_shared_file_is_told_of_every_backup() {
    let folder = tempfile::tempdir().unwrap();
    let [_, place] = places(folder.path());
    for revision in [1, 2] {
        back_up(&place, &files(revision), revision).await.unwrap();
    }
    let objects = folder.path().join("many/objects");
    let shared = names(&objects).into_iter().find(|name| name.ends_with("-16.zst")).unwrap();
    std::fs::write(objects.join(shared), "nonsense").unwrap();
    let repository = Repository::open(&place).unwrap();
    let mut verifier = Verifier::new(repository.clone());
    for backup in repository.list().await.unwrap().backups {
        let damage = verifier.verify(&backup, &mut Discard).await.unwrap();
        assert!(damage.len() == 1 && damage[0].contains("(file SHARED) is damaged"), "{damage:?}");
    }
}
