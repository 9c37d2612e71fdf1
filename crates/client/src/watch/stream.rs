//! The watch itself: opens a stream, reads it, and opens the next one when it is lost.

use std::time::Duration;

use conclave_proto::config::v1::{WatchRequest, WatchResponse};
use futures::{FutureExt as _, Stream, stream};
use tokio::time::Instant;
use tonic::Streaming;

use super::assemble::{Assembly, Whole};
use super::position::{Arrival, Position};
use super::way_home::{Opening, WayHome};
use super::{WatchEvent, WatchOptions};
use crate::client::{Client, within};
use crate::error::ClientError;
use crate::homing::Homing;
use crate::nodes::HOME;
use crate::retry::Rounds;

/// So many heartbeats may be missing before a stream counts as dead.
const HEARTBEATS_MISSED_MAX: u32 = 3;
/// A stream that has lived for so long was a good one: the next loss is mended without a wait.
const STEADY_AFTER: Duration = Duration::from_secs(1);

/// A running watch. Dropping it ends it.
#[derive(Debug)]
pub struct Watch {
    client: Client,
    options: WatchOptions,
    position: Position,
    /// The node that is, or will be, read from.
    node: usize,
    open: Option<Open>,
    way_home: WayHome,
    /// Whether the last stream, or the last attempt to open one, failed.
    failed: bool,
    /// Whether there ever was a stream; until then, failures count against the client's timeout.
    was_open: bool,
    started: Option<Instant>,
    rounds: Rounds,
    retry_at: Option<Instant>,
}

/// A stream from one node.
#[derive(Debug)]
struct Open {
    messages: Streaming<WatchResponse>,
    assembly: Assembly,
    since: Instant,
    /// Older versions may come, and were told by the stream before.
    repeats_below: u64,
}

impl Watch {
    pub(crate) fn new(client: Client, options: WatchOptions) -> Self {
        Self {
            position: Position::new(options.start_revision, options.targets.len()),
            node: client.nodes.begin(),
            rounds: Rounds::new(&client.options, client.nodes.count()),
            open: None,
            way_home: WayHome::new(Homing::new(client.options.return_after())),
            failed: false,
            was_open: false,
            started: None,
            retry_at: None,
            client,
            options,
        }
    }

    /// The revision from which a new watch would go on without a gap: persist it together with what
    /// was made of the events. With several targets, a version of this revision may have been told.
    pub fn resume_revision(&self) -> u64 {
        self.position.resume_revision()
    }

    /// Waits for the next event. Cancel-safe: an event is never lost with a dropped future.
    ///
    /// # Errors
    /// The first stream must open within the client's timeout; a later loss is told as
    /// [`WatchEvent::Interrupted`] and mended for as long as it takes. What no retry can mend (a
    /// namespace that does not exist, a bad name) ends the watch.
    pub async fn next(&mut self) -> Result<WatchEvent, ClientError> {
        loop {
            let event = match self.read().await {
                Ok(event) => event,
                Err(cause) => self.lost(cause)?,
            };
            if let Some(event) = event {
                return Ok(event);
            }
        }
    }

    /// The watch as a stream, which ends after an error.
    pub fn into_stream(self) -> impl Stream<Item = Result<WatchEvent, ClientError>> {
        stream::unfold(Some(self), |watch| async move {
            let mut watch = watch?;
            let event = watch.next().await;
            let rest = event.is_ok().then_some(watch);
            Some((event, rest))
        })
    }

    /// Reads one message, from a new stream if none is open; tells the event that it completes.
    async fn read(&mut self) -> Result<Option<WatchEvent>, ClientError> {
        let silence_max =
            Duration::from_millis(self.options.heartbeat_interval_ms.into()) * HEARTBEATS_MISSED_MAX;
        if self.open.is_none() {
            self.open_stream().await?;
        } else if self.position.resume_revision() > 0 && self.way_home.is_due() {
            self.way_home.begin(opening(&self.client, HOME, self.request()));
        }
        let open = self.open.as_mut().expect("a stream was opened, or was open");
        let message = tokio::select! {
            biased;
            home = self.way_home.comes() => {
                self.came_home(home);
                return Ok(None);
            }
            message = within(silence_max, open.messages.message()) => message?,
        };
        let message = message.ok_or_else(|| ClientError::stream_broken("the node ended the watch stream"))?;
        let Some(whole) = open.assembly.take(message)? else { return Ok(None) };
        // A node that accepts streams only to drop them is not asked again without a wait.
        if open.since.elapsed() >= STEADY_AFTER {
            self.rounds.reset();
        }
        self.arrived(whole)
    }

