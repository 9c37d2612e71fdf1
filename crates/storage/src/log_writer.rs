//! The thread that writes the log: it takes all that waits as one batch, with one fsync.
//!
//! While it waits for the disk, more comes; so the busier the log is, the more shares an fsync. Bounds on
//! a batch are in [`crate::log_queue`].

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rocksdb::{DB, WriteBatch, WriteOptions};

use crate::durable_mark::DurableMark;
use crate::log_open;
use crate::log_queue::{Failure, Group, Shared, Task};
use crate::log_rows::{self, COMMITTED_ROW, PURGED_ROW, VOTE_ROW};
use crate::{StorageError, engine};

/// Where batches go. A fault is another implementation.
pub(crate) trait LogSink: Send + 'static {
    /// Writes the batch, whole; it is on disk when this returns.
    fn write(&mut self, batch: WriteBatch) -> Result<(), StorageError>;

    /// Nothing is written after this.
    fn close(&mut self) -> Result<(), StorageError>;
}

/// The disk.
pub(crate) struct RocksSink {
    db: Arc<DB>,
    path: PathBuf,
    options: WriteOptions,
    mark: DurableMark,
}

impl RocksSink {
    pub(crate) fn new(db: Arc<DB>, mark: DurableMark) -> Self {
        let path = db.path().to_owned();
        Self { db, path, options: log_open::synced(), mark }
    }
}

impl LogSink for RocksSink {
    fn write(&mut self, batch: WriteBatch) -> Result<(), StorageError> {
        self.db
            .write_opt(batch, &self.options)
            .map_err(|error| engine::log_error("writing the log", &self.path, &error))?;
        self.mark.note(self.db.latest_sequence_number())
    }

    fn close(&mut self) -> Result<(), StorageError> {
        self.mark.sync()
    }
}

/// Writes what is asked for until the log is closed.
pub(crate) fn run(shared: &Shared, mut sink: impl LogSink) {
    let ended = Ended(shared);
    while let Some(group) = shared.next_group() {
        let outcome = write(shared, &group, &mut sink);
        shared.finish_group(&group, &outcome);
        for request in group.requests {
            (request.done)(outcome.as_ref().copied().map_err(Failure::to_io));
        }
    }
    if let Err(error) = sink.close() {
        tracing::warn!(%error, "closing the log");
    }
    drop(ended);
}

/// Nobody waits for a thread that is gone, also if a callback panicked.
struct Ended<'a>(&'a Shared);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

fn write(shared: &Shared, group: &Group, sink: &mut impl LogSink) -> Result<(), Failure> {
    if let Some(failure) = &group.failed {
        return Err(failure.clone());
    }
    let batch = encode(group);
    if batch.is_empty() {
        return Ok(());
    }
    shared.fsyncs.fetch_add(1, Ordering::Relaxed);
    sink.write(batch).map_err(|error| {
        tracing::error!(%error, "the log cannot be written: it takes nothing any more");
        Failure::new(error)
    })
}

fn encode(group: &Group) -> WriteBatch {
    let mut batch = WriteBatch::default();
    for request in &group.requests {
        add(&mut batch, &request.task);
    }
    if let Some(committed) = &group.committed {
        log_rows::put(&mut batch, COMMITTED_ROW, committed);
    }
    batch
}

fn add(batch: &mut WriteBatch, task: &Task) {
    match task {
        Task::Append { first, entries } => {
            for (index, entry) in (*first..).zip(entries) {
                log_rows::put(batch, &log_rows::entry_key(index), entry);
            }
        }
        Task::Truncate { removed } => log_rows::remove(batch, removed),
        Task::Purge { index, mark } => {
            log_rows::remove(batch, &(0..index.saturating_add(1)));
            log_rows::put(batch, PURGED_ROW, &log_rows::purged_value(*index, mark));
        }
        Task::Vote(vote) => log_rows::put(batch, VOTE_ROW, vote),
        Task::Nothing => {}
    }
}
