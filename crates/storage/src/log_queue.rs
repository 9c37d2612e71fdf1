//! What is asked of the log, in order, and what readers see of it meanwhile.
//!
//! One lock guards both: whatever is asked for is seen at once and stands in the queue at once, so the
//! disk goes through the same states as the readers, later. Nobody does I/O under that lock.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::durable::closed;
use crate::hot_tail::{self, HotTail};
use crate::log_bounds::LogBounds;
use crate::log_open::Opened;
use crate::log_pace::LogPace;
use crate::log_sizes::LogSizes;
use crate::{Held, LogDb, StorageError};

/// So many requests at most are written with one fsync.
const GROUP_REQUESTS_MAX: usize = 4096;
/// So many bytes at most are written with one fsync, or one request.
const GROUP_SIZE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Called with the outcome of a request.
pub(crate) type Done = Box<dyn FnOnce(io::Result<()>) + Send>;

/// Something to be written.
pub(crate) enum Task {
    /// Entries from an index on.
    Append { first: u64, entries: Vec<Bytes> },
    /// Removal of entries.
    Truncate { removed: Range<u64> },
    /// Removal of all entries up to an index.
    Purge { index: u64, mark: Bytes },
    /// The vote.
    Vote(Bytes),
    /// Nothing: it keeps its place in the order.
    Nothing,
}

pub(crate) struct Request {
    pub(crate) task: Task,
    pub(crate) done: Done,
}

impl Request {
    fn refused(reason: String, done: Done) -> Self {
        let refusal = io::Error::new(io::ErrorKind::InvalidInput, reason);
        Self { task: Task::Nothing, done: Box::new(move |_| done(Err(refusal))) }
    }
}

/// Requests that are written together.
pub struct LogGroup {
    pub(crate) requests: Vec<Request>,
    pub(crate) committed: Option<Bytes>,
    /// Number of the last request of it.
    last: u64,
    /// Set if the log has failed: then nothing is to be written.
    pub(crate) failed: Option<Failure>,
}

/// The first failure, told to all who come after it.
#[derive(Clone)]
pub(crate) struct Failure {
    kind: io::ErrorKind,
    cause: String,
}

impl Failure {
    pub(crate) fn new(error: StorageError) -> Self {
        let error = io::Error::from(error);
        Self { kind: error.kind(), cause: error.to_string() }
    }

    pub(crate) fn to_io(&self) -> io::Error {
        io::Error::new(self.kind, StorageError::from(self))
    }
}

impl From<&Failure> for StorageError {
    fn from(failure: &Failure) -> Self {
        Self::Failed { cause: failure.cause.clone() }
    }
}

/// Where entries are found. True as long as nothing is removed: hence the count of removals so far.
pub(crate) struct Located {
    pub(crate) place: Place,
    pub(crate) removals: u64,
}

pub(crate) enum Place {
    /// These, from memory: the first has this index.
    Memory { first: u64, entries: Vec<Bytes> },
    /// These, on disk.
    Disk(Range<u64>),
    /// There is none.
    Nowhere,
}

/// The log as all handles and the writer share it.
pub(crate) struct Shared {
    pub(crate) db: Arc<dyn LogDb>,
    pub(crate) path: PathBuf,
    pub(crate) fsyncs: AtomicU64,
    pub(crate) pace: LogPace,
    state: Mutex<State>,
    work: Condvar,
    _lock: Held,
}

struct State {
    bounds: LogBounds,
    sizes: LogSizes,
    tail: HotTail,
    vote: Option<Bytes>,
    committed: Option<Bytes>,
    committed_unwritten: bool,
    queue: VecDeque<Request>,
    /// Number of the last request that was queued; the queue's last.
    last_request: u64,
    /// How often entries were removed.
    removals: u64,
    failed: Option<Failure>,
    closing: bool,
    /// Of a writer that waits as a task.
    waker: Option<Waker>,
}

impl Shared {
    pub(crate) fn new(opened: Opened) -> Self {
        let state = State {
            tail: HotTail::new(opened.bounds.entries().end),
            bounds: opened.bounds,
            sizes: opened.sizes,
            vote: opened.vote,
            committed: opened.committed,
            committed_unwritten: false,
            queue: VecDeque::new(),
            last_request: 0,
            removals: 0,
            failed: None,
            closing: false,
            waker: None,
        };
        Self {
            db: opened.db,
            path: opened.path,
            fsyncs: AtomicU64::new(0),
            pace: LogPace::default(),
            state: Mutex::new(state),
            work: Condvar::new(),
            _lock: opened.lock,
        }
    }

