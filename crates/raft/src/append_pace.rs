//! How fast a follower that is far behind is sent the log: a piece, its answer, then a pause as long as both took.
//!
//! What it does with the pieces takes the processors and the disk that it may share with the others, and part of
//! the leader's own: writes of clients come in between. A follower that is nearly as far as the leader is sent
//! everything at once.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};

/// A follower that lacks more entries, or more bytes of them, is far behind. Writes that are under way are fewer.
const FAR_ENTRIES: u64 = 4_096;
const FAR_SIZE_BYTES: u64 = 32 << 20;
/// It is no longer so once it lacks no more than this.
const NEAR_ENTRIES: u64 = 256;
const NEAR_SIZE_BYTES: u64 = 1 << 20;
/// The longest pause: a follower whose disk is slow must come nearer all the same.
const PAUSE_MAX: Duration = Duration::from_millis(50);

/// What a follower lacks when it has what was sent to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Backlog {
    pub(crate) entries: u64,
    pub(crate) size_bytes: u64,
}

/// The pace of one stream of appends.
pub(crate) struct AppendPace {
    /// How many requests were sent.
    sent: watch::Sender<u64>,
    answered: watch::Receiver<u64>,
    is_far: bool,
    /// When the last one was sent.
    last_sent: Instant,
}

impl AppendPace {
    /// Tells `sent` how many requests were sent, and is told how many were `answered`.
    pub(crate) fn new(sent: watch::Sender<u64>, answered: watch::Receiver<u64>) -> Self {
        Self { sent, answered, is_far: false, last_sent: Instant::now() }
    }

    /// A request is sent, and leaves the follower so far behind.
    pub(crate) fn note(&mut self, backlog: Backlog) {
        let (entries, size_bytes) =
            if self.is_far { (NEAR_ENTRIES, NEAR_SIZE_BYTES) } else { (FAR_ENTRIES, FAR_SIZE_BYTES) };
        self.is_far = backlog.entries > entries || backlog.size_bytes > size_bytes;
        self.last_sent = Instant::now();
        self.sent.send_modify(|sent| *sent += 1);
    }

    /// Waits until the next request may be sent.
    pub(crate) async fn turn(&mut self) {
        if !self.is_far {
            return;
        }
        let sent = *self.sent.borrow();
        // An error means that nobody waits for answers any more: then the requests end as well.
        let _ = self.answered.wait_for(|answered| *answered >= sent).await;
        sleep(self.last_sent.elapsed().min(PAUSE_MAX)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pace, and the other ends of what it tells and is told.
    fn pace() -> (AppendPace, watch::Receiver<u64>, watch::Sender<u64>) {
        let ((sent, is_sent), (answered, is_answered)) = (watch::channel(0), watch::channel(0));
        (AppendPace::new(sent, is_answered), is_sent, answered)
    }

    fn entries(entries: u64) -> Backlog {
        Backlog { entries, size_bytes: 0 }
    }

    /// How long the turn after a request takes that is answered after so many milliseconds.
    async fn waited_ms(backlog: Backlog, answer_ms: u64) -> u128 {
        let (mut pace, is_sent, answered) = pace();
        pace.note(backlog);
        assert_eq!(*is_sent.borrow(), 1);
        let began = Instant::now();
        let answering = async {
            sleep(Duration::from_millis(answer_ms)).await;
            answered.send_replace(1);
        };
        let ((), took) = tokio::join!(answering, async {
            pace.turn().await;
            began.elapsed()
        });
        took.as_millis()
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_is_far_behind_gets_a_piece_an_answer_and_a_pause() {
        assert_eq!(waited_ms(entries(FAR_ENTRIES), 20).await, 0, "as far as writes under way are");
        assert_eq!(waited_ms(entries(FAR_ENTRIES + 1), 20).await, 40);
        assert_eq!(waited_ms(Backlog { entries: 1, size_bytes: FAR_SIZE_BYTES + 1 }, 20).await, 40);
        assert_eq!(waited_ms(entries(FAR_ENTRIES + 1), 1_000).await, 1_050, "no longer than the longest");
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_far_behind_until_it_is_near() {
        let (mut pace, _is_sent, _answered) = pace();
        for (backlog, is_far) in [
            (entries(NEAR_ENTRIES + 1), false),
            (entries(FAR_ENTRIES + 1), true),
            (entries(NEAR_ENTRIES + 1), true),
            (Backlog { entries: 1, size_bytes: NEAR_SIZE_BYTES + 1 }, true),
            (entries(NEAR_ENTRIES), false),
            (entries(NEAR_ENTRIES + 1), false),
        ] {
            pace.note(backlog);
            assert_eq!(pace.is_far, is_far, "{backlog:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_does_not_wait_for_answers_that_nobody_waits_for() {
        let (mut pace, _is_sent, answered) = pace();
        pace.note(entries(FAR_ENTRIES + 1));
        drop(answered);
        let began = Instant::now();
        pace.turn().await;
        assert_eq!(began.elapsed(), Duration::ZERO);
    }
}
