//! What writes the log, on a thread of its own: it takes all that waits as one batch, with one fsync.
//!
//! While it waits for the disk, more comes; so the busier the log is, the more shares an fsync. Bounds on
//! a batch are in [`crate::log_queue`].

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::durable_mark::DurableMark;
use crate::log_queue::{Failure, LogGroup, Shared, Task};
use crate::log_rows::{self, COMMITTED_ROW, PURGED_ROW, VOTE_ROW};
use crate::{LogBatch, StorageError};

/// What writes the log, given to [`crate::Threads::write_log`]: all that waits, group after group. Whoever drives it
/// takes a group, writes it and finishes it, until there is none any more; then closes.
///
/// When it is dropped, also before that, whoever still waits is told that the log is closed.
pub struct LogWriter {
    shared: Arc<Shared>,
    mark: DurableMark,
}

/// What became of a group.
pub struct Outcome(Result<(), Failure>);

impl LogWriter {
    pub(crate) fn new(shared: Arc<Shared>, mark: DurableMark) -> Self {
        Self { shared, mark }
    }

    /// Writes what is asked for until the log is closed. Blocks: for a thread of its own.
    pub fn run(mut self) {
        while let Some(group) = self.shared.next_group() {
            let outcome = self.write(&group);
            self.finish(group, outcome);
        }
        self.close();
    }

    /// What is to be written next, once there is something; none when the log is closed and everything is written.
    pub async fn next(&mut self) -> Option<LogGroup> {
        poll_fn(|context| self.shared.poll_next_group(context)).await
    }

    /// Writes a group; it is on disk when this returns, unless it failed. Blocks.
    pub fn write(&mut self, group: &LogGroup) -> Outcome {
        Outcome(self.try_write(group))
    }

    /// Tells those who asked for it what became of a group.
    pub fn finish(&mut self, group: LogGroup, outcome: Outcome) {
        let Outcome(outcome) = outcome;
        self.shared.finish_group(&group, &outcome);
        for request in group.requests {
            (request.done)(outcome.as_ref().copied().map_err(Failure::to_io));
        }
    }

    /// Nothing is written after this.
    pub fn close(mut self) {
        if let Err(error) = self.mark.sync() {
            tracing::warn!(%error, "closing the log");
        }
    }

    fn try_write(&mut self, group: &LogGroup) -> Result<(), Failure> {
        if let Some(failure) = &group.failed {
            return Err(failure.clone());
        }
        let batch = encode(group);
        if batch.changes.is_empty() {
            return Ok(());
        }
        let Self { shared, mark } = self;
        shared.fsyncs.fetch_add(1, Ordering::Relaxed);
        shared.pace.measure(|| write_batch(shared, mark, batch)).map_err(|error| {
            tracing::error!(%error, "the log cannot be written: it takes nothing any more");
            Failure::new(error)
        })
    }
}

/// Nobody waits for a writer that is gone, also if a callback panicked.
impl Drop for LogWriter {
    fn drop(&mut self) {
        self.shared.end();
    }
}

/// It is on disk when this returns.
fn write_batch(shared: &Shared, mark: &mut DurableMark, batch: LogBatch) -> Result<(), StorageError> {
    shared.db.write(batch)?;
    mark.note(shared.db.sequence())
}

fn encode(group: &LogGroup) -> LogBatch {
    let mut batch = LogBatch::default();
    for request in &group.requests {
        add(&mut batch, &request.task);
    }
    if let Some(committed) = &group.committed {
        log_rows::put(&mut batch, COMMITTED_ROW, committed);
    }
    batch
}