    pub(crate) fn append(&self, entries: Vec<(u64, Bytes)>, done: Done) {
        self.submit(done, |state| {
            state.bounds.extend(entries.iter().map(|(index, _)| *index))?;
            let first = entries.first().map_or(0, |(index, _)| *index);
            for (index, entry) in &entries {
                state.tail.push(*index, state.last_request + 1, entry.clone());
                state.sizes.push(*index, entry.len());
            }
            Ok(Task::Append { first, entries: entries.into_iter().map(|(_, entry)| entry).collect() })
        });
    }

    pub(crate) fn truncate_after(&self, last_kept: Option<u64>, done: Done) {
        self.submit(done, |state| {
            let removed = state.bounds.truncate_after(last_kept);
            if removed.is_empty() {
                return Ok(Task::Nothing);
            }
            state.tail.truncate(removed.start);
            state.sizes.keep(state.bounds.entries());
            state.removals += 1;
            Ok(Task::Truncate { removed })
        });
    }

    pub(crate) fn purge_up_to(&self, index: u64, mark: Bytes, done: Done) {
        self.submit(done, |state| {
            if !state.bounds.purge_up_to(index, mark.clone()) {
                return Ok(Task::Nothing);
            }
            state.tail.purge(state.bounds.entries().start);
            state.sizes.keep(state.bounds.entries());
            state.removals += 1;
            Ok(Task::Purge { index, mark })
        });
    }

    pub(crate) fn save_vote(&self, vote: Bytes, done: Done) {
        self.submit(done, |state| {
            state.vote = Some(vote.clone());
            Ok(Task::Vote(vote))
        });
    }

    /// Nothing is queued: it goes with the next group.
    pub(crate) fn save_committed(&self, committed: Bytes, done: Done) {
        let outcome = {
            let mut state = self.state.lock();
            state.check_open().map(|()| {
                state.committed = Some(committed);
                state.committed_unwritten = true;
            })
        };
        done(outcome);
    }

    /// Queues what `plan` makes of it, and shows it to readers. What `plan` refuses was asked for
    /// wrongly: it takes its place in the order, and fails. So does everything after a failure.
    fn submit(&self, done: Done, plan: impl FnOnce(&mut State) -> Result<Task, String>) {
        let mut state = self.state.lock();
        if state.closing {
            drop(state);
            return done(Err(closed()));
        }
        let planned = if state.failed.is_some() { Ok(Task::Nothing) } else { plan(&mut state) };
        let request = match planned {
            Ok(task) => Request { task, done },
            Err(reason) => Request::refused(reason, done),
        };
        state.last_request += 1;
        state.queue.push_back(request);
        self.tell_writer(state);
    }

    /// What is to be written next; waits until there is something. None when the log is closed and
    /// everything is written.
    pub(crate) fn next_group(&self) -> Option<LogGroup> {
        let mut state = self.state.lock();
        while !state.has_work() {
            self.work.wait(&mut state);
        }
        state.take_group()
    }

    /// The same for who does not block.
    pub(crate) fn poll_next_group(&self, context: &Context<'_>) -> Poll<Option<LogGroup>> {
        let mut state = self.state.lock();
        if state.has_work() {
            return Poll::Ready(state.take_group());
        }
        state.waker = Some(context.waker().clone());
        Poll::Pending
    }

