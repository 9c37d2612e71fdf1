//! A stream that is lent to a connection and can be taken back at any time.
//!
//! A connection drops a stream when it comes to it: late, if its peer takes nothing. What the stream holds meanwhile,
//! the engine's lock on what it sends to a follower for one, nobody else gets.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use futures::Stream;
use parking_lot::Mutex;

/// Lends a stream, until the lender is dropped.
pub(crate) fn lend<S>(stream: S) -> (Lender<S>, Lent<S>) {
    let shared = Arc::new(Mutex::new(Shared { stream: Some(Box::pin(stream)), reader: None }));
    (Lender(Arc::clone(&shared)), Lent(shared))
}

struct Shared<S> {
    /// None: it was taken back.
    stream: Option<Pin<Box<S>>>,
    /// Who is told of that.
    reader: Option<Waker>,
}

/// Who has lent a stream. With this the stream is dropped, wherever the other end is.
pub(crate) struct Lender<S>(Arc<Mutex<Shared<S>>>);

impl<S> Drop for Lender<S> {
    fn drop(&mut self) {
        let (stream, reader) = {
            let mut shared = self.0.lock();
            (shared.stream.take(), shared.reader.take())
        };
        drop(stream);
        if let Some(reader) = reader {
            reader.wake();
        }
    }
}

/// The stream for whoever it was lent to. It ends when it is taken back.
pub(crate) struct Lent<S>(Arc<Mutex<Shared<S>>>);

impl<S: Stream> Stream for Lent<S> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let Shared { stream, reader } = &mut *self.0.lock();
        let Some(stream) = stream else { return Poll::Ready(None) };
        *reader = Some(context.waker().clone());
        stream.as_mut().poll_next(context)
    }
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt as _, StreamExt as _, stream};
    use tokio::sync::Mutex;

    use super::*;

    #[tokio::test]
    async fn what_was_lent_is_dropped_with_the_lender() {
        let lock = Arc::new(Mutex::new(()));
        let locked = Arc::clone(&lock);
        let endless = stream::once(async move {
            let _held = locked.lock().await;
            std::future::pending::<()>().await;
        });
        let (lender, mut lent) = lend(endless);
        assert!(lent.next().now_or_never().is_none());
        assert!(lock.try_lock().is_err());
        let taking_back = async {
            drop(lender);
            assert!(lock.try_lock().is_ok(), "although the other end is still there");
        };
        let (told, ()) = tokio::join!(lent.next(), taking_back);
        assert_eq!(told, None, "it was told");
    }

    #[tokio::test]
    async fn a_stream_passes_whole() {
        let (_lender, lent) = lend(stream::iter(1..=3));
        assert_eq!(lent.collect::<Vec<_>>().await, [1, 2, 3]);
    }
}
