//! The watch itself: opens a stream, reads it, and opens the next one when it is lost.

use std::time::Duration;

use conclave_proto::config::v1::{WatchRequest, WatchResponse};
use futures::{Stream, stream};
use tokio::time::Instant;
use tonic::Streaming;

use super::assemble::{Assembly, Whole};
use super::position::{Arrival, Position};
use super::{WatchEvent, WatchOptions};
use crate::client::{Client, within};
use crate::error::ClientError;
use crate::retry::Backoff;

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
    /// Whether there ever was a stream; until then, failures count against the client's timeout.
    was_open: bool,
    started: Option<Instant>,
    backoff: Backoff,
    failed_in_round: usize,
    retry_at: Option<Instant>,
}

/// A stream from one node.
#[derive(Debug)]
struct Open {
    messages: Streaming<WatchResponse>,
    assembly: Assembly,
    since: Instant,
}

impl Watch {
    pub(crate) fn new(client: Client, options: WatchOptions) -> Self {
        Self {
            position: Position::new(options.start_revision, options.targets.len()),
            node: client.nodes.preferred(),
            backoff: Backoff::new(&client.options),
            open: None,
            was_open: false,
            started: None,
            failed_in_round: 0,
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
        let open = match &mut self.open {
            Some(open) => open,
            None => self.open_stream().await?,
        };
        let message = within(silence_max, open.messages.message()).await?;
        let message = message.ok_or_else(|| ClientError::stream_broken("the node ended the watch stream"))?;
        let Some(whole) = open.assembly.take(message)? else { return Ok(None) };
        // A node that accepts streams only to drop them is not asked again without a wait.
        if open.since.elapsed() >= STEADY_AFTER {
            self.backoff.reset();
            self.failed_in_round = 0;
        }
        self.arrived(whole)
    }

    async fn open_stream(&mut self) -> Result<&mut Open, ClientError> {
        self.started.get_or_insert_with(Instant::now);
        if let Some(at) = self.retry_at {
            tokio::time::sleep_until(at).await;
            self.retry_at = None;
        }
        let request = WatchRequest {
            targets: self.options.targets.clone(),
            start_revision: self.position.resume_revision(),
            heartbeat_interval_ms: self.options.heartbeat_interval_ms,
        };
        let mut service = self.client.config(self.client.nodes.get(self.node).channel.clone());
        let answer = within(self.client.options.attempt_timeout(), service.watch(request)).await?;
        self.client.nodes.worked(self.node);
        self.was_open = true;
        let assembly = Assembly::new(self.options.event_size_bytes_max);
        Ok(self.open.insert(Open { messages: answer.into_inner(), assembly, since: Instant::now() }))
    }

    /// Takes a whole event into the position; tells it unless it was told before.
    fn arrived(&mut self, whole: Whole) -> Result<Option<WatchEvent>, ClientError> {
        match whole {
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

    fn backwards(&self, revision: u64) -> ClientError {
        let wanted = self.position.resume_revision();
        ClientError::stream_broken(format!(
            "the node sent revision {revision} to a watch that stands at {wanted}"
        ))
    }

    /// Decides what to do about a lost stream, or one that could not be opened.
    fn lost(&mut self, cause: ClientError) -> Result<Option<WatchEvent>, ClientError> {
        let ended = self.open.take().is_some();
        let cause = cause.at(&self.client.nodes.get(self.node).url);
        if !cause.is_transient() {
            return Err(cause);
        }
        let wait = self.wait_after(&cause);
        if !self.was_open && self.is_too_late(wait) {
            return Err(cause);
        }
        tracing::debug!(endpoint = cause.endpoint(), reason = cause.reason(), %cause, "watch stream lost");
        self.client.nodes.failed(self.node);
        self.node = self.client.nodes.after(self.node);
        self.retry_at = Some(Instant::now() + wait);
        Ok(ended.then_some(WatchEvent::Interrupted { cause }))
    }

    fn wait_after(&mut self, cause: &ClientError) -> Duration {
        self.failed_in_round += 1;
        if self.failed_in_round < self.client.nodes.count() {
            return Duration::ZERO;
        }
        self.failed_in_round = 0;
        self.backoff.wait().max(cause.retry_after().unwrap_or_default())
    }

    fn is_too_late(&self, wait: Duration) -> bool {
        self.started.is_some_and(|started| started.elapsed() + wait >= self.client.options.timeout())
    }
}
