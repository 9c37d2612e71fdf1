//! Sends a snapshot: one header; then, when it is known what the peer has already, the rest of the files in
//! order, in pieces.
//!
//! There is no bound on the whole, which may be large; but when no piece is taken for some time, or the last
//! one is not answered, the peer is given up. Giving up, or being told to, ends the sending too. The next attempt
//! goes on where this one ended.

use std::future::Future;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use conclave_proto::raft::v1 as proto;
use conclave_storage::{CheckpointFile, FileReader, WorkKind, run};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use futures::stream::{self, Stream, StreamExt};
use openraft::errors::{NetworkError, RPCError};
use openraft::raft::SnapshotResponse;
use proto::install_snapshot_request::Part;
use proto::install_snapshot_response::Part as Answer;
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tonic::Streaming;

use crate::codec::{Mark, encode_mark};
use crate::peer_channel::PeerClient;
use crate::peer_network::{PeerFailure, unanswered};
use crate::peer_wire::{WireError, vote_from_wire, vote_to_wire};
use crate::raft_metrics::RaftMetrics;
use crate::snapshot::{Snapshot, SnapshotData};
use crate::snapshot_offer::BuiltFiles;
use crate::snapshot_rate::SnapshotRate;
use crate::type_config::{SnapshotMeta, TypeConfig, Vote};

type Rpc<T> = Result<T, RPCError<TypeConfig>>;

/// What bounds the sending.
pub(crate) struct SendBounds {
    pub(crate) rate: Arc<SnapshotRate>,
    /// How long a peer may take to take a piece, or to answer.
    pub(crate) stall_timeout: Duration,
    pub(crate) metrics: RaftMetrics,
}

/// Sends the snapshot and waits until it is installed, or refused for a higher vote.
pub(crate) async fn send_snapshot(
    mut client: PeerClient,
    vote: Vote,
    snapshot: Snapshot,
    bounds: SendBounds,
) -> Rpc<SnapshotResponse<TypeConfig>> {
    let SnapshotData::Built(mut transfer) = snapshot.snapshot else {
        let cause = "a snapshot that was received is installed, not sent";
        return Err(RPCError::Network(NetworkError::from_string(cause)));
    };
    let files = Arc::clone(transfer.files());
    let SendBounds { rate, stall_timeout, metrics } = bounds;
    let header = header(&vote, &snapshot.meta, &files);
    let (taken, watched) = watch::channel(());
    let (staged, is_staged) = oneshot::channel();
    let ended = CancellationToken::new();
    let _ends = ended.clone().drop_guard();
    let is_staged = is_staged.map(Result::ok).boxed();
    let rest = Rest { files: Arc::clone(&files), is_staged, rate, metrics, taken };
    let messages = outgoing(header, rest).take_until(ended.cancelled_owned());
    let calling = timeout(stall_timeout, client.install_snapshot(messages)).await;
    let mut answers = calling.map_err(|_| unanswered())?.map_err(PeerFailure::from)?.into_inner();
    let first = timeout(stall_timeout, next_answer(&mut answers)).await.map_err(|_| unanswered())?;
    let sizes_bytes = match first? {
        Answer::Installed(installed) => return installed_from_wire(installed),
        Answer::Staged(staged) => check_staged(staged, files.checkpoint.files())?,
    };
    transfer.is_taken();
    tell_begin(&files, &snapshot.meta, &sizes_bytes);
    // If nobody takes it, the stream has ended and the answer tells why.
    let _ = staged.send(sizes_bytes);
    let answer = tokio::select! {
        answer = next_answer(&mut answers) => answer?,
        () = stalled(watched, stall_timeout) => return Err(unanswered()),
    };
    let Answer::Installed(installed) = answer else {
        return Err(PeerFailure::from(WireError::Missing("what became of the snapshot")).into());
    };
    transfer.arrived();
    installed_from_wire(installed)
}

