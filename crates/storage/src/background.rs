//! Work that can wait, behind all that somebody waits for: taking over a snapshot, making one, applying a long log.
//!
//! It runs on threads of a low priority, so that it gets the processor when nobody else wants it: on a machine that is
//! busy, writes and reads go before it. A thread cannot get its priority back, so each piece of work has one of its
//! own, which ends with it; a piece should take a millisecond or more.

use std::io;
use std::thread;

use tokio::sync::oneshot;

/// What others get before this gets any; from 1 to 19, which is next to nothing.
const NICENESS: i32 = 10;

/// Runs `work`, which may block, and gives what it gives. It goes on to its end also if nobody waits for that; `in_use`
/// is let go of after it, so whoever closes what `work` uses waits for that.
///
/// # Errors
/// If there can be no thread, or it panicked.
pub async fn in_background<T, F>(in_use: impl Send + 'static, work: F) -> io::Result<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let (done, is_done) = oneshot::channel();
    thread::Builder::new().name("background".to_owned()).spawn(move || {
        lower_priority();
        // Let go of last, also if the work panics.
        let _in_use = in_use;
        // If nobody waits any more, nobody is told.
        let _ = done.send(work());
    })?;
    is_done.await.map_err(|_| io::Error::other("work in the background was cut short"))
}

/// Of the thread that calls. Where that is refused, it works as well, at others' cost.
fn lower_priority() {
    if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
        tracing::debug!(%error, "the priority of a thread stays what it is");
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future as _;
    use std::sync::{Arc, mpsc};
    use std::task::{Context, Waker};
    use std::time::Duration;

    use super::*;

    const SOON: Duration = Duration::from_secs(10);

    fn niceness() -> i32 {
        rustix::process::getpriority_process(None).unwrap()
    }

    #[tokio::test]
    async fn work_is_done_behind_others_and_a_panic_is_told() {
        let before = niceness();
        assert_eq!(in_background((), niceness).await.unwrap(), before.max(NICENESS));
        assert_eq!(niceness(), before, "only its own thread is meant");
        let told = in_background((), || panic!("it fails")).await.map(|(): ()| ());
        assert!(told.unwrap_err().to_string().contains("cut short"));
    }

    #[test]
    fn what_is_in_use_is_let_go_of_when_the_work_has_ended() {
        let (in_use, freed) = mpsc::channel::<()>();
        let (ends, end) = mpsc::channel::<()>();
        let store = Arc::new(());
        let used = Arc::clone(&store);
        let work = move || {
            end.recv_timeout(SOON).unwrap();
            drop(used);
        };
        let mut waiting = Box::pin(in_background(in_use, work));
        assert!(waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending(), "it has begun");
        drop(waiting);
        assert_eq!(freed.try_recv(), Err(mpsc::TryRecvError::Empty), "the work goes on");
        ends.send(()).unwrap();
        assert_eq!(freed.recv_timeout(SOON), Err(mpsc::RecvTimeoutError::Disconnected));
        assert_eq!(Arc::strong_count(&store), 1, "what the work held was let go of before");
    }
}
