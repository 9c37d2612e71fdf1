//! Removes old backups of a repository, and then the files that no backup needs any more.
//!
//! A backup goes as a whole: its manifest first, so that what is listed can always be read. A file goes when no
//! manifest names it, unless it was written lately: a backup that is being made writes its files before it is
//! listed.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::time::{Duration, SystemTime};

use object_store::ObjectMeta;

use crate::archive_write::io;
use crate::{BackupError, Manifest, Repository};

/// Files that were written within this time stay, since they may be a backup's that is being made.
pub const SPARED: Duration = Duration::from_secs(24 * 60 * 60);

/// What is to stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pruning {
    /// So many of the newest backups of each cluster.
    pub keep: usize,
    /// Only backups of this cluster go. None: of all.
    pub cluster_id: Option<u64>,
    /// Tell only what would go.
    pub dry_run: bool,
}

/// What went, or would.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Backups, the oldest first.
    pub backups: Vec<Manifest>,
    /// How many backups stay.
    pub kept: usize,
    /// Files that no backup needs any more.
    pub files: usize,
    /// How many bytes they take.
    pub stored_bytes: u64,
    /// Files that no backup needs, and that stay because they were written within [`SPARED`].
    pub spared: usize,
}

impl Repository {
    /// Removes all but the newest backups. Not to be done while a backup is being made.
    ///
    /// # Errors
    /// If a backup cannot be read: it is not known which files it needs, and nothing is removed. Or if something
    /// cannot be removed: it can be begun again.
    pub async fn prune(&self, pruning: Pruning) -> Result<Pruned, BackupError> {
        let (kept, going) = divide(self.readable().await?, pruning);
        let mut pruned = Pruned { kept: kept.len(), ..Pruned::default() };
        if !pruning.dry_run {
            for backup in &going {
                self.remove_manifest(&backup.id()).await?;
            }
        }
        pruned.backups = going;
        // One that was made meanwhile counts.
        let kept = if pruning.dry_run { kept } else { self.readable().await? };
        self.remove_unneeded(&kept, pruning.dry_run, &mut pruned).await?;
        if !pruning.dry_run {
            self.remove_uploads()?;
        }
        Ok(pruned)
    }

    async fn readable(&self) -> Result<Vec<Manifest>, BackupError> {
        let listing = self.list().await?;
        match listing.unreadable.into_iter().next() {
            Some(unreadable) => Err(unreadable.error),
            None => Ok(listing.backups),
        }
    }

    async fn remove_unneeded(
        &self,
        kept: &[Manifest],
        dry_run: bool,
        pruned: &mut Pruned,
    ) -> Result<(), BackupError> {
        let files = kept.iter().flat_map(|backup| &backup.files);
        let needed: HashSet<_> = files.map(|file| self.object(file)).collect();
        for object in self.objects().await? {
            if needed.contains(&object.location) || object.location.extension() != Some("zst") {
                continue;
            }
            if is_new(&object) {
                pruned.spared += 1;
                continue;
            }
            if !dry_run {
                self.remove(&object.location).await?;
            }
            pruned.files += 1;
            pruned.stored_bytes += object.size;
        }
        Ok(())
    }

    /// Of a directory: removes what a backup that was killed has left of the file that it was writing.
    fn remove_uploads(&self) -> Result<(), BackupError> {
        let Some(directory) = self.directory() else { return Ok(()) };
        let objects = directory.join("objects");
        let Ok(entries) = fs::read_dir(&objects) else { return Ok(()) };
        for entry in entries.flatten() {
            let written = entry.metadata().and_then(|file| file.modified());
            let is_upload = entry.file_name().to_string_lossy().contains(".zst#");
            if is_upload && written.is_ok_and(|written| !is_within(written, SPARED)) {
                fs::remove_file(entry.path()).map_err(|source| io("removing", &entry.path(), source))?;
            }
        }
        Ok(())
    }
}

fn is_new(object: &ObjectMeta) -> bool {
    is_within(object.last_modified.into(), SPARED)
}

/// Whether a moment is less than so long ago, or to come.
fn is_within(moment: SystemTime, age: Duration) -> bool {
    SystemTime::now().duration_since(moment).map_or(true, |passed| passed < age)
}

/// What stays and what goes; the oldest come first, in both.
fn divide(backups: Vec<Manifest>, pruning: Pruning) -> (Vec<Manifest>, Vec<Manifest>) {
    let mut newer = BTreeMap::<u64, usize>::new();
    let (mut kept, mut going) = (Vec::new(), Vec::new());
    for backup in backups.into_iter().rev() {
        let newer = newer.entry(backup.cluster_id).or_default();
        let may_go = pruning.cluster_id.is_none_or(|cluster_id| cluster_id == backup.cluster_id);
        let goes = may_go && *newer >= pruning.keep;
        *newer += 1;
        if goes { going.push(backup) } else { kept.push(backup) }
    }
    kept.reverse();
    going.reverse();
    (kept, going)
}