    /// Wakes whoever writes, thread or task.
    fn tell_writer(&self, mut state: MutexGuard<'_, State>) {
        let waker = state.waker.take();
        drop(state);
        self.work.notify_one();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Takes note of what became of a group.
    pub(crate) fn finish_group(&self, group: &LogGroup, outcome: &Result<(), Failure>) {
        let mut state = self.state.lock();
        match outcome {
            Ok(()) => state.tail.shrink(group.last, hot_tail::SIZE_BYTES_MAX),
            Err(failure) => {
                state.failed.get_or_insert_with(|| failure.clone());
            }
        }
    }

    pub(crate) fn close(&self) {
        let mut state = self.state.lock();
        state.closing = true;
        self.tell_writer(state);
    }

    /// The writer ends: whoever still waits is told so.
    pub(crate) fn end(&self) {
        let left = {
            let mut state = self.state.lock();
            state.closing = true;
            std::mem::take(&mut state.queue)
        };
        for request in left {
            (request.done)(Err(closed()));
        }
    }

    pub(crate) fn vote(&self) -> Result<Option<Bytes>, StorageError> {
        let state = self.state.lock();
        state.check_failed().map(|()| state.vote.clone())
    }

    pub(crate) fn committed(&self) -> Result<Option<Bytes>, StorageError> {
        let state = self.state.lock();
        state.check_failed().map(|()| state.committed.clone())
    }

    pub(crate) fn purged(&self) -> Option<(u64, Bytes)> {
        self.state.lock().bounds.purged().cloned()
    }

    pub(crate) fn first_index(&self) -> Option<u64> {
        self.state.lock().bounds.entries().clone().next()
    }

    pub(crate) fn last_index(&self) -> Option<u64> {
        let entries = self.state.lock().bounds.entries().clone();
        if entries.is_empty() { None } else { Some(entries.end - 1) }
    }

    /// What the entries from `index` on take, in bytes.
    pub(crate) fn size_bytes_from(&self, index: u64) -> u64 {
        self.state.lock().sizes.from(index)
    }

    /// The first index from which on the entries take no more than `size_bytes_max`.
    pub(crate) fn start_of_last(&self, size_bytes_max: u64) -> u64 {
        self.state.lock().sizes.start_of_last(size_bytes_max)
    }

    /// The first entry of `range` that is not purged, with those after it, or where to find it.
    pub(crate) fn locate(&self, range: &Range<u64>, size_bytes_max: usize) -> Result<Located, StorageError> {
        let state = self.state.lock();
        state.check_failed()?;
        let entries = state.bounds.entries();
        let range = range.start.max(entries.start)..range.end.min(entries.end);
        let hot = state.tail.first();
        let place = if range.is_empty() {
            Place::Nowhere
        } else if range.start >= hot {
            Place::Memory { first: range.start, entries: state.tail.read(range, size_bytes_max) }
        } else {
            Place::Disk(range.start..range.end.min(hot))
        };
        Ok(Located { place, removals: state.removals })
    }

    /// Whether anything was removed since there were so many removals.
    pub(crate) fn removed_since(&self, removals: u64) -> bool {
        self.state.lock().removals != removals
    }
}

impl State {
    fn check_open(&self) -> io::Result<()> {
        match &self.failed {
            Some(failure) => Err(failure.to_io()),
            None if self.closing => Err(closed()),
            None => Ok(()),
        }
    }

    fn check_failed(&self) -> Result<(), StorageError> {
        self.failed.as_ref().map_or(Ok(()), |failure| Err(failure.into()))
    }

    /// Whether there is something to be written, or nothing will be.
    fn has_work(&self) -> bool {
        !self.queue.is_empty() || self.closing
    }

    fn take_group(&mut self) -> Option<LogGroup> {
        let last_words = self.committed_unwritten && self.failed.is_none();
        if self.queue.is_empty() && !last_words {
            return None;
        }
        let mut requests = Vec::new();
        let mut size_bytes = 0;
        while let Some(request) = self.queue.front() {
            size_bytes += request.task.size_bytes();
            let full = requests.len() == GROUP_REQUESTS_MAX || size_bytes > GROUP_SIZE_BYTES_MAX;
            if full && !requests.is_empty() {
                break;
            }
            requests.extend(self.queue.pop_front());
        }
        let committed = self.committed.clone().filter(|_| self.committed_unwritten);
        self.committed_unwritten = false;
        let last = self.last_request - self.queue.len() as u64;
        Some(LogGroup { requests, committed, last, failed: self.failed.clone() })
    }
}

impl Task {
    fn size_bytes(&self) -> usize {
        match self {
            Self::Append { entries, .. } => entries.iter().map(Bytes::len).sum(),
            Self::Purge { mark, .. } => mark.len(),
            Self::Vote(vote) => vote.len(),
            Self::Truncate { .. } | Self::Nothing => 0,
        }
    }
}
