//! Takes down what clients do while they do it, from any thread.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::history::{End, History, Operation};

type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// Notes operations as they begin and end. Clones note into the same history.
///
/// ```
/// use conclave_checker::{Recorder, monotonic_clock};
///
/// let recorder = Recorder::new(monotonic_clock());
/// recorder.call(1, "put").answered(true);
/// let waiting = recorder.call(2, "get");
/// assert_eq!(recorder.history().operations().len(), 2);
/// drop(waiting);
/// ```
pub struct Recorder<C, A> {
    clock: Clock,
    operations: Arc<Mutex<Vec<Operation<C, A>>>>,
}

/// Nanoseconds since this was called, by the system's monotonic clock: for recorders beside real processes. A
/// simulation gives its own clock.
pub fn monotonic_clock() -> impl Fn() -> u64 + Send + Sync {
    let start = Instant::now();
    move || u64::try_from(start.elapsed().as_nanos()).expect("2^64 nanoseconds are 584 years")
}

impl<C, A> Recorder<C, A> {
    /// A recorder with an empty history. `now_ns` must never go back, from whichever thread it is asked.
    pub fn new(now_ns: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self { clock: Arc::new(now_ns), operations: Arc::default() }
    }

    /// Notes a call that is about to be made: before anything of it is sent.
    ///
    /// What comes back is told how it ended. If it is dropped first, as when a task is aborted or a wait times out, the
    /// outcome is unknown.
    pub fn call(&self, client: u64, call: C) -> Pending<C, A> {
        let mut operations = self.lock();
        let place = operations.len();
        // Read under the lock: operations are noted in the order of their calls.
        let called_ns = (self.clock)();
        operations.push(Operation { client, called_ns, call, end: End::Unknown });
        drop(operations);
        Pending { recorder: self.clone(), place }
    }

    /// What was noted up to now; what is still pending has an unknown outcome.
    pub fn history(&self) -> History<C, A>
    where
        C: Clone,
        A: Clone,
    {
        self.lock().iter().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Operation<C, A>>> {
        // Nothing is left half done under the lock.
        self.operations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C, A> Clone for Recorder<C, A> {
    fn clone(&self) -> Self {
        Self { clock: Arc::clone(&self.clock), operations: Arc::clone(&self.operations) }
    }
}

/// A call whose outcome is not known yet.
#[must_use = "an operation that is dropped has an unknown outcome"]
pub struct Pending<C, A> {
    recorder: Recorder<C, A>,
    place: usize,
}

impl<C, A> Pending<C, A> {
    /// It was done, and this was told.
    pub fn answered(self, answer: A) {
        let at_ns = (self.recorder.clock)();
        self.end(End::Answered { at_ns, answer });
    }

    /// It was surely not done, and never will be. An error that does not say so is [`unknown`](Self::unknown).
    pub fn not_done(self) {
        let at_ns = (self.recorder.clock)();
        self.end(End::NotDone { at_ns });
    }

    /// Nobody knows: a timeout, a broken connection, an error that says so.
    pub fn unknown(self) {
        self.end(End::Unknown);
    }

    fn end(self, end: End<A>) {
        self.recorder.lock()[self.place].end = end;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    fn counting() -> impl Fn() -> u64 + Send + Sync {
        let next = AtomicU64::new(0);
        move || next.fetch_add(1, Ordering::Relaxed)
    }

    #[test]
    fn ends_go_to_their_calls_with_their_times() {
        let recorder = Recorder::new(counting());
        let (first, second) = (recorder.call(1, 'a'), recorder.call(2, 'b'));
        let (third, fourth) = (recorder.call(1, 'c'), recorder.call(3, 'd'));
        second.not_done();
        first.answered("done");
        third.unknown();
        drop(fourth);
        let noted = |client, called_ns, call, end| Operation { client, called_ns, call, end };
        let expected = [
            noted(1, 0, 'a', End::Answered { at_ns: 5, answer: "done" }),
            noted(2, 1, 'b', End::NotDone { at_ns: 4 }),
            noted(1, 2, 'c', End::Unknown),
            noted(3, 3, 'd', End::Unknown),
        ];
        assert_eq!(recorder.history().operations(), expected);
    }

    #[test]
    fn threads_note_into_one_history_in_the_order_of_their_calls() {
        let recorder = Recorder::new(counting());
        std::thread::scope(|scope| {
            for client in 0..4 {
                let recorder = recorder.clone();
                scope.spawn(move || (0..50).for_each(|call| recorder.call(client, call).answered(call)));
            }
        });
        let history = recorder.history();
        assert_eq!(history.operations().len(), 200);
        assert!(history.operations().is_sorted_by_key(|operation| operation.called_ns));
        for operation in history.operations() {
            assert_eq!(operation.end.answer(), Some(&operation.call));
            assert!(operation.end.at_ns() > Some(operation.called_ns));
        }
    }

    #[test]
    fn the_monotonic_clock_goes_on() {
        let clock = monotonic_clock();
        let first = clock();
        assert!((0..1000).any(|_| clock() > first));
    }
}
