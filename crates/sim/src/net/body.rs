//! A body at the end where it arrives, and what sends one.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::call::{Call, End};
use super::carrier::{Net, Piece};

/// So many frames may be under way or unread before the sender waits.
const FRAMES_UNREAD_MAX: usize = 64;

/// That a call was broken on its way.
#[derive(Debug, thiserror::Error)]
#[error("the connection to {path} was lost")]
pub(super) struct Broken {
    pub(super) path: String,
}

/// What arrives of a body.
pub(super) enum Arrived {
    Frame(Frame<Bytes>),
    End,
}

/// Where the pieces of a body are put when they arrive.
#[derive(Clone)]
pub(super) struct Inlet {
    arrived: mpsc::UnboundedSender<Arrived>,
    unread: Arc<Semaphore>,
}

impl Inlet {
    pub(super) fn put(&self, arrived: Arrived) {
        // Whoever does not read any more has no use for it.
        let _ = self.arrived.send(arrived);
    }
}

/// A body where it arrives.
pub(super) struct Arriving {
    net: Arc<Net>,
    call: Arc<Call>,
    end: End,
    arrived: mpsc::UnboundedReceiver<Arrived>,
    unread: Arc<Semaphore>,
    broken: Pin<Box<WaitForCancellationFutureOwned>>,
    is_over: bool,
}

/// A body that arrives at `end`, and where its pieces are to be put.
pub(super) fn arriving(net: &Arc<Net>, call: &Arc<Call>, end: End) -> (Inlet, Arriving) {
    let (inlet, arrived) = mpsc::unbounded_channel();
    let unread = Arc::new(Semaphore::new(FRAMES_UNREAD_MAX));
    let broken = Box::pin(call.broken(end).clone().cancelled_owned());
    let body = Arriving {
        net: Arc::clone(net),
        call: Arc::clone(call),
        end,
        arrived,
        unread: Arc::clone(&unread),
        broken,
        is_over: false,
    };
    (Inlet { arrived: inlet, unread }, body)
}

impl Body for Arriving {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        // If nobody is left who could send the rest, this end finds out when it is told so, like of any break.
        if let Poll::Ready(Some(arrived)) = self.arrived.poll_recv(cx) {
            return Poll::Ready(match arrived {
                Arrived::Frame(frame) => {
                    self.unread.add_permits(1);
                    Some(Ok(frame))
                }
                Arrived::End => {
                    self.is_over = true;
                    None
                }
            });
        }
        ready!(self.broken.as_mut().poll(cx));
        self.is_over = true;
        Poll::Ready(Some(Err(Broken { path: self.call.path.clone() })))
    }
}

impl Drop for Arriving {
    /// Whoever does not want the rest says so to the other side. A server that has read enough of a request does not.
    fn drop(&mut self) {
        if !self.is_over && self.end == End::Client {
            self.net.send(&self.call, self.end, Piece::Cancel);
        }
    }
}

/// Sends `body` from `end`, a frame at a time, until it ends or the call is broken.
pub(super) async fn send(
    net: Arc<Net>,
    call: Arc<Call>,
    end: End,
    mut body: tonic::body::Body,
    inlet: Inlet,
) {
    let mut cut_short = CutShort { net: &net, call: &call, end, is_whole: false };
    let sending = async {
        loop {
            let permit = inlet.unread.acquire().await;
            permit.expect("the semaphore is never closed").forget();
            match body.frame().await {
                Some(Ok(frame)) => net.send(&call, end, Piece::Frame(inlet.clone(), frame)),
                Some(Err(_)) => return false,
                None => {
                    net.send(&call, end, Piece::End(inlet.clone()));
                    return true;
                }
            }
        }
    };
    cut_short.is_whole = tokio::select! {
        biased;
        () = call.broken(end).cancelled() => true,
        () = call.answered().cancelled(), if end == End::Client => true,
        is_whole = sending => is_whole,
    };
}

/// Tells the other side if a body ends before its end.
struct CutShort<'a> {
    net: &'a Arc<Net>,
    call: &'a Arc<Call>,
    end: End,
    is_whole: bool,
}

impl Drop for CutShort<'_> {
    fn drop(&mut self) {
        if !self.is_whole {
            self.net.send(self.call, self.end, Piece::Cancel);
        }
    }
}
