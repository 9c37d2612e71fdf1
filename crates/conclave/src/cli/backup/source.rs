//! Where backups lie and which is meant, as arguments.

use conclave_backup::{OpenBackup, Place, Wanted};
use jiff::Timestamp;

use crate::cli::errors::Failure;

/// Where a backup lies, and which one of those that lie there.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub(super) struct SourceArgs {
    /// Where the backup lies: a file, a directory of backups, file://… or s3://BUCKET/PATH
    #[arg(value_name = "SOURCE")]
    source: String,
    #[command(flatten)]
    which: WhichArgs,
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
    /// The newest that holds nothing after this time, as in 2026-02-28T17:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time_ms, allow_hyphen_values = true)]
    time: Option<i64>,
}

impl SourceArgs {
    /// Opens the backup that is meant.
    pub(super) async fn open(&self) -> Result<OpenBackup, Failure> {
        let place = Place::parse(&self.source)?;
        Ok(OpenBackup::open(&place, &self.which.wanted()).await?)
    }
}

impl WhichArgs {
    fn wanted(&self) -> Wanted {
        match self {
            Self { backup: Some(id), .. } => Wanted::Id(id.clone()),
            Self { revision: Some(revision), .. } => Wanted::Revision(*revision),
            Self { time: Some(time_ms), .. } => Wanted::Time(*time_ms),
            Self { .. } => Wanted::Newest,
        }
    }
}

fn time_ms(text: &str) -> Result<i64, String> {
    let time: Timestamp =
        text.parse().map_err(|error| format!("it is no time such as 2026-02-28T17:00:00Z: {error}"))?;
    Ok(time.as_millisecond())
}
