//! Receives a snapshot: staged beside the live state, every file verified as it ends.

use conclave_proto::raft::v1 as proto;
use conclave_storage::{CheckpointFile, StagedFile, Staging, StateStore, StorageError};
use futures::stream::{Stream, StreamExt};
use proto::install_snapshot_request::Part;
use tonic::Status;

use crate::codec::{CodecError, decode_mark};
use crate::peer_wire::{WireError, vote_from_wire};
use crate::snapshot::{Snapshot, SnapshotData};
use crate::type_config::{SnapshotMeta, Vote};

/// Most files of a snapshot.
const FILES_MAX: usize = 100_000;

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
    /// What came is damaged, or cannot be written.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl From<CodecError> for ReceiveError {
    fn from(error: CodecError) -> Self {
        Self::Wire(error.into())
    }
}

/// What a snapshot says of itself before it comes.
pub(crate) struct Announced {
    pub(crate) vote: Vote,
    meta: SnapshotMeta,
    files: Vec<CheckpointFile>,
}

/// Reads the header.
pub(crate) async fn receive_header<S>(parts: &mut S) -> Result<Announced, ReceiveError>
where
    S: Stream<Item = Result<proto::InstallSnapshotRequest, Status>> + Unpin,
{
    let Some(Part::Header(header)) = next_part(parts).await? else {
        return Err(WireError::Missing("the header").into());
    };
    if header.files.len() > FILES_MAX {
        return Err(ReceiveError::Order(format!("{} files are too many", header.files.len())));
    }
    Ok(Announced {
        vote: vote_from_wire(header.vote)?,
        meta: decode_mark(&header.meta)?.to_meta(),
        files: header.files.into_iter().map(file_from_wire).collect(),
    })
}

/// Receives the files that were announced.
pub(crate) async fn receive_files<S>(
    announced: Announced,
    parts: &mut S,
    state: StateStore,
) -> Result<Snapshot, ReceiveError>
where
    S: Stream<Item = Result<proto::InstallSnapshotRequest, Status>> + Unpin,
{
    let Announced { meta, files, .. } = announced;
    let mut receiver = blocking(move || Receiver::begin(&state, files)).await?;
    while let Some(part) = next_part(parts).await? {
        let Part::Chunk(chunk) = part else {
            return Err(ReceiveError::Order("a second header came".to_owned()));
        };
        receiver = blocking(move || {
            receiver.take(&chunk)?;
            Ok(receiver)
        })
        .await?;
    }
    let staged = blocking(move || receiver.finish()).await?;
    Ok(Snapshot { meta, snapshot: SnapshotData::Received(staged) })
}

fn file_from_wire(file: proto::SnapshotFile) -> CheckpointFile {
    CheckpointFile { name: file.name, size_bytes: file.size_bytes, checksum: file.checksum }
}

async fn next_part<S>(parts: &mut S) -> Result<Option<Part>, ReceiveError>
where
    S: Stream<Item = Result<proto::InstallSnapshotRequest, Status>> + Unpin,
{
    match parts.next().await {
        None => Ok(None),
        Some(Ok(message)) => Ok(Some(message.part.ok_or(WireError::Missing("the part"))?)),
        Some(Err(status)) => Err(ReceiveError::CutOff(status.message().to_owned())),
    }
}

async fn blocking<T, F>(work: F) -> Result<T, ReceiveError>
where
    F: FnOnce() -> Result<T, ReceiveError> + Send + 'static,
    T: Send + 'static,
{
    let working = tokio::task::spawn_blocking(work);
    working.await.unwrap_or_else(|error| Err(ReceiveError::CutOff(error.to_string())))
}

/// Puts the pieces together.
struct Receiver {
    staging: Staging,
    /// Those that come after the open one.
    ahead: std::vec::IntoIter<CheckpointFile>,
    open: Option<StagedFile>,
    /// Index of the open file.
    index: u32,
}

impl Receiver {
    fn begin(state: &StateStore, files: Vec<CheckpointFile>) -> Result<Self, ReceiveError> {
        let mut ahead = files.into_iter();
        let staging = state.stage()?;
        let open = ahead.next().map(|file| staging.file(file)).transpose()?;
        Ok(Self { staging, ahead, open, index: 0 })
    }

    fn take(&mut self, chunk: &proto::SnapshotChunk) -> Result<(), ReceiveError> {
        if chunk.file == self.index + 1 {
            self.open_next()?;
        }
        let out_of_order = || ReceiveError::Order(format!("a piece of file {} came", chunk.file));
        let open = self.open.as_mut().filter(|_| chunk.file == self.index).ok_or_else(out_of_order)?;
        Ok(open.write(chunk.offset_bytes, &chunk.data)?)
    }

    fn open_next(&mut self) -> Result<(), ReceiveError> {
        if let Some(open) = self.open.take() {
            open.finish()?;
        }
        self.open = self.ahead.next().map(|file| self.staging.file(file)).transpose()?;
        self.index += 1;
        Ok(())
    }

    fn finish(mut self) -> Result<Staging, ReceiveError> {
        if let Some(open) = self.open.take() {
            open.finish()?;
        }
        match self.ahead.len() {
            0 => Ok(self.staging),
            missing => Err(ReceiveError::Order(format!("{missing} files did not come"))),
        }
    }
}