fn add(batch: &mut LogBatch, task: &Task) {
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

#[cfg(test)]
mod tests {
    use std::io;
    use std::ops::Range;
    use std::path::PathBuf;
    use std::sync::mpsc::{self, Receiver, Sender};

    use bytes::Bytes;
    use parking_lot::Mutex;
    use tempfile::TempDir;
    use tokio::task::JoinSet;

    use super::*;
    use crate::{DataDir, Durable, Identity, LogDb, LogStore, ScanPurpose, log_open};

    /// Tells how many rows each batch has, and writes it when the test says whether that succeeds.
    struct GatedDb {
        db: Arc<dyn LogDb>,
        path: PathBuf,
        arrived: Sender<usize>,
        verdicts: Mutex<Receiver<bool>>,
    }

    impl LogDb for GatedDb {
        fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StorageError> {
            self.db.get(key)
        }

        fn scan(
            &self,
            keys: Range<&[u8]>,
            purpose: ScanPurpose,
            take: &mut dyn FnMut(&[u8], &[u8]) -> bool,
        ) -> Result<(), StorageError> {
            self.db.scan(keys, purpose, take)
        }

        fn write(&self, batch: LogBatch) -> Result<(), StorageError> {
            self.arrived.send(batch.changes.len()).unwrap();
            if self.verdicts.lock().recv().unwrap() {
                return self.db.write(batch);
            }
            let refused = io::Error::from(io::ErrorKind::StorageFull);
            Err(StorageError::io("writing the log", &self.path, refused))
        }

        fn sequence(&self) -> u64 {
            self.db.sequence()
        }
    }

    struct Gated {
        dir: TempDir,
        log: LogStore,
        batches: Receiver<usize>,
        verdicts: Sender<bool>,
        done: Sender<(u64, io::Result<()>)>,
        outcomes: Receiver<(u64, io::Result<()>)>,
    }

    fn open_dir(dir: &TempDir) -> DataDir {
        DataDir::open(dir.path(), Identity { node_id: 1, cluster_id: 1 }).unwrap()
    }

    impl Gated {
        fn open() -> Gated {
            let dir = tempfile::tempdir().unwrap();
            let data = open_dir(&dir);
            let (mut opened, mark) = log_open::open(&data).unwrap();
            let (arrived, batches) = mpsc::channel();
            let (verdicts, given) = mpsc::channel();
            let (db, path, given) = (opened.db, opened.path.clone(), Mutex::new(given));
            opened.db = Arc::new(GatedDb { db, path, arrived, verdicts: given });
            let log = LogStore::start(opened, mark, data.threads()).unwrap();
            let (done, outcomes) = mpsc::channel();
            Gated { dir, log, batches, verdicts, done, outcomes }
        }

        fn append(&self, index: u64) {
            let done = self.done.clone();
            let report = move |outcome| done.send((index, outcome)).unwrap();
            self.log.append(vec![(index, Bytes::from("entry"))], Box::new(report));
        }

        fn outcome(&self) -> (u64, io::Result<()>) {
            self.outcomes.recv().unwrap()
        }
    }

    #[test]
    fn all_that_waits_shares_one_fsync_and_is_told_in_order() {
        let gated = Gated::open();
        gated.append(0);
        assert_eq!(gated.batches.recv().unwrap(), 1);
        for index in 1..64 {
            gated.append(index);
        }
        let vote = gated.log.save_vote("vote".into());
        assert_eq!(gated.log.read(0..100, usize::MAX).unwrap().len(), 64, "readable before it is on disk");
        assert!(gated.outcomes.try_recv().is_err(), "told before it is on disk");
        gated.verdicts.send(true).unwrap();
        assert_eq!(gated.batches.recv().unwrap(), 64);
        gated.verdicts.send(true).unwrap();
        for expected in 0..64 {
            let (index, outcome) = gated.outcome();
            outcome.unwrap();
            assert_eq!(index, expected);
        }
        vote.wait().unwrap();
        assert_eq!(gated.log.fsyncs(), 2);
    }

    #[test]
    fn truncate_and_purge_stand_in_the_same_order() {
        let gated = Gated::open();
        for index in 0..3 {
            gated.append(index);
        }
        let truncated = gated.log.truncate_after(Some(1));
        gated.append(2);
        let purged = gated.log.purge_up_to(0, "mark".into());
        for _ in 0..6 {
            gated.verdicts.send(true).unwrap();
        }
        truncated.wait().unwrap();
        purged.wait().unwrap();
        let Gated { dir, log, .. } = gated;
        log.close();
        let log = LogStore::open(&open_dir(&dir)).unwrap();
        assert_eq!((log.first_index(), log.last_index()), (Some(1), Some(2)));
    }

    #[test]
    fn after_a_failure_everything_fails_and_nothing_is_written() {
        let gated = Gated::open();
        gated.append(0);
        gated.batches.recv().unwrap();
        gated.append(1);
        let vote = gated.log.save_vote("vote".into());
        gated.verdicts.send(false).unwrap();
        for expected in 0..2 {
            let (index, outcome) = gated.outcome();
            let error = outcome.unwrap_err();
            assert_eq!((index, error.kind()), (expected, io::ErrorKind::StorageFull));
            assert!(error.to_string().contains("the disk is full"), "{error}");
        }
        assert!(vote.wait().is_err());
        gated.append(2);
        assert!(gated.outcome().1.is_err());
        assert!(gated.log.truncate_after(None).wait().is_err());
        assert!(gated.log.save_committed(Bytes::new()).wait().is_err());
        assert!(matches!(gated.log.vote(), Err(StorageError::Failed { .. })));
        assert!(matches!(gated.log.read(0..1, 1), Err(StorageError::Failed { .. })));
        assert!(gated.batches.try_recv().is_err(), "nothing was tried again");
        let Gated { dir, log, .. } = gated;
        log.close();
        assert_eq!(LogStore::open(&open_dir(&dir)).unwrap().last_index(), None);
    }

    #[tokio::test]
    async fn a_task_writes_as_well_as_a_thread() {
        let dir = tempfile::tempdir().unwrap();
        let (opened, mark) = log_open::open(&open_dir(&dir)).unwrap();
        let shared = Arc::new(Shared::new(opened));
        let mut writer = LogWriter::new(Arc::clone(&shared), mark);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            while let Some(group) = writer.next().await {
                let outcome = writer.write(&group);
                writer.finish(group, outcome);
            }
            writer.close();
        });
        for index in 0..3 {
            let (done, durable) = Durable::new();
            let done = Box::new(move |outcome| done.send(outcome).unwrap());
            shared.append(vec![(index, Bytes::from("entry"))], done);
            durable.await.unwrap();
        }
        shared.save_committed("late".into(), Box::new(Result::unwrap));
        shared.close();
        tasks.join_next().await.unwrap().unwrap();
        drop(shared);
        let log = LogStore::open(&open_dir(&dir)).unwrap();
        assert_eq!(log.last_index(), Some(2));
        assert_eq!(log.committed().unwrap().unwrap(), "late", "it is written on closing");
    }

    #[tokio::test]
    async fn whoever_waits_for_a_writer_that_is_dropped_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let (opened, mark) = log_open::open(&open_dir(&dir)).unwrap();
        let shared = Arc::new(Shared::new(opened));
        let mut writer = LogWriter::new(Arc::clone(&shared), mark);
        let (told, outcomes) = mpsc::channel();
        let done = |told: &Sender<io::Result<()>>| {
            let told = told.clone();
            Box::new(move |outcome| told.send(outcome).unwrap())
        };
        shared.save_vote("first".into(), done(&told));
        let _taken = writer.next().await;
        shared.save_vote("second".into(), done(&told));
        drop(writer);
        shared.save_vote("third".into(), done(&told));
        drop(told);
        assert!(outcomes.recv().unwrap().is_err() && outcomes.recv().unwrap().is_err());
    }

    #[test]
    fn a_callback_that_panics_leaves_nobody_waiting() {
        let Gated { dir: _dir, log, verdicts, .. } = Gated::open();
        log.append(vec![(0, Bytes::new())], Box::new(|_| panic!("on purpose")));
        let vote = log.save_vote("vote".into());
        verdicts.send(true).unwrap();
        verdicts.send(true).unwrap();
        let _either = vote.wait();
        while log.save_vote("vote".into()).wait().is_ok() {
            verdicts.send(true).unwrap();
        }
        log.close();
    }
}
