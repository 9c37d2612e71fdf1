//! The log store as openraft sees it: log, vote and what was purged.
//!
//! The core of consensus is one task that calls [`RaftLogStorage::append`]: nothing here makes it wait for
//! the disk. An append is submitted and reported from the store's writer thread once it is durable; only
//! the rare votes, truncations and purges are awaited, in the same queue. Entries are read as they lie in
//! the log, mostly from memory, and their payloads are slices of what was read.
//!
//! What is committed is not saved: after a start no read is answered before the leader has told it again
//! (see [`crate::Consensus::recovered`]), so saving it would cost a write and gain nothing.

use std::fmt::Debug;
use std::io;
use std::ops::{Bound, Range, RangeBounds};

use bytes::Bytes;
use conclave_storage::{LogStore, WorkKind, run};
use futures::stream::{self, Stream, TryStreamExt};
use openraft::OptionalSend;
use openraft::entry::RaftEntry;
use openraft::storage::{IOFlushed, LogState, RaftLogReader, RaftLogStorage};
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::append_pace::Backlog;
use crate::codec::{decode_entry, decode_log_id, decode_vote, encode_log_id, encode_vote};
use crate::durable_applied::DurableApplied;
use crate::entry::LogEntry;
use crate::type_config::{LogId, TypeConfig, Vote};

/// Most bytes of entries in one message to a follower; one entry goes whatever its size.
pub(crate) const MESSAGE_ENTRIES_SIZE_BYTES_MAX: usize = 1 << 20;
/// Bytes of entries that are read at once otherwise.
const CHUNK_SIZE_BYTES: usize = 4 << 20;
/// As many of the last entries are taken to be in memory; older ones are read on a thread that may block.
const RECENT_ENTRIES: u64 = 1_024;

/// The log of this node. Clones are handles of the same log.
#[derive(Clone)]
pub(crate) struct LogAdapter {
    store: LogStore,
    durable: DurableApplied,
    /// Shutting down waits for it: the store is not in use any more when all are gone.
    _in_use: TaskTrackerToken,
}

impl LogAdapter {
    pub(crate) fn new(store: LogStore, durable: DurableApplied, in_use: TaskTrackerToken) -> Self {
        Self { store, durable, _in_use: in_use }
    }

    /// What comes after entry `index`.
    pub(crate) fn backlog_after(&self, index: u64) -> Backlog {
        let entries = self.store.last_index().unwrap_or(0).saturating_sub(index);
        Backlog { entries, size_bytes: self.store.size_bytes_from(index + 1) }
    }

    /// Whether entry `index` is not in the log any more.
    pub(crate) fn has_purged(&self, index: u64) -> bool {
        self.store.purged().is_some_and(|(last, _)| index <= last)
    }

    /// Entries from the start of `range` until they come to `size_bytes_max`; at least one, if there is any.
    async fn read(&self, range: Range<u64>, size_bytes_max: usize) -> io::Result<Vec<LogEntry>> {
        let recent_from = self.store.last_index().unwrap_or(0).saturating_sub(RECENT_ENTRIES);
        let encoded = if range.start >= recent_from {
            self.store.read(range.clone(), size_bytes_max)?
        } else {
            let (store, range) = (self.store.clone(), range.clone());
            let reading = move || store.read(range, size_bytes_max);
            run(self.store.threads(), WorkKind::Awaited, (), reading).await??
        };
        decode_run(&encoded)
    }

    /// The entries of `range`, in order, a chunk at a time.
    fn chunks(&self, range: Range<u64>) -> impl Stream<Item = io::Result<Vec<LogEntry>>> + Send + use<> {
        stream::try_unfold((self.clone(), range), |(log, rest)| async move {
            if rest.is_empty() {
                return Ok(None);
            }
            let chunk = log.read(rest.clone(), CHUNK_SIZE_BYTES).await?;
            let next = chunk.last().map(|entry| entry.index() + 1);
            Ok(next.map(|next| (chunk, (log, next..rest.end))))
        })
    }

    fn bounded(&self, range: &impl RangeBounds<u64>) -> Range<u64> {
        let start = match range.start_bound() {
            Bound::Included(index) => *index,
            Bound::Excluded(index) => index.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(index) => index.saturating_add(1),
            Bound::Excluded(index) => *index,
            Bound::Unbounded => u64::MAX,
        };
        let stored_end = self.store.last_index().map_or(0, |last| last.saturating_add(1));
        start..end.min(stored_end)
    }

    fn last_purged(&self) -> io::Result<Option<LogId>> {
        match self.store.purged() {
            Some((_, mark)) => Ok(decode_log_id(&mark)?),
            None => Ok(None),
        }
    }
}

