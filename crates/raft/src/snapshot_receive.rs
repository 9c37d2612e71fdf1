//! Receives a snapshot: staged beside the live state, every file verified as it ends, and the whole before it is
//! handed to consensus.
//!
//! What came before the connection broke, or this node or the sender was killed, is there at the next attempt:
//! the answer to the header tells it. What nobody comes back for is removed by [`crate::log_keeper`]. When the
//! disk is full it goes at once: the log needs the room more.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use conclave_proto::raft::v1 as proto;
use conclave_storage::{CheckpointFile, StagedFile, Staging, StateStore, StorageError, WorkKind, run};
use futures::stream::{self, BoxStream, Stream, StreamExt};
use openraft::async_runtime::WatchReceiver as _;
use proto::install_snapshot_request::Part;
use proto::install_snapshot_response::Part as Answer;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::task_tracker::TaskTrackerToken;
use tonic::{Status, Streaming};

use crate::codec::{CodecError, Mark, decode_mark};
use crate::consensus::Raft;
use crate::peer_status::{busy, malformed, not_received, stopped};
use crate::peer_wire::{WireError, vote_from_wire, vote_to_wire};
use crate::raft_metrics::RaftMetrics;
use crate::snapshot::{Snapshot, SnapshotData, verify};
use crate::type_config::Vote;

/// Most files of a snapshot.
const FILES_MAX: usize = 100_000;
/// A sender that is silent for so long is given up.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// Why a snapshot was not received. The state is what it was.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReceiveError {
    /// The sender or the connection ended it.
    #[error("the snapshot was cut off: {0}")]
    CutOff(String),
    /// What came is no snapshot.
    #[error("the snapshot cannot be read: {0}")]
    Wire(#[from] WireError),
    /// A piece came out of order, or there are too many.
    #[error("the snapshot is out of order: {0}")]
    Order(String),
    /// The whole is not what was announced.
    #[error("the snapshot cannot be used: {0}")]
    Unfit(io::Error),
    /// What came is damaged, or cannot be written.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl From<CodecError> for ReceiveError {
    fn from(error: CodecError) -> Self {
        Self::Wire(error.into())
    }
}

impl ReceiveError {
    /// Whether what was received takes room that there is not, or is of no use.
    fn discards(&self) -> bool {
        matches!(self, Self::Unfit(_) | Self::Storage(StorageError::Full { .. }))
    }
}

pub(crate) type Parts = BoxStream<'static, Result<proto::InstallSnapshotRequest, Status>>;

/// Receives snapshots, one at a time.
#[derive(Clone)]
pub(crate) struct SnapshotReceiver {
    raft: Raft,
    intake: Intake,
    receiving: Arc<Semaphore>,
}

/// Where the files of a snapshot go.
#[derive(Clone)]
pub(crate) struct Intake {
    pub(crate) state: StateStore,
    pub(crate) metrics: RaftMetrics,
    /// Shutting down waits for it, and for those of the work that is under way.
    pub(crate) in_use: TaskTrackerToken,
}

/// How far a snapshot has come.
enum Step {
    Header(Parts),
    Files { announced: Announced, receiver: Box<Receiver>, parts: Parts },
    Ended,
}

impl SnapshotReceiver {
    pub(crate) fn new(raft: Raft, intake: Intake) -> Self {
        Self { raft, intake, receiving: Arc::new(Semaphore::new(1)) }
    }

    /// The answers to a snapshot that comes as `parts`: it is received as they are asked for.
    pub(crate) fn answers(
        &self,
        parts: Streaming<proto::InstallSnapshotRequest>,
    ) -> Result<impl Stream<Item = Result<proto::InstallSnapshotResponse, Status>> + Send + use<>, Status>
    {
        let permit = Arc::clone(&self.receiving).try_acquire_owned().map_err(|_| busy())?;
        let work = (self.clone(), permit, Step::Header(attended(parts)));
        Ok(stream::try_unfold(work, |(receiver, permit, step): (Self, OwnedSemaphorePermit, Step)| async {
            let advanced = receiver.advance(step).await?;
            Ok(advanced.map(|(answer, step)| {
                let answer = proto::InstallSnapshotResponse { part: Some(answer) };
                (answer, (receiver, permit, step))
            }))
        }))
    }

