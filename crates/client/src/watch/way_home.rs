//! The way of a watch back to the client's first node: a stream is opened there while the old one goes on, and
//! takes its place once it is open. Nothing is lost by it, and nothing waits for a node that is still away.

use std::fmt;

use conclave_proto::config::v1::WatchResponse;
use futures::future::BoxFuture;
use tokio::time::sleep_until;
use tonic::Streaming;

use crate::error::ClientError;
use crate::homing::Homing;

/// A stream that is being opened.
pub(super) type Opening = BoxFuture<'static, Result<Streaming<WatchResponse>, ClientError>>;

/// When a stream is opened at the first node, and the one that is.
pub(super) struct WayHome {
    homing: Homing,
    opening: Option<Opening>,
}

impl WayHome {
    pub(super) fn new(homing: Homing) -> Self {
        Self { homing, opening: None }
    }

    /// A stream is open: at the first node, or at another one.
    pub(super) fn opened(&mut self, at_home: bool) {
        self.opening = None;
        if at_home { self.homing.came_home() } else { self.homing.left() }
    }

    /// The old stream is lost: the watch goes on at any node.
    pub(super) fn stream_lost(&mut self) {
        self.opening = None;
    }

    /// Whether it is time to open a stream. It is told once for each time.
    pub(super) fn is_due(&mut self) -> bool {
        self.opening.is_none() && self.homing.take_try()
    }

    /// Has a stream opened, as far as [`WayHome::comes`] is awaited.
    pub(super) fn begin(&mut self, opening: Opening) {
        self.opening = Some(opening);
    }

    /// Waits for what comes of the opening; none: it is time to begin one. Cancel-safe.
    pub(super) async fn comes(&mut self) -> Option<Result<Streaming<WatchResponse>, ClientError>> {
        match (&mut self.opening, self.homing.due()) {
            (Some(opening), _) => {
                let opened = opening.await;
                self.opening = None;
                Some(opened)
            }
            (None, Some(due)) => {
                sleep_until(due).await;
                None
            }
            (None, None) => std::future::pending().await,
        }
    }
}

impl fmt::Debug for WayHome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WayHome").field("homing", &self.homing).finish_non_exhaustive()
    }
}
