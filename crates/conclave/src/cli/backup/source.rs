//! Where backups lie and which is meant, as arguments.

use conclave_backup::{OpenBackup, Place, Wanted, Which};

use crate::cli::errors::Failure;
use crate::cli::times::time_ms;

/// Where a backup lies, and which one of those that lie there.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub(super) struct SourceArgs {
    /// Where the backup lies: a file, a directory of backups, file://… or s3://BUCKET/PATH
    #[arg(value_name = "SOURCE")]
    source: String,
    #[command(flatten)]
    which: WhichArgs,
    /// Only backups of the cluster with this id, where a directory holds those of several
    #[arg(long, value_name = "ID", value_parser = hex)]
    cluster_id: Option<u64>,
}

/// Which backup; the newest if nothing is said.
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args)]
#[group(id = "which", multiple = false)]
struct WhichArgs {
    /// Of a directory of backups, the one with this id [default: the newest]
    #[arg(long, value_name = "ID")]
    backup: Option<String>,
    /// The newest that holds nothing after this revision
    #[arg(long, value_name = "REVISION")]
    revision: Option<u64>,
    /// The newest that holds nothing after this time: 2026-02-28T17:00:00Z, 2026-02-28, or so long ago: 1h, 2d
    #[arg(long, value_name = "TIME", value_parser = time_ms, allow_hyphen_values = true)]
    time: Option<i64>,
}

impl SourceArgs {
    /// Opens the backup that is meant.
    pub(super) async fn open(&self) -> Result<OpenBackup, Failure> {
        let place = Place::parse(&self.source)?;
        let wanted = Wanted { which: self.which.which(), cluster_id: self.cluster_id };
        Ok(OpenBackup::open(&place, &wanted).await?)
    }

    /// Where the backup lies, as it was written.
    pub(super) fn place(&self) -> &str {
        &self.source
    }

    /// Whose backups are meant, if that is said.
    pub(super) fn cluster_id(&self) -> Option<u64> {
        self.cluster_id
    }
}

impl WhichArgs {
    fn which(&self) -> Which {
        match self {
            Self { backup: Some(id), .. } => Which::Id(id.clone()),
            Self { revision: Some(revision), .. } => Which::Revision(*revision),
            Self { time: Some(time_ms), .. } => Which::Time(*time_ms),
            Self { .. } => Which::Newest,
        }
    }
}

/// An id of a cluster or a restore, as reports have it: hexadecimal digits.
pub(super) fn hex(text: &str) -> Result<u64, String> {
    u64::from_str_radix(text, 16).map_err(|_| "it is not up to 16 hexadecimal digits".into())
}
