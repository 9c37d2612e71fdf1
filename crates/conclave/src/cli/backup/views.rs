//! Backups, as reports tell them.

use conclave_backup::{Manifest, ManifestFile};
use serde::Serialize;

use crate::cli::colour::Paint;
use crate::cli::output::Report;
use crate::cli::table::Columns;
use crate::cli::text;

/// How much of a name a table shows.
const NAME_CHARS_MAX: usize = 64;

/// What is known of a backup.
#[derive(Debug, Clone, Serialize)]
pub(super) struct BackupView {
    pub(super) id: String,
    pub(super) cluster_id: String,
    pub(super) cluster_name: String,
    pub(super) node_id: u64,
    pub(super) version: String,
    pub(super) revision: u64,
    pub(super) applied_index: u64,
    pub(super) applied_term: u64,
    pub(super) digest: String,
    /// When its newest entry was stamped.
    pub(super) time: String,
    /// When the backup was made.
    pub(super) made: String,
    pub(super) size_bytes: u64,
    pub(super) files: usize,
}

impl From<&Manifest> for BackupView {
    fn from(manifest: &Manifest) -> Self {
        Self {
            id: manifest.id(),
            cluster_id: format!("{:016x}", manifest.cluster_id),
            cluster_name: manifest.cluster_name.clone(),
            node_id: manifest.node_id,
            version: manifest.version.clone(),
            revision: manifest.revision,
            applied_index: manifest.applied_index,
            applied_term: manifest.applied_term,
            digest: manifest.digest.clone(),
            time: text::time(manifest.time_ms),
            made: text::time(manifest.made_ms),
            size_bytes: manifest.size_bytes(),
            files: manifest.files.len(),
        }
    }
}

/// A backup with its files.
#[derive(Debug, Serialize)]
pub(super) struct ManifestView {
    #[serde(flatten)]
    backup: BackupView,
    file_list: Vec<FileView>,
}

#[derive(Debug, Serialize)]
struct FileView {
    name: String,
    size_bytes: u64,
    checksum: String,
}

impl From<&ManifestFile> for FileView {
    fn from(file: &ManifestFile) -> Self {
        Self {
            name: file.name.clone(),
            size_bytes: file.size_bytes,
            checksum: format!("{:016x}", file.checksum),
        }
    }
}

impl From<&Manifest> for ManifestView {
    fn from(manifest: &Manifest) -> Self {
        Self { backup: manifest.into(), file_list: manifest.files.iter().map(FileView::from).collect() }
    }
}

impl Report for ManifestView {
    fn text(&self, paint: Paint) -> String {
        let BackupView { id, cluster_id, cluster_name, node_id, version, .. } = &self.backup;
        let BackupView { revision, applied_index, applied_term, digest, time, made, .. } = &self.backup;
        let mut columns = Columns::new(&["FILE", ">SIZE", "CHECKSUM"], paint);
        for file in &self.file_list {
            let size = text::grouped(file.size_bytes);
            columns.row([file.name.clone(), size, file.checksum.clone()]);
        }
        format!(
            "backup    {}\nmade      {made}\n\
             cluster   {} ({cluster_id}), read from node {node_id}, version {}\n\
             state     revision {revision}, entry {applied_index} of term {applied_term}, {time}\n\
             digest    {digest}\n\n{}",
            paint.heading(id),
            text::one_line(cluster_name, NAME_CHARS_MAX),
            text::one_line(version, NAME_CHARS_MAX),
            columns.into_text()
        )
    }
}

/// Backups in a table.
pub(super) fn table(backups: &[BackupView], paint: Paint) -> String {
    let mut columns =
        Columns::new(&["BACKUP", "MADE", "CLUSTER", "CLUSTER ID", ">REVISION", "STATE OF", ">SIZE"], paint);
    for backup in backups {
        columns.row([
            backup.id.clone(),
            backup.made.clone(),
            text::one_line(&backup.cluster_name, NAME_CHARS_MAX),
            backup.cluster_id.clone(),
            backup.revision.to_string(),
            backup.time.clone(),
            text::size(backup.size_bytes),
        ]);
    }
    columns.into_text()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_is_told_with_its_files() {
        let manifest = Manifest {
            cluster_id: 0xabc,
            cluster_name: "shop".into(),
            node_id: 2,
            version: "0.1.0".into(),
            revision: 12,
            applied_index: 15,
            applied_term: 3,
            digest: "ab".repeat(16),
            time_ms: 0,
            made_ms: 1_500,
            files: vec![ManifestFile { name: "CURRENT".into(), size_bytes: 1_600, checksum: 255 }],
        };
        let expected = format!(
            "backup    {}\nmade      1970-01-01T00:00:01.500Z\ncluster   shop (0000000000000abc), read from node 2, version 0.1.0\n\
             state     revision 12, entry 15 of term 3, 1970-01-01T00:00:00.000Z\n\
             digest    abababababababababababababababab\n\n\
             FILE      SIZE  CHECKSUM\nCURRENT  1,600  00000000000000ff\n",
            manifest.id()
        );
        assert_eq!(ManifestView::from(&manifest).text(Paint::PLAIN), expected);
        let listed = table(&[BackupView::from(&manifest)], Paint::PLAIN);
        assert!(listed.contains("shop") && listed.contains("1.5 KiB"), "{listed}");
    }
}