    /// The next answer, and what comes after it; none at the end.
    async fn advance(&self, step: Step) -> Result<Option<(Answer, Step)>, Status> {
        match step {
            Step::Header(parts) => self.begin(parts).await.map(Some),
            Step::Files { announced, receiver, parts } => {
                let finished = self.finish(announced, *receiver, parts).await;
                self.intake.metrics.snapshot_received(finished.is_ok());
                Ok(Some((installed(&finished?), Step::Ended)))
            }
            Step::Ended => Ok(None),
        }
    }

    async fn begin(&self, mut parts: Parts) -> Result<(Answer, Step), Status> {
        let (announced, files) = receive_header(&mut parts).await.map_err(|error| refused(&error))?;
        let known = self.raft.metrics().borrow_watched().vote;
        if known > announced.vote {
            return Ok((installed(&known), Step::Ended));
        }
        let receiver = self.intake.begin(files).await.map_err(|error| refused(&error))?;
        Ok((
            Answer::Staged(receiver.staged()),
            Step::Files { announced, receiver: Box::new(receiver), parts },
        ))
    }

    async fn finish(&self, announced: Announced, receiver: Receiver, parts: Parts) -> Result<Vote, Status> {
        let Announced { vote, mark } = announced;
        let meta = mark.to_meta();
        let received = self.intake.receive_files(receiver, parts, mark).await;
        let staged = received.map_err(|error| refused(&error))?;
        let snapshot = Snapshot { meta, snapshot: SnapshotData::Received(staged) };
        let response = self.raft.install_full_snapshot(vote, snapshot).await.map_err(stopped)?;
        Ok(response.vote)
    }
}

impl Intake {
    /// Makes room for these files, with what is there of them.
    pub(crate) async fn begin(&self, files: Vec<CheckpointFile>) -> Result<Receiver, ReceiveError> {
        let state = self.state.clone();
        self.blocking(move || Receiver::begin(&state, files)).await
    }

    /// Receives what is missing of the files that were announced, and verifies the whole.
    pub(crate) async fn receive_files(
        &self,
        mut receiver: Receiver,
        mut parts: Parts,
        announced: Mark,
    ) -> Result<Staging, ReceiveError> {
        while let Some(part) = next_part(&mut parts).await? {
            let Part::Chunk(chunk) = part else {
                return Err(ReceiveError::Order("a second header came".to_owned()));
            };
            self.metrics.snapshot_piece_received(chunk.data.len());
            receiver = self.blocking(move || receiver.take(&chunk)).await?;
            if receiver.is_complete() {
                break;
            }
        }
        self.blocking(move || receiver.finish(&announced)).await
    }

    pub(crate) async fn blocking<T, F>(&self, work: F) -> Result<T, ReceiveError>
    where
        F: FnOnce() -> Result<T, ReceiveError> + Send + 'static,
        T: Send + 'static,
    {
        let done = run(self.state.threads(), WorkKind::Background, self.in_use.clone(), work).await;
        done.unwrap_or_else(|error| Err(ReceiveError::CutOff(error.to_string())))
    }
}

/// What comes, from a sender that is not waited for for ever.
pub(crate) fn attended(parts: Streaming<proto::InstallSnapshotRequest>) -> Parts {
    let fell_silent = |_| Err(malformed("the sender of the snapshot fell silent"));
    let parts = tokio_stream::StreamExt::timeout(parts, SILENCE_MAX);
    parts.map(move |part| part.unwrap_or_else(fell_silent)).boxed()
}

fn installed(vote: &Vote) -> Answer {
    Answer::Installed(proto::InstalledSnapshot { vote: Some(vote_to_wire(vote)) })
}

fn refused(error: &ReceiveError) -> Status {
    tracing::warn!(%error, "a snapshot was not received");
    not_received(error)
}

/// What a snapshot says of itself before it comes.
pub(crate) struct Announced {
    vote: Vote,
    pub(crate) mark: Mark,
}