    async fn open_stream(&mut self) -> Result<(), ClientError> {
        self.started.get_or_insert_with(Instant::now);
        if let Some(at) = self.retry_at {
            tokio::time::sleep_until(at).await;
            self.retry_at = None;
        }
        let messages = opening(&self.client, self.node, self.request()).await?;
        self.opened(messages, 0);
        Ok(())
    }

    fn request(&self) -> WatchRequest {
        WatchRequest {
            targets: self.options.targets.clone(),
            start_revision: self.position.resume_revision(),
            heartbeat_interval_ms: self.options.heartbeat_interval_ms,
        }
    }

    fn opened(&mut self, messages: Streaming<WatchResponse>, repeats_below: u64) {
        self.client.nodes.worked(self.node, std::mem::take(&mut self.failed));
        self.was_open = true;
        self.way_home.opened(self.node == HOME);
        let assembly = Assembly::new(self.options.event_size_bytes_max);
        self.open = Some(Open { messages, assembly, since: Instant::now(), repeats_below });
    }

    /// Goes on with the stream that was opened at the first node. If that failed, the old one goes on.
    fn came_home(&mut self, opened: Option<Result<Streaming<WatchResponse>, ClientError>>) {
        match opened {
            Some(Ok(messages)) => {
                self.node = HOME;
                self.opened(messages, self.position.resume_revision());
                tracing::debug!(
                    endpoint = self.client.nodes.get(HOME).url,
                    "the watch is at its first node again"
                );
            }
            Some(Err(cause)) => tracing::debug!(%cause, "the watch's first node is still away"),
            None => {}
        }
    }

    /// Takes a whole event into the position; tells it unless it was told before.
    fn arrived(&mut self, whole: Whole) -> Result<Option<WatchEvent>, ClientError> {
        match whole {
            Whole::Version(change) if change.version.revision < self.repeats_below() => Ok(None),
            Whole::Version(change) => match self.position.version(&change.namespace, change.version.revision)
            {
                Arrival::Tell => Ok(Some(WatchEvent::Version(change))),
                Arrival::Skip => Ok(None),
                Arrival::Backwards => Err(self.backwards(change.version.revision)),
            },
            Whole::Reset(reset) if self.position.is_behind(reset.revision) => {
                self.position.complete(reset.revision);
                Ok(Some(WatchEvent::Reset(reset)))
            }
            Whole::Reset(reset) => Err(self.backwards(reset.revision)),
            Whole::Heartbeat(revision) if self.position.resume_revision() == 0 => {
                Err(self.backwards(revision))
            }
            // A node that has not come as far as this watch yet tells where it is: no news.
            Whole::Heartbeat(revision) if revision + 1 < self.position.resume_revision() => Ok(None),
            Whole::Heartbeat(revision) => {
                self.position.complete(revision);
                Ok(Some(WatchEvent::Progress { revision }))
            }
        }
    }

    /// What was told while this stream was being opened may come again.
    fn repeats_below(&self) -> u64 {
        self.open.as_ref().map_or(0, |open| open.repeats_below)
    }

    fn backwards(&self, revision: u64) -> ClientError {
        let wanted = self.position.resume_revision();
        ClientError::stream_broken(format!(
            "the node sent revision {revision} to a watch that stands at {wanted}"
        ))
    }

    /// Decides what to do about a lost stream, or one that could not be opened.
    fn lost(&mut self, cause: ClientError) -> Result<Option<WatchEvent>, ClientError> {
        let ended = self.open.take().is_some();
        self.way_home.stream_lost();
        let cause = cause.at(&self.client.nodes.get(self.node).url);
        if !cause.is_transient() {
            return Err(cause);
        }
        let wait = self.rounds.wait_after(&cause);
        if !self.was_open && self.is_too_late(wait) {
            return Err(cause);
        }
        tracing::debug!(endpoint = cause.endpoint(), reason = cause.reason(), %cause, "watch stream lost");
        self.node = self.client.nodes.failed(self.node);
        self.failed = true;
        self.retry_at = Some(Instant::now() + wait);
        Ok(ended.then_some(WatchEvent::Interrupted { cause }))
    }

    fn is_too_late(&self, wait: Duration) -> bool {
        self.started.is_some_and(|started| started.elapsed() + wait >= self.client.options.timeout())
    }
}

/// Opens a stream at a node.
fn opening(client: &Client, node: usize, request: WatchRequest) -> Opening {
    let mut service = client.config(client.nodes.get(node).channel.clone());
    let attempt_timeout = client.options.attempt_timeout();
    async move {
        let answer = within(attempt_timeout, service.watch(request)).await?;
        Ok(answer.into_inner())
    }
    .boxed()
}
