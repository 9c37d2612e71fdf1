//! Answers that are ready at about the same time leave together.
//!
//! HTTP/2 flushes a connection as soon as one answer is there, and each flush is a call of the system, which costs more
//! than most answers. So a flush is put off until the next one, which comes with the connection's next turn at the latest:
//! whatever else is ready to run by then adds its answer, and one write takes them all. With nothing else to run the turn
//! comes at once. Answers of more than 1 KiB are flushed one by one by HTTP/2 itself, and go two in a write.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, BytesMut};
use futures::{Stream, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tonic::transport::server::Connected;

/// Most bytes that are kept back. What does not fit takes them along.
const KEPT_BYTES_MAX: usize = 16 << 10;

/// A connection that gathers what is written to it.
#[derive(Debug)]
pub struct Gathered<C> {
    connection: C,
    kept: BytesMut,
    /// Whether a flush was put off.
    has_waited: bool,
}

/// Connections as they come in, each gathering what is written to it.
pub fn gathered<C>(
    incoming: impl Stream<Item = io::Result<C>> + Send,
) -> impl Stream<Item = io::Result<Gathered<C>>> + Send {
    incoming.map(|connection| connection.map(Gathered::new))
}

impl<C> Gathered<C> {
    fn new(connection: C) -> Self {
        Self { connection, kept: BytesMut::new(), has_waited: false }
    }
}

impl<C: AsyncWrite + Unpin> Gathered<C> {
    /// Writes what is kept and then `more`, until something of `more` is written; tells how much.
    fn poll_write_out(&mut self, context: &mut Context<'_>, more: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            let slices = [IoSlice::new(&self.kept), IoSlice::new(more)];
            let connection = Pin::new(&mut self.connection);
            let written = ready!(connection.poll_write_vectored(context, &slices))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            let of_kept = written.min(self.kept.len());
            self.kept.advance(of_kept);
            if self.kept.is_empty() {
                // An idle connection holds no memory.
                self.kept = BytesMut::new();
                self.has_waited = false;
                if written > of_kept || more.is_empty() {
                    return Poll::Ready(Ok(written - of_kept));
                }
            }
        }
    }
}

impl<C: AsyncWrite + Unpin> AsyncWrite for Gathered<C> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.kept.len() + data.len() <= KEPT_BYTES_MAX {
            self.kept.extend_from_slice(data);
            return Poll::Ready(Ok(data.len()));
        }
        self.poll_write_out(context, data)
    }

    // Not vectored: HTTP/2 then copies small answers next to each other itself, and goes on without a flush.

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.kept.is_empty() {
            if !self.has_waited && self.kept.len() < KEPT_BYTES_MAX / 2 {
                self.has_waited = true;
                // From within its own turn a task is woken behind those that are ready.
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            ready!(self.poll_write_out(context, &[]))?;
        }
        Pin::new(&mut self.connection).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.kept.is_empty() {
            ready!(self.poll_write_out(context, &[]))?;
        }
        Pin::new(&mut self.connection).poll_shutdown(context)
    }
}

impl<C: AsyncRead + Unpin> AsyncRead for Gathered<C> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_read(context, buffer)
    }
}

impl<C: Connected> Connected for Gathered<C> {
    type ConnectInfo = C::ConnectInfo;

    fn connect_info(&self) -> C::ConnectInfo {
        self.connection.connect_info()
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use futures::FutureExt as _;
    use tokio::io::{AsyncWriteExt as _, duplex};

    use super::*;

    /// Takes so many bytes at a time, every second time; tells what each write brought.
    #[derive(Debug)]
    struct Slow {
        size_bytes: usize,
        is_ready: bool,
        written: Vec<Vec<u8>>,
    }

    impl Slow {
        fn new(size_bytes: usize) -> Self {
            Self { size_bytes, is_ready: false, written: Vec::new() }
        }
    }

    impl AsyncWrite for Slow {
        fn poll_write(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
            data: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.is_ready = !self.is_ready;
            if !self.is_ready {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            let taken = data[..data.len().min(self.size_bytes)].to_vec();
            self.written.push(taken.clone());
            Poll::Ready(Ok(taken.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    async fn begin_flush(gathered: &mut Gathered<Slow>) {
        poll_fn(|context| {
            assert!(Pin::new(&mut *gathered).poll_flush(context).is_pending());
            Poll::Ready(())
        })
        .await;
    }

    #[tokio::test]
    async fn what_comes_while_a_flush_waits_goes_with_it() {
        let mut gathered = Gathered::new(Slow::new(1_000));
        for round in 1..=3 {
            gathered.write_all(b"one, ").await.unwrap();
            begin_flush(&mut gathered).await;
            gathered.write_all(b"two").await.unwrap();
            gathered.flush().await.unwrap();
            assert_eq!(gathered.connection.written, vec![b"one, two".to_vec(); round]);
        }
        gathered.flush().await.unwrap();
        assert_eq!(gathered.connection.written.len(), 3, "there was nothing more to write");
    }

    #[tokio::test]
    async fn a_flush_ends_whatever_else_there_is_to_do() {
        let (near, mut far) = duplex(64);
        let mut gathered = Gathered::new(near);
        gathered.write_all(b"alone").await.unwrap();
        assert!(gathered.flush().now_or_never().is_none(), "it waits for a turn");
        assert!(gathered.flush().now_or_never().is_some(), "and not for another one");
        let mut read = [0; 5];
        tokio::io::AsyncReadExt::read_exact(&mut far, &mut read).await.unwrap();
        assert_eq!(&read, b"alone");
    }

    /// Pieces of all sizes to a connection that takes little at a time: each byte comes once, in order.
    #[tokio::test]
    async fn nothing_is_lost_doubled_or_out_of_order() {
        for taken_bytes in [1 << 20, 20_000, 7_000, 333] {
            let mut gathered = Gathered::new(Slow::new(taken_bytes));
            let mut expected = Vec::new();
            for piece in 0..60_usize {
                let size_bytes = [1, 9, 300, 4_000, 16_384, 16_393, 70_000][piece * piece % 7];
                let data: Vec<u8> =
                    (0..size_bytes).map(|at| u8::try_from((at + piece) % 251).unwrap()).collect();
                expected.extend_from_slice(&data);
                gathered.write_all(&data).await.unwrap();
                if piece % 5 == 0 {
                    gathered.flush().await.unwrap();
                    assert!(gathered.connection.written.concat() == expected);
                }
            }
            gathered.shutdown().await.unwrap();
            assert!(gathered.connection.written.concat() == expected, "{taken_bytes}");
        }
    }

    #[tokio::test]
    async fn what_is_kept_is_bounded_and_an_idle_connection_keeps_nothing() {
        let mut gathered = Gathered::new(Slow::new(1 << 20));
        for _ in 0..100 {
            gathered.write_all(&[7; 1_000]).await.unwrap();
            assert!(gathered.kept.len() <= KEPT_BYTES_MAX);
        }
        gathered.flush().await.unwrap();
        assert_eq!(gathered.kept.capacity(), 0);
    }

    #[tokio::test]
    async fn a_connection_that_takes_nothing_more_is_told() {
        let mut gathered = Gathered::new(Slow::new(0));
        gathered.write_all(b"lost").await.unwrap();
        assert_eq!(gathered.flush().await.unwrap_err().kind(), io::ErrorKind::WriteZero);
    }
}
