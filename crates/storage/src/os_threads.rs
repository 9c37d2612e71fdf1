//! The threads of the machine.
//!
//! Work in the background runs on threads of a low priority, so that it gets the processor when nobody else wants it: on
//! a machine that is busy, writes and reads go before it. A thread cannot get its priority back, so each piece of work
//! has one of its own, which ends with it.

use std::io;
use std::thread;

use tokio::runtime::Handle;

use crate::{AwaitWriter, LogWriter, Threads, Work, WorkKind};

/// What others get before work in the background gets any; from 1 to 19, which is next to nothing.
const NICENESS: i32 = 10;

/// See [`Threads`]. Work that is awaited runs on those that the runtime of the caller has for it.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsThreads;

impl Threads for OsThreads {
    fn spawn(&self, kind: WorkKind, work: Work) -> io::Result<()> {
        match kind {
            WorkKind::Awaited => {
                let runtime = Handle::try_current().map_err(io::Error::other)?;
                // It comes to its end also if nobody waits for it.
                drop(runtime.spawn_blocking(work));
            }
            WorkKind::Background => {
                thread::Builder::new().name("background".to_owned()).spawn(move || {
                    lower_priority();
                    work();
                })?;
            }
        }
        Ok(())
    }

    fn write_log(&self, writer: LogWriter) -> io::Result<AwaitWriter> {
        let writer = thread::Builder::new().name("log-writer".to_owned()).spawn(move || writer.run())?;
        Ok(Box::new(move || {
            // The last handle may go inside a callback, on the writer thread itself: it ends by itself then.
            if writer.thread().id() != thread::current().id() && writer.join().is_err() {
                tracing::error!("the log writer ended by a panic");
            }
        }))
    }
}

/// Of the thread that calls. Where that is refused, it works as well, at others' cost.
fn lower_priority() {
    if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
        tracing::debug!(%error, "the priority of a thread stays what it is");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, mpsc};
    use std::time::Duration;

    use super::*;
    use crate::run;

    const SOON: Duration = Duration::from_secs(10);

    fn niceness() -> i32 {
        rustix::process::getpriority_process(None).unwrap()
    }

    #[tokio::test]
    async fn work_in_the_background_is_done_behind_others() {
        let before = niceness();
        let told = run(&OsThreads, WorkKind::Background, (), niceness).await.unwrap();
        assert_eq!(told, before.max(NICENESS));
        assert_eq!(run(&OsThreads, WorkKind::Awaited, (), niceness).await.unwrap(), before);
        assert_eq!(niceness(), before, "only its own thread is meant");
    }

    #[tokio::test]
    async fn a_panic_is_told() {
        for kind in [WorkKind::Awaited, WorkKind::Background] {
            let told = run(&OsThreads, kind, (), || panic!("it fails")).await.map(|(): ()| ());
            assert!(told.unwrap_err().to_string().contains("cut short"));
        }
    }

    #[test]
    fn without_a_runtime_nothing_is_awaited() {
        assert!(OsThreads.spawn(WorkKind::Awaited, Box::new(|| ())).is_err());
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
        drop(run(&OsThreads, WorkKind::Background, in_use, work));
        assert_eq!(freed.try_recv(), Err(mpsc::TryRecvError::Empty), "the work goes on");
        ends.send(()).unwrap();
        assert_eq!(freed.recv_timeout(SOON), Err(mpsc::RecvTimeoutError::Disconnected));
        assert_eq!(Arc::strong_count(&store), 1, "what the work held was let go of before");
    }
}
