//! Those who ask for the same kind of thing at about the same time are served together.
//!
//! Whoever comes while enough is under way waits, and goes with all others that wait once something has come back. So
//! whoever comes alone waits for nobody, and the more come at once the less each of them costs.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::BoxStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::yield_now;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Most that wait to be taken in; more wait to be let in.
const WAITING_MAX: usize = 16_384;
/// What takes longer than this does not count as under way any more: those who come later do not wait for it.
const PATIENCE: Duration = Duration::from_secs(1);

/// Serves what came together, and gives an outcome for each as it is known, in order. Those for which there is none are
/// told so.
pub(crate) type Serve<T, R> = Box<dyn Fn(Vec<T>) -> BoxStream<'static, R> + Send + Sync>;

/// What is served together, and how much at once.
#[derive(Clone, Copy)]
pub(crate) struct Bounds<T> {
    /// So many batches at a time.
    pub(crate) under_way: usize,
    /// Most requests in a batch.
    pub(crate) requests: usize,
    /// A batch ends before it has more bytes than this, unless it has one request only.
    pub(crate) size_bytes: usize,
    /// The size of a request.
    pub(crate) size_of: fn(&T) -> usize,
}

/// Where requests wait to be served together. Clones lead to the same place.
pub(crate) struct Batching<T, R> {
    queue: mpsc::Sender<Waiting<T, R>>,
}

struct Waiting<T, R> {
    request: T,
    answer: oneshot::Sender<R>,
}

impl<T, R> Clone for Batching<T, R> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone() }
    }
}

