//! Where work runs that blocks. A fault, or a clock that stands still, is another implementation.

use std::future::Future;
use std::io;

use tokio::sync::oneshot;

use crate::LogWriter;

/// What kind of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkKind {
    /// Somebody waits for it: a read, a write, the opening of a store.
    Awaited,
    /// It can wait, behind all that somebody waits for: taking over a snapshot, making one, applying a long log. A
    /// piece of it takes a millisecond or more.
    Background,
}

/// A piece of work, which may block.
pub type Work = Box<dyn FnOnce() + Send>;

/// Called once the log is closed: returns when its writer has ended, with everything written. Also on the writer's own
/// thread, where it returns at once.
pub type AwaitWriter = Box<dyn FnOnce() + Send>;

/// Threads, or what stands for them.
pub trait Threads: Send + Sync + 'static {
    /// Has `work` done elsewhere; it begins soon and comes to its end, whoever waits for it. Only when the node ends at
    /// once may it be dropped instead.
    ///
    /// # Errors
    /// If it cannot be begun.
    fn spawn(&self, kind: WorkKind, work: Work) -> io::Result<()>;

    /// Has `writer` write all that comes until the log is closed: by [`LogWriter::run`] on a thread of its own, or step
    /// by step as [`LogWriter`] tells.
    ///
    /// # Errors
    /// If it cannot be begun.
    fn write_log(&self, writer: LogWriter) -> io::Result<AwaitWriter>;
}

/// Has `work` done on `threads`, and gives what it gives. It begins at once and goes on to its end also if nobody waits
/// for that; `in_use` is let go of after it, so whoever closes what `work` uses waits for that.
///
/// # Errors
/// If it could not be begun, or panicked.
pub fn run<T, F, U>(
    threads: &dyn Threads,
    kind: WorkKind,
    in_use: U,
    work: F,
) -> impl Future<Output = io::Result<T>> + Send + use<T, F, U>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
    U: Send + 'static,
{
    let (done, is_done) = oneshot::channel();
    let begun = threads.spawn(
        kind,
        Box::new(move || {
            // Let go of last, also if the work panics.
            let _in_use = in_use;
            // If nobody waits any more, nobody is told.
            let _ = done.send(work());
        }),
    );
    async move {
        begun?;
        is_done.await.map_err(|_| io::Error::other("work elsewhere was cut short"))
    }
}