/// Gives the snapshot to a peer that asked for it, and tells in `staged` how much of each file it has.
pub(crate) fn give_snapshot(
    vote: Vote,
    snapshot: Snapshot,
    staged: impl Future<Output = Option<proto::StagedSnapshot>> + Send + 'static,
    (rate, metrics): (Arc<SnapshotRate>, RaftMetrics),
) -> impl Stream<Item = proto::InstallSnapshotRequest> + Send + 'static {
    let transfer = match snapshot.snapshot {
        SnapshotData::Built(transfer) => Some(transfer),
        SnapshotData::Received(_) => None,
    };
    let messages = transfer.map(|transfer| {
        let files = Arc::clone(transfer.files());
        let header = header(&vote, &snapshot.meta, &files);
        let described = Arc::clone(&files);
        let is_staged = staged.map(move |staged| {
            let sizes_bytes = check_staged(staged?, described.checkpoint.files()).ok()?;
            Some(sizes_bytes)
        });
        let (taken, _) = watch::channel(());
        let rest = Rest { files, is_staged: is_staged.boxed(), rate, metrics, taken };
        // While it is being given, the files are kept.
        outgoing(header, rest).map(move |message| {
            let _kept = &transfer;
            message
        })
    });
    stream::iter(messages).flatten()
}

fn header(vote: &Vote, meta: &SnapshotMeta, files: &BuiltFiles) -> proto::SnapshotHeader {
    proto::SnapshotHeader {
        vote: Some(vote_to_wire(vote)),
        meta: encode_mark(&Mark::from_meta(meta)),
        files: files.checkpoint.files().iter().map(file_to_wire).collect(),
    }
}

fn file_to_wire(file: &CheckpointFile) -> proto::SnapshotFile {
    proto::SnapshotFile { name: file.name.clone(), size_bytes: file.size_bytes, checksum: file.checksum }
}

fn installed_from_wire(installed: proto::InstalledSnapshot) -> Rpc<SnapshotResponse<TypeConfig>> {
    let vote = vote_from_wire(installed.vote).map_err(PeerFailure::from)?;
    Ok(SnapshotResponse::new(vote))
}

fn check_staged(staged: proto::StagedSnapshot, files: &[CheckpointFile]) -> Result<Vec<u64>, PeerFailure> {
    if staged.size_bytes.len() == files.len() {
        return Ok(staged.size_bytes);
    }
    Err(WireError::Missing("what is there of each file").into())
}

fn tell_begin(files: &BuiltFiles, meta: &SnapshotMeta, staged_sizes_bytes: &[u64]) {
    let size_bytes: u64 = files.checkpoint.files().iter().map(|file| file.size_bytes).sum();
    let staged_bytes =
        staged_sizes_bytes.iter().fold(0, |sum: u64, size_bytes| sum.saturating_add(*size_bytes));
    let last_index = meta.last_log_id.map(|log_id| log_id.index());
    tracing::info!(last_index, size_bytes, staged_bytes, "a snapshot is being sent");
}

async fn next_answer(answers: &mut Streaming<proto::InstallSnapshotResponse>) -> Rpc<Answer> {
    let message = answers.message().await.map_err(PeerFailure::from)?;
    let message = message.ok_or_else(unanswered)?;
    Ok(message.part.ok_or(WireError::Missing("the answer")).map_err(PeerFailure::from)?)
}

/// Ends when for `stall_timeout` no piece was taken, or after the last one nothing happened.
async fn stalled(mut taken: watch::Receiver<()>, stall_timeout: Duration) {
    while let Ok(Ok(())) = timeout(stall_timeout, taken.changed()).await {}
    if taken.has_changed().is_err() {
        tokio::time::sleep(stall_timeout).await;
    }
}

/// What comes after the header.
struct Rest {
    files: Arc<BuiltFiles>,
    /// How much of each file the peer has, in bytes. None: it is gone.
    is_staged: BoxFuture<'static, Option<Vec<u64>>>,
    rate: Arc<SnapshotRate>,
    metrics: RaftMetrics,
    taken: watch::Sender<()>,
}

