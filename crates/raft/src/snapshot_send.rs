//! Sends a snapshot: one header, then the files in order, in pieces.
//!
//! There is no bound on the whole, which may be large; but when no piece is taken for some time, or the last
//! one is not answered, the peer is given up. Giving up, or being told to, ends the sending too.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use conclave_proto::raft::v1 as proto;
use conclave_storage::CheckpointFile;
use futures::stream::{self, Stream, StreamExt};
use openraft::errors::{NetworkError, RPCError};
use openraft::raft::SnapshotResponse;
use proto::install_snapshot_request::Part;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::codec::{Mark, encode_mark};
use crate::peer_channel::PeerClient;
use crate::peer_network::{PeerFailure, unanswered};
use crate::peer_wire::{vote_from_wire, vote_to_wire};
use crate::snapshot::{BuiltFiles, CHUNK_SIZE_BYTES, Snapshot, SnapshotData};
use crate::type_config::{TypeConfig, Vote};

type Rpc<T> = Result<T, RPCError<TypeConfig>>;

/// Sends the snapshot and waits until it is installed, or refused for a higher vote.
pub(crate) async fn send_snapshot(
    mut client: PeerClient,
    vote: Vote,
    snapshot: Snapshot,
    stall_timeout: Duration,
) -> Rpc<SnapshotResponse<TypeConfig>> {
    let SnapshotData::Built(files) = snapshot.snapshot else {
        let cause = "a snapshot that was received is installed, not sent";
        return Err(RPCError::Network(NetworkError::from_string(cause)));
    };
    let header = proto::SnapshotHeader {
        vote: Some(vote_to_wire(&vote)),
        meta: encode_mark(&Mark::from_meta(&snapshot.meta)),
        files: files.checkpoint.files().iter().map(file_to_wire).collect(),
    };
    let (taken, watched) = watch::channel(());
    let ended = CancellationToken::new();
    let _ends = ended.clone().drop_guard();
    let messages = outgoing(header, files, taken).take_until(ended.cancelled_owned());
    let sending = client.install_snapshot(messages);
    let response = tokio::select! {
        response = sending => response.map_err(PeerFailure::from)?.into_inner(),
        () = stalled(watched, stall_timeout) => return Err(unanswered()),
    };
    let vote = vote_from_wire(response.vote).map_err(PeerFailure::from)?;
    Ok(SnapshotResponse::new(vote))
}

fn file_to_wire(file: &CheckpointFile) -> proto::SnapshotFile {
    proto::SnapshotFile { name: file.name.clone(), size_bytes: file.size_bytes, checksum: file.checksum }
}

/// Ends when for `stall_timeout` no piece was taken, or after the last one nothing happened.
async fn stalled(mut taken: watch::Receiver<()>, stall_timeout: Duration) {
    while let Ok(Ok(())) = timeout(stall_timeout, taken.changed()).await {}
    if taken.has_changed().is_err() {
        tokio::time::sleep(stall_timeout).await;
    }
}

/// The messages, each read when it is its turn. If a file cannot be read the stream ends early, and the
/// peer, which knows what to expect, refuses the snapshot.
fn outgoing(
    header: proto::SnapshotHeader,
    files: Arc<BuiltFiles>,
    taken: watch::Sender<()>,
) -> impl Stream<Item = proto::InstallSnapshotRequest> + Send + 'static {
    let chunks = stream::unfold((Pieces::new(files), taken), |(mut pieces, taken)| async move {
        taken.send_replace(());
        let reading = tokio::task::spawn_blocking(move || (pieces.next(), pieces));
        let (piece, pieces) = reading.await.ok()?;
        match piece {
            Ok(piece) => Some((Part::Chunk(piece?), (pieces, taken))),
            Err(error) => {
                tracing::error!(%error, "a file of a snapshot cannot be read");
                None
            }
        }
    });
    let header = stream::once(async { Part::Header(header) });
    header.chain(chunks).map(|part| proto::InstallSnapshotRequest { part: Some(part) })
}

/// The pieces of all files in order; at least one of each, also of an empty file.
struct Pieces {
    files: Arc<BuiltFiles>,
    /// Which file comes next, or is being read.
    index: usize,
    open: Option<Reading>,
}

struct Reading {
    file: File,
    offset: u64,
}

impl Pieces {
    fn new(files: Arc<BuiltFiles>) -> Self {
        Self { files, index: 0, open: None }
    }

    /// The next piece; none after the last. Blocks.
    fn next(&mut self) -> io::Result<Option<proto::SnapshotChunk>> {
        let files = Arc::clone(&self.files);
        let checkpoint = &files.checkpoint;
        let Some(described) = checkpoint.files().get(self.index) else { return Ok(None) };
        let mut reading = match self.open.take() {
            Some(reading) => reading,
            None => Reading { file: checkpoint.open(&described.name)?, offset: 0 },
        };
        let mut data = Vec::with_capacity(CHUNK_SIZE_BYTES);
        (&mut reading.file).take(CHUNK_SIZE_BYTES as u64).read_to_end(&mut data)?;
        let piece = proto::SnapshotChunk {
            file: u32::try_from(self.index).map_err(io::Error::other)?,
            offset_bytes: reading.offset,
            data: Bytes::from(data),
        };
        reading.offset += piece.data.len() as u64;
        if reading.offset >= described.size_bytes || piece.data.is_empty() {
            self.index += 1;
        } else {
            self.open = Some(reading);
        }
        Ok(Some(piece))
    }
}
