//! `conclave backup prune`.

use conclave_backup::{Place, Pruned, Pruning, Repository};
use serde::Serialize;

use super::source::hex;
use super::views::{self, BackupView};
use crate::cli::colour::Paint;
use crate::cli::errors::Failure;
use crate::cli::output::Report;
use crate::cli::session::Session;
use crate::cli::text;

/// Remove old backups from a directory or bucket, and the files that none needs any more
///
/// The newest of each cluster stay. A file that no backup needs stays for a day after it was written: it may be of
/// a backup that is being made. Do not prune while one is.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  conclave backup prune /backups --keep 14 --dry-run
  conclave backup prune s3://company-backups/conclave --keep 14
  conclave backup prune /backups --keep 0 --cluster-id 1f00c2aa4be1907d")]
pub(in crate::cli) struct PruneArgs {
    /// Where the backups lie: a directory, file://… or s3://BUCKET/PATH
    #[arg(value_name = "SOURCE")]
    source: String,
    /// How many of the newest stay, of each cluster; 0 only with --cluster-id
    #[arg(long, value_name = "COUNT")]
    keep: usize,
    /// Only backups of the cluster with this id
    #[arg(long, value_name = "ID", value_parser = hex)]
    cluster_id: Option<u64>,
    /// Tell what would go, and remove nothing
    #[arg(long)]
    dry_run: bool,
}

impl PruneArgs {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let Self { source, keep, cluster_id, dry_run } = self;
        if keep == 0 && cluster_id.is_none() {
            return Err(Failure::usage("--keep 0 would leave no backup: name a cluster with --cluster-id"));
        }
        let repository = Repository::open(&Place::parse(&source)?)?;
        let pruned = repository.prune(Pruning { keep, cluster_id, dry_run }).await?;
        session.output.show(&PruneReport::of(&pruned, dry_run))
    }
}

#[derive(Debug, Serialize)]
struct PruneReport {
    dry_run: bool,
    backups: Vec<BackupView>,
    kept: usize,
    files: usize,
    stored_bytes: u64,
    spared_files: usize,
}

impl PruneReport {
    fn of(pruned: &Pruned, dry_run: bool) -> Self {
        Self {
            dry_run,
            backups: pruned.backups.iter().map(BackupView::from).collect(),
            kept: pruned.kept,
            files: pruned.files,
            stored_bytes: pruned.stored_bytes,
            spared_files: pruned.spared,
        }
    }
}

impl Report for PruneReport {
    fn text(&self, paint: Paint) -> String {
        let table = if self.backups.is_empty() { String::new() } else { views::table(&self.backups, paint) };
        let (backups, files) =
            (text::counted(self.backups.len(), "backup"), text::counted(self.files, "file"));
        let (size, kept) = (text::size(self.stored_bytes), text::grouped(self.kept as u64));
        let would = if self.dry_run { "would be removed" } else { "removed" };
        let spared = match self.spared_files {
            0 => String::new(),
            count => format!("; {} that none needs stay for a day", text::counted(count, "file")),
        };
        format!("{table}{backups} {would}, {kept} kept; {files} {would}, {size}{spared}\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_tells_what_went_and_what_stays() {
        let pruned = Pruned { kept: 14, files: 3, stored_bytes: 1_600, spared: 2, ..Pruned::default() };
        let expected =
            "0 backups removed, 14 kept; 3 files removed, 1.5 KiB; 2 files that none needs stay for a day\n";
        assert_eq!(PruneReport::of(&pruned, false).text(Paint::PLAIN), expected);
        let dry = PruneReport::of(&Pruned::default(), true).text(Paint::PLAIN);
        assert_eq!(dry, "0 backups would be removed, 0 kept; 0 files would be removed, 0 B\n");
    }
}
