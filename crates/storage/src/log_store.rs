//! The log: entries by index, the vote, and what was purged; readable at once, durable soon after.
//!
//! [`LogStore::append`] submits and returns: the entries are readable from then on, and its callback is
//! called when they are on disk. One thread ([`crate::log_writer`]) takes all that waits, whatever it
//! is, as one batch with one fsync; votes, truncations and purges stand in the same queue, so
//! everything happens in the order in which it was asked for.
//!
//! # Corruption is not absence
//!
//! RocksDB recovers to a point in time: at the first record of its write-ahead log that it cannot
//! read, it stops, and what came after is gone without a word. That is right for a write that was
//! torn by a crash, which nobody was told of; it must never hide one that was acknowledged. So:
//!
//! - After each fsync a *durable mark* ([`crate::durable_mark`]) notes the store's sequence number
//!   beside RocksDB. A store that recovers to less has lost acknowledged writes: [`StorageError::Corrupt`].
//! - Every row carries a checksum over its key and its value, and on opening, every row is read and
//!   the entries must follow each other without a gap. Later reads check again.
//! - An entry that ought to be there and is not is an error of the read, not its end.
//!
//! The mark is not synced with every write, which would cost a second fsync each. After kill -9 it is
//! exact all the same, since the system holds it; after the loss of *power* it may lag behind by what
//! the system had not written back (some seconds, and at most [`crate::durable_mark::SYNC_EVERY_WRITES`]
//! writes). So what is **not** detected is this alone: power is lost, *and* the disk damages or forgets
//! exactly the write-ahead log of the last seconds, although it had confirmed to have it.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use parking_lot::Mutex;

use crate::durable_mark::DurableMark;
use crate::log_open::{self, Opened};
use crate::log_pace::LogPace;
use crate::log_queue::{Done, Shared};
use crate::log_read;
use crate::log_writer::LogWriter;
use crate::{AwaitWriter, DataDir, Durable, StorageError, Threads};

/// Called from the writer thread when the entries of an append are on disk, or can never be.
///
/// Callbacks come in the order of the appends. One that blocks blocks the log.
pub type Appended = Box<dyn FnOnce(io::Result<()>) + Send>;

/// The log of a node. Clones are handles of the same log.
///
/// After the first write that fails, everything fails: an fsync is never tried again.
#[derive(Clone)]
pub struct LogStore {
    inner: Arc<Inner>,
}

/// Ends the writer when the last handle goes.
struct Inner {
    shared: Arc<Shared>,
    threads: Arc<dyn Threads>,
    await_writer: Mutex<Option<AwaitWriter>>,
}

impl LogStore {
    /// Opens the log and verifies it: everything that is in it is read once.
    pub fn open(dir: &DataDir) -> Result<Self, StorageError> {
        let (opened, mark) = log_open::open(dir)?;
        Self::start(opened, mark, dir.threads())
    }

    /// Adds entries, which must follow the last one; an empty log that was never purged may begin at
    /// any index. Returns at once; they are readable when it returns.
    pub fn append(&self, entries: Vec<(u64, Bytes)>, done: Appended) {
        self.inner.shared.append(entries, done);
    }

    /// Removes every entry after `last_kept`; all entries if it is none.
    pub fn truncate_after(&self, last_kept: Option<u64>) -> Durable {
        self.submit(|shared, done| shared.truncate_after(last_kept, done))
    }

    /// Removes every entry up to and with `index`, which may lie after the last, and keeps `mark`, which
    /// tells what was purged. The next entry has the index after it, or follows the last.
    pub fn purge_up_to(&self, index: u64, mark: Bytes) -> Durable {
        self.submit(|shared, done| shared.purge_up_to(index, mark, done))
    }

    /// Replaces the vote. [`LogStore::vote`] gives it at once.
    pub fn save_vote(&self, vote: Bytes) -> Durable {
        self.submit(|shared, done| shared.save_vote(vote, done))
    }

    /// Replaces what is known to be committed. It goes to disk with whatever is written next, or on
    /// closing; the wait ends at once.
    pub fn save_committed(&self, committed: Bytes) -> Durable {
        self.submit(|shared, done| shared.save_committed(committed, done))
    }

    /// The vote as it was last saved. Fails if the store has failed.
    pub fn vote(&self) -> Result<Option<Bytes>, StorageError> {
        self.inner.shared.vote()
    }

    /// What was last saved as committed. Fails if the store has failed.
    pub fn committed(&self) -> Result<Option<Bytes>, StorageError> {
        self.inner.shared.committed()
    }

    /// Up to where the log was purged, and the mark that was given with it.
    pub fn purged(&self) -> Option<(u64, Bytes)> {
        self.inner.shared.purged()
    }

    /// Index of the first entry; none if there are no entries.
    pub fn first_index(&self) -> Option<u64> {
        self.inner.shared.first_index()
    }

    /// Index of the last entry, also one that is not yet on disk; none if there are no entries.
    pub fn last_index(&self) -> Option<u64> {
        self.inner.shared.last_index()
    }

    /// What the entries from `index` on take, in bytes, without what surrounds them on disk.
    pub fn size_bytes_from(&self, index: u64) -> u64 {
        self.inner.shared.size_bytes_from(index)
    }

    /// The first index from which on the entries take no more than `size_bytes_max`.
    pub fn start_of_last(&self, size_bytes_max: u64) -> u64 {
        self.inner.shared.start_of_last(size_bytes_max)
    }

    /// The entries of `range` from its first one that is not purged, without a gap, until they come to
    /// `size_bytes_max`: at least one if there is any. Whoever wants more asks again from there.
    ///
    /// May read the disk.
    pub fn read(&self, range: Range<u64>, size_bytes_max: usize) -> Result<Vec<Bytes>, StorageError> {
        log_read::read(&self.inner.shared, range, size_bytes_max)
    }

    /// How many batches were written with an fsync since the log was opened.
    pub fn fsyncs(&self) -> u64 {
        self.inner.shared.fsyncs.load(Ordering::Relaxed)
    }

    /// How fast the disk makes the log durable.
    pub fn pace(&self) -> LogPace {
        self.inner.shared.pace.clone()
    }

    /// Where work on it that blocks is done.
    pub fn threads(&self) -> &dyn Threads {
        &*self.inner.threads
    }

    /// Writes what waits, then ends the writer. What comes after that fails, on every handle.
    pub fn close(self) {
        self.inner.close();
    }

    /// Has `threads` write it.
    pub(crate) fn start(
        opened: Opened,
        mark: DurableMark,
        threads: &Arc<dyn Threads>,
    ) -> Result<Self, StorageError> {
        let path = opened.path.clone();
        let shared = Arc::new(Shared::new(opened));
        let await_writer = threads
            .write_log(LogWriter::new(Arc::clone(&shared), mark))
            .map_err(|error| StorageError::io("starting the writer thread", &path, error))?;
        let (threads, await_writer) = (Arc::clone(threads), Mutex::new(Some(await_writer)));
        Ok(Self { inner: Arc::new(Inner { shared, threads, await_writer }) })
    }

    fn submit(&self, submit: impl FnOnce(&Shared, Done)) -> Durable {
        let (done, durable) = Durable::new();
        // Whoever asked may not wait for the outcome.
        submit(&self.inner.shared, Box::new(move |outcome| drop(done.send(outcome))));
        durable
    }
}

impl Inner {
    fn close(&self) {
        self.shared.close();
        let await_writer = self.await_writer.lock().take();
        if let Some(await_writer) = await_writer {
            await_writer();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}