/// Decodes consecutive entries.
fn decode_run(encoded: &[Bytes]) -> io::Result<Vec<LogEntry>> {
    let mut entries: Vec<LogEntry> = Vec::with_capacity(encoded.len());
    for bytes in encoded {
        let entry = decode_entry(bytes)?;
        if let Some(before) = entries.last()
            && entry.index() != before.index() + 1
        {
            let gap = format!("entry {} of the log is followed by {}", before.index(), entry.index());
            return Err(io::Error::new(io::ErrorKind::InvalidData, gap));
        }
        entries.push(entry);
    }
    Ok(entries)
}

impl RaftLogReader<TypeConfig> for LogAdapter {
    async fn entries_stream<RB>(
        &mut self,
        range: RB,
    ) -> impl Stream<Item = io::Result<LogEntry>> + OptionalSend
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        let range = self.bounded(&range);
        Box::pin(self.chunks(range).map_ok(|chunk| stream::iter(chunk.into_iter().map(Ok))).try_flatten())
    }

    async fn try_get_log_entries<RB>(&mut self, range: RB) -> io::Result<Vec<LogEntry>>
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        let range = self.bounded(&range);
        self.chunks(range).try_concat().await
    }

    async fn read_vote(&mut self) -> io::Result<Option<Vote>> {
        match self.store.vote()? {
            Some(encoded) => Ok(Some(decode_vote(&encoded)?)),
            None => Ok(None),
        }
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> io::Result<Vec<LogEntry>> {
        let entries = self.read(start..end, MESSAGE_ENTRIES_SIZE_BYTES_MAX).await?;
        // The engine may have purged what a sending that it has given up on still reads. Entries that do not
        // follow what the follower has must never be sent; without any, it is sent a heartbeat, and `append_stream.rs`
        // ends the sending.
        let follows = entries.first().is_some_and(|first| first.index() == start);
        Ok(if follows { entries } else { Vec::new() })
    }
}

impl RaftLogStorage<TypeConfig> for LogAdapter {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> io::Result<LogState<TypeConfig>> {
        let last_purged_log_id = self.last_purged()?;
        let last_log_id = match self.store.last_index() {
            Some(last) => self.read(last..last + 1, 0).await?.last().map(RaftEntry::log_id),
            None => last_purged_log_id,
        };
        Ok(LogState { last_purged_log_id, last_log_id })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> io::Result<()> {
        self.store.save_vote(encode_vote(vote)).await
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<TypeConfig>) -> io::Result<()>
    where
        I: IntoIterator<Item = LogEntry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let encoded = entries.into_iter().map(|entry| (entry.index(), entry.encoded())).collect();
        self.store.append(encoded, Box::new(move |outcome| callback.io_completed(outcome)));
        Ok(())
    }

    async fn truncate_after(&mut self, last_log_id: Option<LogId>) -> io::Result<()> {
        self.store.truncate_after(last_log_id.map(|log_id| log_id.index())).await
    }

    async fn purge(&mut self, log_id: LogId) -> io::Result<()> {
        if !self.durable.covers(log_id.index()) {
            let refusal = format!("entry {} is not durably applied and must not be purged", log_id.index());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, refusal));
        }
        self.store.purge_up_to(log_id.index(), encode_log_id(Some(&log_id))).await
    }
}

#[cfg(test)]
mod tests {
    use conclave_storage::{DataDir, Identity};
    use openraft::EntryPayload;
    use tokio_util::task::TaskTracker;

    use super::*;
    use crate::codec::log_id;

    #[tokio::test]
    async fn what_was_purged_meanwhile_is_not_sent_with_a_gap() {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::open(folder.path(), Identity { node_id: 1, cluster_id: 1 }).unwrap();
        let store = LogStore::open(&dir).unwrap();
        let entries = (0..10).map(|index| LogEntry::new(log_id(1, index), EntryPayload::Blank));
        let encoded = entries.map(|entry| (entry.index(), entry.encoded())).collect();
        store.append(encoded, Box::new(|outcome| outcome.unwrap()));
        let durable = DurableApplied::default();
        durable.raise(4);
        let mut log = LogAdapter::new(store, durable, TaskTracker::new().token());
        assert_eq!(log.limited_get_log_entries(2, 8).await.unwrap().len(), 6);
        log.purge(log_id(1, 4)).await.unwrap();
        assert_eq!(log.limited_get_log_entries(2, 8).await.unwrap().len(), 0);
        assert_eq!(log.limited_get_log_entries(5, 8).await.unwrap().len(), 3);
    }
}
