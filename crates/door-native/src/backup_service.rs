//! A backup on the wire: the manifest, then the files that are asked for, a piece a message.
//!
//! The stream is there at once; the backup is made when its first message is fetched, and read no faster than
//! its messages are. The pieces are as large as the node reads them, which is less than a message may have.

use std::collections::HashSet;
use std::pin::Pin;

use conclave_door::{Refusal, Violations};
use conclave_node::{Backup, BackupManifest, BackupPiece, CheckpointFile, NodeHandle};
use conclave_proto::cluster::v1 as wire;
use futures::stream::{self, Stream};
use tonic::{Request, Response, Status};
use wire::create_backup_response::Part;

/// Most files that may be told as known.
const KNOWN_FILES_MAX: usize = 100_000;

/// The messages of a backup.
pub(crate) type BackupStream = Pin<Box<dyn Stream<Item = Result<wire::CreateBackupResponse, Status>> + Send>>;

/// Begins a backup of this node.
pub(crate) async fn create_backup(
    node: &NodeHandle,
    request: Request<wire::CreateBackupRequest>,
) -> Result<Response<BackupStream>, Status> {
    let request = request.into_inner();
    if request.known_files.len() > KNOWN_FILES_MAX {
        let told =
            format!("has {} entries, of which {KNOWN_FILES_MAX} are allowed", request.known_files.len());
        return Err(Refusal::from(Violations::one("known_files", told)).into());
    }
    let begin = Step::Begin { node: node.clone(), request };
    let parts = stream::try_unfold(begin, |step| async move { step.next().await.map_err(Status::from) });
    Ok(Response::new(Box::pin(parts)))
}

/// What comes next.
enum Step {
    Begin { node: NodeHandle, request: wire::CreateBackupRequest },
    Pieces(Box<Backup>),
    End,
}

impl Step {
    async fn next(self) -> Result<Option<(wire::CreateBackupResponse, Self)>, Refusal> {
        let (part, next) = match self {
            Self::Begin { node, request } => {
                let mut backup = node.create_backup().await?;
                let manifest = Part::Manifest(manifest(backup.manifest()));
                let known: HashSet<(u64, u64)> =
                    request.known_files.iter().map(|file| (file.checksum, file.size_bytes)).collect();
                backup.leave_out(|file| known.contains(&(file.checksum, file.size_bytes)));
                let next = if request.manifest_only { Self::End } else { Self::Pieces(Box::new(backup)) };
                (manifest, next)
            }
            Self::Pieces(mut backup) => match backup.next_piece().await? {
                Some(piece) => (Part::Chunk(chunk(piece)), Self::Pieces(backup)),
                None => return Ok(None),
            },
            Self::End => return Ok(None),
        };
        Ok(Some((wire::CreateBackupResponse { part: Some(part) }, next)))
    }
}

fn manifest(manifest: &BackupManifest) -> wire::BackupManifest {
    wire::BackupManifest {
        cluster_id: format!("{:016x}", manifest.cluster_id),
        cluster_name: manifest.cluster_name.clone(),
        node_id: manifest.node_id,
        version: manifest.version.to_owned(),
        revision: manifest.revision.get(),
        applied_index: manifest.applied.index,
        applied_term: manifest.applied.term,
        digest: manifest.digest.to_string(),
        time_ms: manifest.time_ms,
        files: manifest.files.iter().map(file).collect(),
    }
}

fn file(file: &CheckpointFile) -> wire::BackupFile {
    wire::BackupFile { name: file.name.clone(), size_bytes: file.size_bytes, checksum: file.checksum }
}

fn chunk(piece: BackupPiece) -> wire::BackupChunk {
    // A checkpoint of so many files is refused by whoever reads its manifest.
    let file = u32::try_from(piece.file).unwrap_or(u32::MAX);
    wire::BackupChunk { file, offset_bytes: piece.offset, data: piece.data }
}
