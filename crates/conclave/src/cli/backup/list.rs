//! `conclave backup list`.

use conclave_backup::{Place, Repository};
use serde::Serialize;

use super::views::{self, BackupView};
use crate::cli::colour::Paint;
use crate::cli::errors::Failure;
use crate::cli::exit::Exit;
use crate::cli::output::Report;
use crate::cli::session::Session;

/// List the backups of a directory or bucket, the oldest first
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  conclave backup list /backups
  conclave backup list s3://company-backups/conclave --output json | jq -r '.backups[].id'")]
pub(in crate::cli) struct ListArgs {
    /// Where the backups lie: a directory, file://… or s3://BUCKET/PATH
    #[arg(value_name = "SOURCE")]
    source: String,
}

impl ListArgs {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let repository = Repository::open(&Place::parse(&self.source)?)?;
        let listing = repository.list().await?;
        let backups: Vec<BackupView> = listing.backups.iter().map(BackupView::from).collect();
        let empty = backups.is_empty().then(|| format!("{} holds no backup", repository.place()));
        session.output.show_or_note(&ListReport { backups }, empty)?;
        let unreadable: Vec<String> = listing.unreadable.iter().map(|it| it.error.to_string()).collect();
        if unreadable.is_empty() { Ok(()) } else { Err(unreadable_failure(unreadable)) }
    }
}

fn unreadable_failure(details: Vec<String>) -> Failure {
    Failure::Told {
        exit: Exit::Invalid,
        message: "these backups cannot be read:".into(),
        details,
        hint: Some("those that are listed can be restored, by their ids (--backup)".into()),
    }
}

#[derive(Debug, Serialize)]
struct ListReport {
    backups: Vec<BackupView>,
}

impl Report for ListReport {
    fn text(&self, paint: Paint) -> String {
        views::table(&self.backups, paint)
    }
}