impl<T, R> Batching<T, R>
where
    T: Send + 'static,
    R: Send + 'static,
{
    /// Has `serve` do it, in tasks of `tasks`, until `stop`.
    pub(crate) fn new(
        bounds: Bounds<T>,
        serve: Serve<T, R>,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> Self {
        let (queue, arriving) = mpsc::channel(WAITING_MAX);
        let keeper = Keeper {
            arriving,
            waiting: VecDeque::new(),
            turns: Arc::new(Semaphore::new(bounds.under_way)),
            bounds,
            serve,
            tasks: tasks.clone(),
            stop: stop.clone(),
        };
        tasks.spawn(stop.clone().run_until_cancelled_owned(keeper.run()));
        Self { queue }
    }

    /// The outcome; none if it was not told, or this has stopped. Whoever does not wait any longer before it is served
    /// is not served.
    pub(crate) async fn ask(&self, request: T) -> Option<R> {
        let (answer, answered) = oneshot::channel();
        self.queue.send(Waiting { request, answer }).await.ok()?;
        answered.await.ok()
    }
}

struct Keeper<T, R> {
    arriving: mpsc::Receiver<Waiting<T, R>>,
    waiting: VecDeque<Waiting<T, R>>,
    turns: Arc<Semaphore>,
    bounds: Bounds<T>,
    serve: Serve<T, R>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl<T, R> Keeper<T, R>
where
    T: Send + 'static,
    R: Send + 'static,
{
    async fn run(mut self) {
        while let Some(turn) = self.turn().await {
            // Whoever else is ready to ask, now that there is a turn, does so first.
            yield_now().await;
            let (requests, answers) = self.next_batch();
            if requests.is_empty() {
                continue;
            }
            let served = (self.serve)(requests);
            let serving = serve_batch(served, answers, turn);
            self.tasks.spawn(self.stop.clone().run_until_cancelled_owned(serving));
        }
    }

    /// Waits until there is something to serve and it may be served. None: nobody will ask any more.
    async fn turn(&mut self) -> Option<OwnedSemaphorePermit> {
        if self.waiting.is_empty() {
            self.waiting.push_back(self.arriving.recv().await?);
        }
        Arc::clone(&self.turns).acquire_owned().await.ok()
    }

    /// Takes all that wait, within bounds.
    fn next_batch(&mut self) -> (Vec<T>, Vec<oneshot::Sender<R>>) {
        while self.waiting.len() < self.bounds.requests
            && let Ok(next) = self.arriving.try_recv()
        {
            self.waiting.push_back(next);
        }
        let (mut batch, mut size_bytes) = (Vec::new(), 0);
        while batch.len() < self.bounds.requests
            && let Some(next) = self.waiting.pop_front_if(|next| {
                size_bytes += (self.bounds.size_of)(&next.request);
                batch.is_empty() || size_bytes <= self.bounds.size_bytes
            })
        {
            if !next.answer.is_closed() {
                batch.push(next);
            }
        }
        batch.into_iter().map(|Waiting { request, answer }| (request, answer)).unzip()
    }
}

/// Tells each its outcome.
async fn serve_batch<R>(
    mut outcomes: BoxStream<'static, R>,
    answers: Vec<oneshot::Sender<R>>,
    turn: OwnedSemaphorePermit,
) {
    let mut answers = answers.into_iter();
    if timeout(PATIENCE, tell(&mut outcomes, &mut answers)).await.is_err() {
        drop(turn);
        tell(&mut outcomes, &mut answers).await;
    }
}

async fn tell<R>(
    outcomes: &mut BoxStream<'static, R>,
    answers: &mut impl ExactSizeIterator<Item = oneshot::Sender<R>>,
) {
    while answers.len() > 0
        && let Some(outcome) = outcomes.next().await
    {
        // Whoever has given up waiting needs no answer.
        let _ = answers.next().map(|answer| answer.send(outcome));
    }
}

#[cfg(test)]
mod tests {
    use futures::future::join_all;
    use futures::stream;
    use parking_lot::Mutex;
    use tokio::sync::Notify;
    use tokio::time::{Instant, sleep};

    use super::*;

    /// Batches that end when they are told to, each with twice what it was given.
    struct Told {
        batching: Batching<usize, usize>,
        batches: Arc<Mutex<Vec<Vec<usize>>>>,
        go_on: Arc<Notify>,
        stop: CancellationToken,
        tasks: TaskTracker,
    }

    fn told(under_way: usize) -> Told {
        let (batches, go_on) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Notify::new()));
        let (seen, wait) = (Arc::clone(&batches), Arc::clone(&go_on));
        let serve: Serve<usize, usize> = Box::new(move |batch| {
            seen.lock().push(batch.clone());
            let wait = Arc::clone(&wait);
            let begun = stream::once(async move {
                wait.notified().await;
                stream::iter(batch).map(|number| number * 2)
            });
            begun.flatten().boxed()
        });
        let bounds = Bounds { under_way, requests: 4, size_bytes: 100, size_of: |number| *number };
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let batching = Batching::new(bounds, serve, &tasks, &stop);
        Told { batching, batches, go_on, stop, tasks }
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_come_while_enough_is_under_way_go_together() {
        let told = told(1);
        let asking = join_all((1..=6).map(|number| told.batching.ask(number)));
        let letting_on = async {
            for _ in 0..3 {
                sleep(Duration::from_millis(1)).await;
                told.go_on.notify_one();
            }
        };
        let (answers, ()) = tokio::join!(asking, letting_on);
        assert_eq!(answers, [2, 4, 6, 8, 10, 12].map(Some));
        let batches = told.batches.lock().clone();
        assert!(batches.len() <= 3 && batches.iter().all(|batch| batch.len() <= 4), "{batches:?}");
        assert_eq!(batches.concat(), [1, 2, 3, 4, 5, 6]);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_is_ready_when_a_batch_is_about_to_close_goes_with_it() {
        let told = told(8);
        let mut early = Box::pin(told.batching.ask(1));
        assert!(futures::poll!(&mut early).is_pending());
        let batching = told.batching.clone();
        // It runs after the first has had its batch begun.
        let late = told.tasks.spawn(async move { batching.ask(2).await });
        told.go_on.notify_one();
        let both = timeout(Duration::from_secs(1), async { (early.await, late.await.unwrap()) });
        assert_eq!(both.await.expect("they go together"), (Some(2), Some(4)));
        assert_eq!(*told.batches.lock(), [vec![1, 2]]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_batch_has_so_many_bytes_or_one_request() {
        let told = told(8);
        let asking = join_all([60, 41, 59, 500, 1].map(|number| told.batching.ask(number)));
        let letting_on = async {
            sleep(Duration::from_millis(1)).await;
            told.go_on.notify_waiters();
        };
        tokio::join!(asking, letting_on);
        let batches = told.batches.lock().clone();
        assert!(batches.iter().all(|batch| batch.len() == 1 || batch.iter().sum::<usize>() <= 100));
        assert_eq!(batches.concat(), [60, 41, 59, 500, 1]);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_does_not_wait_any_more_is_not_served() {
        let told = told(1);
        let mut first = Box::pin(told.batching.ask(1));
        assert!(timeout(Duration::from_millis(1), &mut first).await.is_err());
        assert!(timeout(Duration::from_millis(1), told.batching.ask(2)).await.is_err());
        told.go_on.notify_one();
        assert_eq!(first.await, Some(2));
        let third = told.batching.ask(3);
        told.go_on.notify_one();
        assert_eq!(third.await, Some(6));
        assert_eq!(told.batches.lock().concat(), [1, 3]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_takes_long_holds_up_nobody_for_ever() {
        let told = told(1);
        let mut first = Box::pin(told.batching.ask(1));
        assert!(timeout(Duration::from_millis(1), &mut first).await.is_err());
        let mut second = Box::pin(told.batching.ask(2));
        let until_both = async {
            while told.batches.lock().len() < 2 {
                sleep(Duration::from_millis(1)).await;
            }
        };
        let both_begun = async {
            tokio::select! {
                _ = &mut second => unreachable!("nothing was let on"),
                () = until_both => {}
            }
        };
        timeout(PATIENCE * 2, both_begun).await.unwrap();
        sleep(Duration::from_millis(1)).await;
        told.go_on.notify_waiters();
        assert_eq!((first.await, second.await), (Some(2), Some(4)));
    }

    /// A batch whose outcomes come one a second, and of which the last two never do.
    #[tokio::test(start_paused = true)]
    async fn each_is_told_when_its_outcome_is_there_and_that_there_is_none() {
        let serve: Serve<usize, usize> = Box::new(|batch| {
            let outcomes = stream::iter(batch).take(2).then(|number| async move {
                sleep(Duration::from_secs(1)).await;
                number
            });
            outcomes.boxed()
        });
        let bounds = Bounds { under_way: 1, requests: 4, size_bytes: 100, size_of: |number| *number };
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let batching = Batching::new(bounds, serve, &tasks, &stop);
        let began = Instant::now();
        let asking = |number| {
            let batching = batching.clone();
            async move { (batching.ask(number).await, began.elapsed().as_secs()) }
        };
        let told = join_all((1..=4).map(asking)).await;
        assert_eq!(told, [(Some(1), 1), (Some(2), 2), (None, 2), (None, 2)]);
        assert_eq!(batching.ask(5).await, Some(5), "its turn came back");
    }

    #[tokio::test(start_paused = true)]
    async fn it_ends_when_told_and_answers_nobody_falsely() {
        let told = told(1);
        let waiting = told.batching.ask(1);
        let stopping = async {
            sleep(Duration::from_millis(1)).await;
            told.stop.cancel();
        };
        let (answer, ()) = tokio::join!(waiting, stopping);
        assert_eq!(answer, None);
        told.tasks.close();
        told.tasks.wait().await;
        assert_eq!(told.batching.ask(2).await, None);
    }
}
