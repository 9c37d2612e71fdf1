//! The wait for something to be on disk.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

/// Resolves when what was asked for is on disk, or can never be.
///
/// What was asked for happens also if nobody waits for it.
#[derive(Debug)]
pub struct Durable(oneshot::Receiver<io::Result<()>>);

impl Durable {
    /// A wait, and what ends it.
    pub(crate) fn new() -> (oneshot::Sender<io::Result<()>>, Self) {
        let (done, wait) = oneshot::channel();
        (done, Self(wait))
    }

    /// Blocks this thread until it is known. Not for asynchronous code: await it there.
    pub fn wait(self) -> io::Result<()> {
        self.0.blocking_recv().unwrap_or_else(|_| Err(closed()))
    }
}

impl Future for Durable {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(|outcome| outcome.unwrap_or_else(|_| Err(closed())))
    }
}

/// The answer to who comes after the store was closed.
pub(crate) fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "the log store is closed")
}
