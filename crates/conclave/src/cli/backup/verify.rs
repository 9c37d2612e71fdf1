//! `conclave backup verify`.

use std::io;

use conclave_backup::{FileSink, ManifestFile};
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
  conclave backup verify s3://company-backups/conclave --revision 120000")]
pub(in crate::cli) struct VerifyArgs {
    #[command(flatten)]
    source: SourceArgs,
}

impl VerifyArgs {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let open = self.source.open().await?;
        let manifest = open.manifest().clone();
        let mut read = Read(Progress::bytes("verifying", manifest.size_bytes()));
        let damage = open.verify(&mut read).await?;
        drop(read);
        if !damage.is_empty() {
            let details: Vec<String> = damage.iter().map(ToString::to_string).collect();
            let message = format!("backup {} is damaged:", manifest.id());
            return Err(Failure::Told { exit: Exit::Invalid, message, details, hint: None });
        }
        session.output.show(&VerifyReport {
            id: manifest.id(),
            intact: true,
            files: manifest.files.len(),
            size_bytes: manifest.size_bytes(),
        })
    }
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

impl Report for VerifyReport {
    fn text(&self, paint: Paint) -> String {
        let (files, size) = (text::counted(self.files, "file"), text::size(self.size_bytes));
        format!("{}: intact, {files}, {size}\n", paint.heading(&self.id))
    }
}
