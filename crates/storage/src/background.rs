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

/// Runs `work`, which may block, and gives what it gives. It goes on to its end also if nobody waits for that.
///
/// # Errors
/// If there can be no thread, or it panicked.
pub async fn in_background<T, F>(work: F) -> io::Result<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let (done, is_done) = oneshot::channel();
    thread::Builder::new().name("background".to_owned()).spawn(move || {
        lower_priority();
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
    use super::*;

    fn niceness() -> i32 {
        rustix::process::getpriority_process(None).unwrap()
    }

    #[tokio::test]
    async fn work_is_done_behind_others_and_a_panic_is_told() {
        let before = niceness();
        assert_eq!(in_background(niceness).await.unwrap(), before.max(NICENESS));
        assert_eq!(niceness(), before, "only its own thread is meant");
        let told = in_background(|| panic!("it fails")).await.map(|(): ()| ());
        assert!(told.unwrap_err().to_string().contains("cut short"));
    }
}
