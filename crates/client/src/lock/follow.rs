//! A stream from some node that goes on at another one when it is lost.

use std::time::Duration;

use tokio::time::Instant;
use tonic::transport::Channel;
use tonic::{Response, Status, Streaming};

use crate::client::{Client, within};
use crate::error::ClientError;
use crate::retry::Rounds;

/// A stream that tells nothing for so long counts as dead: nodes send a sign of life every few seconds.
const SILENCE_MAX: Duration = Duration::from_secs(15);
/// A stream that has lived for so long was a good one: the next loss is mended without a wait.
const STEADY_AFTER: Duration = Duration::from_secs(1);

/// What a stream tells.
#[derive(Debug)]
pub(super) enum Told<M> {
    /// A message.
    Message(M),
    /// It was lost: the next message is the first one of another stream.
    Interrupted(ClientError),
}

/// A stream that is followed.
#[derive(Debug)]
pub(super) struct Follow<M> {
    client: Client,
    /// The node that is, or will be, read from.
    node: usize,
    open: Option<Open<M>>,
    /// Whether the last stream, or the last attempt to open one, failed.
    failed: bool,
    /// Whether a stream ever told something; until then, failures count against the client's timeout.
    was_open: bool,
    started: Option<Instant>,
    rounds: Rounds,
    retry_at: Option<Instant>,
}

#[derive(Debug)]
struct Open<M> {
    messages: Streaming<M>,
    since: Instant,
}

impl<M> Follow<M> {
    pub(super) fn new(client: Client) -> Self {
        Self {
            node: client.nodes.begin(),
            open: None,
            failed: false,
            was_open: false,
            started: None,
            rounds: Rounds::new(&client.options, client.nodes.count()),
            retry_at: None,
            client,
        }
    }

    /// Waits for what the stream tells; `begin` opens one where none is open. Cancel-safe.
    ///
    /// # Errors
    /// What no other node can mend. The first message must come within the client's timeout; a later loss is told,
    /// and mended for as long as it takes.
    pub(super) async fn next<F, Fut>(&mut self, begin: F) -> Result<Told<M>, ClientError>
    where
        F: Fn(Channel) -> Fut,
        Fut: Future<Output = Result<Response<Streaming<M>>, Status>>,
    {
        loop {
            match self.read(&begin).await {
                Ok(message) => return Ok(Told::Message(message)),
                Err(cause) => {
                    if let Some(cause) = self.lost(cause)? {
                        return Ok(Told::Interrupted(cause));
                    }
                }
            }
        }
    }

    async fn read<F, Fut>(&mut self, begin: &F) -> Result<M, ClientError>
    where
        F: Fn(Channel) -> Fut,
        Fut: Future<Output = Result<Response<Streaming<M>>, Status>>,
    {
        if self.open.is_none() {
            self.begin(begin).await?;
        }
        let open = self.open.as_mut().expect("a stream was opened, or was open");
        let message = within(SILENCE_MAX, open.messages.message()).await?;
        let message = message.ok_or_else(|| ClientError::stream_broken("the node ended the stream"))?;
        self.was_open = true;
        // A node that accepts streams only to drop them is not asked again without a wait.
        if open.since.elapsed() >= STEADY_AFTER {
            self.rounds.reset();
        }
        Ok(message)
    }

    async fn begin<F, Fut>(&mut self, begin: &F) -> Result<(), ClientError>
    where
        F: Fn(Channel) -> Fut,
        Fut: Future<Output = Result<Response<Streaming<M>>, Status>>,
    {
        self.started.get_or_insert_with(Instant::now);
        if let Some(at) = self.retry_at {
            tokio::time::sleep_until(at).await;
            self.retry_at = None;
        }
        let channel = self.client.nodes.get(self.node).channel.clone();
        let messages = within(self.client.options.attempt_timeout(), begin(channel)).await?.into_inner();
        self.client.nodes.worked(self.node, std::mem::take(&mut self.failed));
        self.open = Some(Open { messages, since: Instant::now() });
        Ok(())
    }

    /// Decides what to do about a lost stream, or one that could not be opened: told is the loss of one that was.
    fn lost(&mut self, cause: ClientError) -> Result<Option<ClientError>, ClientError> {
        let ended = self.open.take().is_some();
        let cause = cause.at(&self.client.nodes.get(self.node).url);
        if !cause.is_transient() {
            return Err(cause);
        }
        let wait = self.rounds.wait_after(&cause);
        if !self.was_open && self.is_too_late(wait) {
            return Err(cause);
        }
        tracing::debug!(endpoint = cause.endpoint(), reason = cause.reason(), %cause, "stream lost");
        self.node = self.client.nodes.failed(self.node);
        self.failed = true;
        self.retry_at = Some(Instant::now() + wait);
        Ok(ended.then_some(cause))
    }

    fn is_too_late(&self, wait: Duration) -> bool {
        self.started.is_some_and(|started| started.elapsed() + wait >= self.client.options.timeout())
    }
}
