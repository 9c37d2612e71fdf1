//! `conclave backup create`.

use conclave_backup::{BackupError, BackupWriter, Destination, Manifest, ManifestFile, Place, Written};
use conclave_client::BackupStream;
use conclave_client::cluster::create_backup_response::Part;
use conclave_client::cluster::{BackupChunk, BackupFile, BackupManifest, CreateBackupRequest};
use serde::Serialize;

use super::views::BackupView;
use crate::cli::colour::Paint;
use crate::cli::errors::Failure;
use crate::cli::exit::Exit;
use crate::cli::output::Report;
use crate::cli::progress::Progress;
use crate::cli::session::Session;
use crate::cli::text;

/// Back up the cluster while it runs
///
/// What is backed up is the state of the node that answers, with every write that was acknowledged before. If
/// there is no quorum, it is what this node has; --endpoints says which node is asked.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  conclave backup create nightly.conclave
  conclave backup create /backups/
  conclave backup create s3://company-backups/conclave --output json | jq -r .id

Access to s3:// is told by the usual variables: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, \
AWS_ENDPOINT, AWS_ALLOW_HTTP.")]
pub(in crate::cli) struct CreateArgs {
    /// Where it goes: a file that ends with .conclave, a directory or s3://BUCKET/PATH that backups share. A directory
    /// that is not there yet, or holds other things, is named with / at its end
    #[arg(value_name = "DESTINATION")]
    destination: String,
    /// It is a directory, whatever its name
    #[arg(long)]
    directory: bool,
    /// Write over the file if it is there
    #[arg(long)]
    force: bool,
    /// Send also what the directory holds already
    #[arg(long)]
    full: bool,
}

impl CreateArgs {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let destination = Destination::open(Place::to_write(&self.destination, self.directory)?, self.force)?;
        let known = if self.full { Vec::new() } else { destination.known_files().await? };
        let known_files = known.iter().map(to_wire).collect();
        let request = CreateBackupRequest { known_files, manifest_only: false };
        let mut parts = session.client.create_backup(request).await?;
        let Some(Part::Manifest(manifest)) = parts.next().await? else {
            return Err(BackupError::Unfit("it does not begin with a manifest".into()).into());
        };
        let manifest = from_wire(manifest)?;
        let view = BackupView::from(&manifest);
        let mut writer = destination.begin(manifest)?;
        let received = tokio::select! {
            received = receive(&mut writer, &mut parts) => received,
            _ = tokio::signal::ctrl_c() => Err(Failure::new(Exit::Failed, "interrupted: there is no backup")),
        };
        if let Err(failure) = received {
            writer.abort().await;
            return Err(failure);
        }
        let Written { files, size_bytes, stored_bytes, .. } = writer.finish().await?;
        let added = Added { files, size_bytes, stored_bytes };
        session.output.show(&CreateReport { backup: view, added })
    }
}

/// Writes all pieces that come.
async fn receive(writer: &mut BackupWriter, parts: &mut BackupStream) -> Result<(), Failure> {
    let progress = Progress::bytes("backing up", writer.manifest().size_bytes());
    let mut open: Option<(u32, u64)> = None;
    while let Some(part) = parts.next().await? {
        let Part::Chunk(BackupChunk { file, offset_bytes, data }) = part else {
            return Err(BackupError::Unfit("a second manifest came".into()).into());
        };
        if open.is_none_or(|(index, _)| index != file) {
            if open.is_some() {
                writer.finish_file().await?;
            }
            writer.begin_file(file as usize)?;
            open = Some((file, 0));
        }
        let written = open.map_or(0, |(_, written)| written);
        if offset_bytes != written {
            let told = format!("a piece begins at {offset_bytes} instead of {written}");
            return Err(BackupError::Unfit(told).into());
        }
        writer.write(&data).await?;
        progress.advance(data.len());
        open = Some((file, written + data.len() as u64));
    }
    if open.is_some() {
        writer.finish_file().await?;
    }
    Ok(())
}

fn to_wire(file: &ManifestFile) -> BackupFile {
    BackupFile { name: file.name.clone(), size_bytes: file.size_bytes, checksum: file.checksum }
}

fn from_wire(manifest: BackupManifest) -> Result<Manifest, BackupError> {
    let cluster_id = u64::from_str_radix(&manifest.cluster_id, 16)
        .map_err(|error| BackupError::Unfit(format!("cluster id {:?}: {error}", manifest.cluster_id)))?;
    let file = |file: BackupFile| ManifestFile {
        name: file.name,
        size_bytes: file.size_bytes,
        checksum: file.checksum,
    };
    Ok(Manifest {
        cluster_id,
        cluster_name: manifest.cluster_name,
        node_id: manifest.node_id,
        version: manifest.version,
        revision: manifest.revision,
        applied_index: manifest.applied_index,
        applied_term: manifest.applied_term,
        digest: manifest.digest,
        time_ms: manifest.time_ms,
        made_ms: jiff::Timestamp::now().as_millisecond(),
        files: manifest.files.into_iter().map(file).collect(),
    })
}

#[derive(Debug, Serialize)]
struct CreateReport {
    #[serde(flatten)]
    backup: BackupView,
    added: Added,
}

/// What was written; other files were there already.
#[derive(Debug, Serialize)]
struct Added {
    files: usize,
    size_bytes: u64,
    /// As they lie there, compressed.
    stored_bytes: u64,
}

impl Report for CreateReport {
    fn text(&self, paint: Paint) -> String {
        let BackupView { id, revision, files, .. } = &self.backup;
        let Added { files: sent, size_bytes, stored_bytes } = &self.added;
        let (heading, files) = (paint.heading(id), text::counted(*files, "file"));
        let (size, stored) = (text::size(*size_bytes), text::size(*stored_bytes));
        format!(
            "{heading}: revision {revision}, {files}, {sent} of them written: {size}, stored as {stored}\n"
        )
    }
}