/// Reads the header.
pub(crate) async fn receive_header(
    parts: &mut Parts,
) -> Result<(Announced, Vec<CheckpointFile>), ReceiveError> {
    let Some(Part::Header(header)) = next_part(parts).await? else {
        return Err(WireError::Missing("the header").into());
    };
    if header.files.len() > FILES_MAX {
        return Err(ReceiveError::Order(format!("{} files are too many", header.files.len())));
    }
    let announced = Announced { vote: vote_from_wire(header.vote)?, mark: decode_mark(&header.meta)? };
    Ok((announced, header.files.into_iter().map(file_from_wire).collect()))
}

fn file_from_wire(file: proto::SnapshotFile) -> CheckpointFile {
    CheckpointFile { name: file.name, size_bytes: file.size_bytes, checksum: file.checksum }
}

async fn next_part(parts: &mut Parts) -> Result<Option<Part>, ReceiveError> {
    match parts.next().await {
        None => Ok(None),
        Some(Ok(message)) => Ok(Some(message.part.ok_or(WireError::Missing("the part"))?)),
        Some(Err(status)) => Err(ReceiveError::CutOff(status.message().to_owned())),
    }
}

/// Puts the pieces together.
pub(crate) struct Receiver {
    staging: Staging,
    files: Vec<CheckpointFile>,
    /// How much of each file was there at the beginning.
    staged_sizes_bytes: Vec<u64>,
    /// Index of the file of which pieces come next: all before are whole.
    index: usize,
    open: Option<StagedFile>,
}

impl Receiver {
    fn begin(state: &StateStore, files: Vec<CheckpointFile>) -> Result<Self, ReceiveError> {
        let staging = state.resume(&files)?;
        let staged = files.iter().map(|file| staging.staged_size_bytes(file));
        let staged_sizes_bytes = staged.collect::<Result<Vec<u64>, StorageError>>()?;
        let mut receiver = Self { staging, files, staged_sizes_bytes, index: 0, open: None };
        receiver.pass_over_whole();
        Ok(receiver)
    }

    /// What was there already.
    pub(crate) fn staged(&self) -> proto::StagedSnapshot {
        proto::StagedSnapshot { size_bytes: self.staged_sizes_bytes.clone() }
    }

    /// Whether nothing is missing.
    fn is_complete(&self) -> bool {
        self.index == self.files.len()
    }

    fn take(mut self, chunk: &proto::SnapshotChunk) -> Result<Self, ReceiveError> {
        match self.write(chunk) {
            Ok(()) => Ok(self),
            Err(error) => Err(self.give_up(error)),
        }
    }

    fn write(&mut self, chunk: &proto::SnapshotChunk) -> Result<(), ReceiveError> {
        let file = self.files.get(self.index).filter(|_| chunk.file as usize == self.index);
        let out_of_order = || ReceiveError::Order(format!("a piece of file {} came", chunk.file));
        let file = file.ok_or_else(out_of_order)?;
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.staging.file(file.clone())?,
        };
        open.write(chunk.offset_bytes, &chunk.data)?;
        if open.size_bytes() < file.size_bytes {
            self.open = Some(open);
            return Ok(());
        }
        open.finish()?;
        self.index += 1;
        self.pass_over_whole();
        Ok(())
    }

    /// Files that were there already do not come.
    fn pass_over_whole(&mut self) {
        let is_there = |index: usize| self.files[index].size_bytes <= self.staged_sizes_bytes[index];
        while self.index < self.files.len() && is_there(self.index) {
            self.index += 1;
        }
    }

    fn finish(self, announced: &Mark) -> Result<Staging, ReceiveError> {
        if !self.is_complete() {
            let missing = self.files.len() - self.index;
            return Err(ReceiveError::CutOff(format!("{missing} files did not come to their end")));
        }
        match verify(&self.staging, announced) {
            Ok(()) => Ok(self.staging),
            Err(error) => Err(self.give_up(ReceiveError::Unfit(error))),
        }
    }

    fn give_up(self, error: ReceiveError) -> ReceiveError {
        if error.discards() {
            drop(self.open);
            self.staging.discard();
        }
        error
    }
}
