//! `conclave backup verify`.

use std::io;

use conclave_backup::{FileSink, Manifest, ManifestFile, Place, Repository, Verifier};
use serde::Serialize;

use super::source::SourceArgs;
use crate::cli::colour::Paint;
use crate::cli::errors::Failure;
use crate::cli::exit::Exit;
use crate::cli::output::Report;
use crate::cli::progress::Progress;
use crate::cli::session::Session;
use crate::cli::text;

/// Read a backup to its end and check every checksum
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  conclave backup verify nightly.conclave
  conclave backup verify /backups --all
  conclave backup verify s3://company-backups/conclave --revision 120000")]
pub(in crate::cli) struct VerifyArgs {
    #[command(flatten)]
    source: SourceArgs,
    /// All backups of a directory or bucket; files that they share are read once
    #[arg(long, conflicts_with = "which")]
    all: bool,
}

impl VerifyArgs {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        match Place::parse(self.source.place())? {
            place @ (Place::Directory(_) | Place::Bucket(_)) if self.all => {
                verify_all(&Repository::open(&place)?, self.source.cluster_id(), session).await
            }
            _ => verify_one(&self.source, session).await,
        }
    }
}

async fn verify_one(source: &SourceArgs, session: &mut Session) -> Result<(), Failure> {
    let open = source.open().await?;
    let manifest = open.manifest().clone();
    let mut read = Read(Progress::bytes("verifying", manifest.size_bytes()));
    let damage = open.verify(&mut read).await?;
    drop(read);
    if !damage.is_empty() {
        let details: Vec<String> = damage.iter().map(ToString::to_string).collect();
        return Err(damaged(format!("backup {} is damaged:", manifest.id()), details));
    }
    session.output.show(&VerifyReport::intact(&manifest))
}

/// Tells each that is intact, and at the end what is not.
async fn verify_all(
    repository: &Repository,
    cluster_id: Option<u64>,
    session: &mut Session,
) -> Result<(), Failure> {
    let listing = repository.list().await?;
    let mut details: Vec<String> = listing.unreadable.iter().map(|it| it.error.to_string()).collect();
    let backups = listing.backups.iter();
    let backups = backups.filter(|backup| cluster_id.is_none_or(|wanted| backup.cluster_id == wanted));
    let (mut verifier, mut count) = (Verifier::new(repository.clone()), 0);
    for backup in backups {
        let mut read = Read(Progress::bytes("verifying", backup.size_bytes()));
        let damage = verifier.verify(backup, &mut read).await?;
        drop(read);
        count += 1;
        if damage.is_empty() {
            session.output.stream(&VerifyReport::intact(backup))?;
        }
        details.extend(damage.into_iter().map(|what| format!("{}: {what}", backup.id())));
    }
    if !details.is_empty() {
        return Err(damaged("these are damaged:".into(), details));
    }
    if count == 0 {
        session.output.note(&format!("{} holds no backup", repository.place()));
    }
    Ok(())
}

fn damaged(message: String, details: Vec<String>) -> Failure {
    Failure::Told { exit: Exit::Invalid, message, details, hint: None }
}

/// Counts what is read.
struct Read(Progress);

impl FileSink for Read {
    fn begin(&mut self, _: &ManifestFile) -> io::Result<()> {
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.advance(bytes.len());
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Debug, Serialize)]
struct VerifyReport {
    id: String,
    intact: bool,
    files: usize,
    size_bytes: u64,
}

impl VerifyReport {
    fn intact(backup: &Manifest) -> Self {
        let (files, size_bytes) = (backup.files.len(), backup.size_bytes());
        Self { id: backup.id(), intact: true, files, size_bytes }
    }
}

impl Report for VerifyReport {
    fn text(&self, paint: Paint) -> String {
        let (files, size) = (text::counted(self.files, "file"), text::size(self.size_bytes));
        format!("{}: intact, {files}, {size}\n", paint.heading(&self.id))
    }
}
