//! One confirmation of leadership for all reads that wait for one.
//!
//! Reads that come while a confirmation is under way wait for the next one: only a confirmation that began
//! after a read did is worth anything to it.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio::task::yield_now;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::errors::ReadIndexError;
use crate::local_node::BoxFuture;

/// Most reads that wait to be taken in; more wait to be let in.
const WAITING_MAX: usize = 16_384;

type Waiting = oneshot::Sender<Result<u64, ReadIndexError>>;

/// Confirms once that somebody leads, and names the index that a read must have applied.
pub(crate) type Confirm = Box<dyn Fn() -> BoxFuture<'static, Result<u64, ReadIndexError>> + Send + Sync>;

/// Where reads wait. Clones lead to the same place.
#[derive(Clone)]
pub(crate) struct ReadGate {
    queue: mpsc::Sender<Waiting>,
}

impl ReadGate {
    /// Opens a gate, kept by a task of `tasks` until `stop`.
    pub(crate) fn open(confirm: Confirm, tasks: &TaskTracker, stop: CancellationToken) -> Self {
        let (queue, arriving) = mpsc::channel(WAITING_MAX);
        let confirm = Arc::new(confirm);
        tasks.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = keep(arriving, &confirm) => {}
            }
        });
        Self { queue }
    }

    /// The index that a read which begins now must have applied.
    pub(crate) async fn read_index(&self) -> Result<u64, ReadIndexError> {
        let (answer, answered) = oneshot::channel();
        self.queue.send(answer).await.map_err(|_| ReadIndexError::ShuttingDown)?;
        answered.await.unwrap_or(Err(ReadIndexError::ShuttingDown))
    }
}

async fn keep(mut arriving: mpsc::Receiver<Waiting>, confirm: &Confirm) {
    let mut waiting = Vec::new();
    while arriving.recv_many(&mut waiting, WAITING_MAX).await > 0 {
        // Whoever else is ready to ask does so first.
        yield_now().await;
        while waiting.len() < WAITING_MAX
            && let Ok(read) = arriving.try_recv()
        {
            waiting.push(read);
        }
        let outcome = confirm().await;
        for read in waiting.drain(..) {
            // Whoever has given up waiting needs no answer.
            let _ = read.send(outcome.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use futures::future::join_all;
    use tokio::sync::Notify;
    use tokio::time::timeout;

    use super::*;

    struct Counted {
        gate: ReadGate,
        begun: Arc<AtomicU64>,
        began: Arc<Notify>,
        go_on: Arc<Notify>,
        tasks: TaskTracker,
        stop: CancellationToken,
    }

    /// A gate whose confirmations are counted from 1, give their number, and wait to be let on.
    fn counted() -> Counted {
        let (begun, began, go_on) =
            (Arc::new(AtomicU64::new(0)), Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let (count, tell, wait) = (begun.clone(), began.clone(), go_on.clone());
        let confirm: Confirm = Box::new(move || {
            let (count, tell, wait) = (count.clone(), tell.clone(), wait.clone());
            Box::pin(async move {
                let number = count.fetch_add(1, Ordering::SeqCst) + 1;
                tell.notify_one();
                wait.notified().await;
                Ok(number)
            })
        });
        let gate = ReadGate::open(confirm, &tasks, stop.clone());
        Counted { gate, begun, began, go_on, tasks, stop }
    }

    #[tokio::test]
    async fn those_who_come_during_a_confirmation_share_the_next_one() {
        let counted = counted();
        let early = counted.gate.read_index();
        let late = async {
            counted.began.notified().await;
            let late = join_all((0..100).map(|_| counted.gate.read_index()));
            let let_on = async {
                counted.go_on.notify_one();
                counted.began.notified().await;
                counted.go_on.notify_one();
            };
            tokio::join!(late, let_on).0
        };
        let (early, late) = tokio::join!(early, late);
        assert_eq!(early, Ok(1));
        assert!(late.iter().all(|outcome| *outcome == Ok(2)), "{late:?}");
        assert_eq!(counted.begun.load(Ordering::SeqCst), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_is_ready_when_a_confirmation_is_about_to_begin_shares_it() {
        let counted = counted();
        let mut early = Box::pin(counted.gate.read_index());
        assert!(futures::poll!(&mut early).is_pending());
        let gate = counted.gate.clone();
        // It runs after the gate has been woken by the first.
        let late = counted.tasks.spawn(async move { gate.read_index().await });
        counted.go_on.notify_one();
        let both = timeout(Duration::from_secs(1), async { (early.await, late.await.unwrap()) });
        assert_eq!(both.await.expect("they share one"), (Ok(1), Ok(1)));
    }

    #[tokio::test]
    async fn it_ends_when_told_and_answers_nobody_falsely() {
        let counted = counted();
        let waiting = counted.gate.read_index();
        let stopping = async {
            counted.began.notified().await;
            counted.stop.cancel();
        };
        let (answer, ()) = tokio::join!(waiting, stopping);
        assert_eq!(answer, Err(ReadIndexError::ShuttingDown));
        counted.tasks.close();
        counted.tasks.wait().await;
        assert_eq!(counted.gate.read_index().await, Err(ReadIndexError::ShuttingDown));
    }
}