/// The messages, each read when it is its turn. If a file cannot be read the stream ends early, and the
/// peer, which knows what to expect, refuses the snapshot.
fn outgoing(
    header: proto::SnapshotHeader,
    rest: Rest,
) -> impl Stream<Item = proto::InstallSnapshotRequest> + Send + 'static {
    let header = stream::once(async { Part::Header(header) });
    let chunks = stream::once(chunks(rest)).flatten();
    header.chain(chunks).map(|part| proto::InstallSnapshotRequest { part: Some(part) })
}

/// What each piece passes.
struct Way {
    rate: Arc<SnapshotRate>,
    metrics: RaftMetrics,
    taken: watch::Sender<()>,
}

async fn chunks(rest: Rest) -> impl Stream<Item = Part> + Send + 'static {
    let Rest { files, is_staged, rate, metrics, taken } = rest;
    // Without an answer there is nothing to send.
    let pieces = is_staged.await.map(|staged| Pieces::new(files, staged, rate.chunk_size_bytes()));
    let way = Way { rate, metrics, taken };
    stream::unfold((pieces, way), |(pieces, way)| async move {
        let mut pieces = pieces?;
        way.taken.send_replace(());
        let reading = {
            let files = Arc::clone(&pieces.files);
            run(files.checkpoint.threads(), WorkKind::Awaited, (), move || (pieces.next(), pieces))
        };
        let (piece, pieces) = reading.await.ok()?;
        match piece {
            Ok(piece) => {
                let piece = piece?;
                way.rate.pass(piece.data.len()).await;
                way.metrics.snapshot_piece_sent(piece.data.len());
                Some((Part::Chunk(piece), (Some(pieces), way)))
            }
            Err(error) => {
                tracing::error!(%error, "a file of a snapshot cannot be read");
                None
            }
        }
    })
}

/// The pieces of all files in order, of each from where the peer has nothing of it.
struct Pieces {
    files: Arc<BuiltFiles>,
    staged_sizes_bytes: Vec<u64>,
    chunk_size_bytes: usize,
    /// Which file comes next, or is being read.
    index: usize,
    open: Option<Reading>,
}

struct Reading {
    file: FileReader,
    offset: u64,
}

impl Pieces {
    fn new(files: Arc<BuiltFiles>, staged_sizes_bytes: Vec<u64>, chunk_size_bytes: usize) -> Self {
        Self { files, staged_sizes_bytes, chunk_size_bytes, index: 0, open: None }
    }

    /// The next piece; none after the last. Blocks.
    fn next(&mut self) -> io::Result<Option<proto::SnapshotChunk>> {
        let files = Arc::clone(&self.files);
        let Some(described) = self.next_file(&files) else { return Ok(None) };
        let mut reading = match self.open.take() {
            Some(reading) => reading,
            None => self.begin(described)?,
        };
        let mut data = Vec::with_capacity(self.chunk_size_bytes);
        (&mut reading.file).take(self.chunk_size_bytes as u64).read_to_end(&mut data)?;
        if data.is_empty() {
            let short = format!("\"{}\" ends at {} bytes", described.name, reading.offset);
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, short));
        }
        let piece = proto::SnapshotChunk {
            file: u32::try_from(self.index).map_err(io::Error::other)?,
            offset_bytes: reading.offset,
            data: Bytes::from(data),
        };
        reading.offset += piece.data.len() as u64;
        if reading.offset >= described.size_bytes {
            self.index += 1;
        } else {
            self.open = Some(reading);
        }
        Ok(Some(piece))
    }

    /// The file of which the next piece is; those that the peer has are passed over.
    fn next_file<'a>(&mut self, files: &'a BuiltFiles) -> Option<&'a CheckpointFile> {
        let files = files.checkpoint.files();
        while files.get(self.index)?.size_bytes <= self.staged_sizes_bytes[self.index] {
            self.index += 1;
        }
        files.get(self.index)
    }

    fn begin(&self, described: &CheckpointFile) -> io::Result<Reading> {
        let mut file = self.files.checkpoint.open(&described.name)?;
        let offset = self.staged_sizes_bytes[self.index];
        file.seek(offset);
        Ok(Reading { file, offset })
    }
}
