//! A snapshot on the wire: a backup of this node as an archive, a piece a message, and a SHA-256 of it at the end.
//!
//! What is saved of it is what `conclave backup` reads. The backup is made when the first message is fetched, and read
//! no faster than the messages are.

use bytes::Bytes;
use conclave_backup::{BackupError, Manifest, ManifestFile, StoredArchive};
use conclave_node::{Backup, BackupManifest, NodeHandle, RequestError};
use conclave_proto::etcd::etcdserverpb as wire;
use futures::stream::{self, BoxStream};
use sha2::{Digest as _, Sha256};
use tonic::Status;

use crate::header::header;
use crate::refusal::Refusal;
use crate::version::ETCD_VERSION;

/// SHA-256, in bytes.
const SHA256_SIZE_BYTES: u64 = 32;

/// The messages of a snapshot.
pub(crate) type SnapshotStream = BoxStream<'static, Result<wire::SnapshotResponse, Status>>;

/// Begins a snapshot of this node.
pub(crate) fn snapshot(node: &NodeHandle) -> SnapshotStream {
    let begin = Step::Begin(node.clone());
    Box::pin(stream::try_unfold(begin, |step| async move { step.next().await.map_err(Status::from) }))
}

/// What comes next.
enum Step {
    Begin(NodeHandle),
    Pieces(Box<Sending>),
    Checksum(Sha256),
    End,
}

/// A snapshot that is being sent.
struct Sending {
    backup: Backup,
    archive: StoredArchive,
    hasher: Sha256,
    remaining_bytes: u64,
}

impl Step {
    async fn next(self) -> Result<Option<(wire::SnapshotResponse, Self)>, Refusal> {
        Ok(Some(match self {
            Self::Begin(node) => begin(&node).await?,
            Self::Pieces(sending) => sending.next().await?,
            Self::Checksum(hasher) => {
                let blob = Bytes::copy_from_slice(&hasher.finalize());
                (wire::SnapshotResponse { blob, ..message() }, Self::End)
            }
            Self::End => return Ok(None),
        }))
    }
}

async fn begin(node: &NodeHandle) -> Result<(wire::SnapshotResponse, Step), Refusal> {
    let backup = node.create_backup().await?;
    let mut archive = StoredArchive::begin(manifest(backup.manifest(), node.now_ms())).map_err(unfit)?;
    let remaining_bytes = archive.size_bytes() + SHA256_SIZE_BYTES;
    let head = archive.head().map_err(unfit)?;
    let header = header(node, backup.manifest().revision);
    let mut sending = Box::new(Sending { backup, archive, hasher: Sha256::new(), remaining_bytes });
    let told = wire::SnapshotResponse { header, ..sending.message(head) };
    Ok((told, Step::Pieces(sending)))
}

impl Sending {
    async fn next(mut self: Box<Self>) -> Result<(wire::SnapshotResponse, Step), Refusal> {
        if let Some(piece) = self.backup.next_piece().await? {
            let made = self.archive.piece(piece.file, &piece.data).map_err(unfit)?;
            return Ok((self.message(made), Step::Pieces(self)));
        }
        let Self { archive, mut hasher, .. } = *self;
        let end = archive.end().map_err(unfit)?;
        hasher.update(&end);
        let told =
            wire::SnapshotResponse { blob: end.into(), remaining_bytes: SHA256_SIZE_BYTES, ..message() };
        Ok((told, Step::Checksum(hasher)))
    }

    fn message(&mut self, made: Vec<u8>) -> wire::SnapshotResponse {
        self.hasher.update(&made);
        self.remaining_bytes = self.remaining_bytes.saturating_sub(made.len() as u64);
        wire::SnapshotResponse { blob: made.into(), remaining_bytes: self.remaining_bytes, ..message() }
    }
}

fn message() -> wire::SnapshotResponse {
    wire::SnapshotResponse { version: ETCD_VERSION.to_owned(), ..wire::SnapshotResponse::default() }
}

/// What the disk gave is not what the checkpoint says.
fn unfit(error: BackupError) -> Refusal {
    RequestError::NodeFailed { cause: error.to_string() }.into()
}

fn manifest(told: &BackupManifest, made_ms: i64) -> Manifest {
    let files = told.files.iter().map(|file| ManifestFile {
        name: file.name.clone(),
        size_bytes: file.size_bytes,
        checksum: file.checksum,
    });
    Manifest {
        cluster_id: told.cluster_id,
        cluster_name: told.cluster_name.clone(),
        node_id: told.node_id,
        version: told.version.to_owned(),
        revision: told.revision.get(),
        applied_index: told.applied.index,
        applied_term: told.applied.term,
        digest: told.digest.to_string(),
        time_ms: told.time_ms,
        made_ms,
        files: files.collect(),
    }
}
