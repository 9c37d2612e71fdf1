//! The client: its nodes, its options, and the one way in which every unary call is made.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tonic::transport::Channel;
use tonic::{Request, Response, Status};

use crate::error::ClientError;
use crate::nodes::Nodes;
use crate::options::ClientOptions;
use crate::retry::{Attempts, Effect};
use crate::watch::{Watch, WatchOptions};

/// A client of a Conclave cluster. Cheap to clone; clones share connections.
#[derive(Clone)]
pub struct Client {
    pub(crate) nodes: Arc<Nodes>,
    pub(crate) options: Arc<ClientOptions>,
}

impl Client {
    /// Prepares connections to the nodes; each is made at its first use. Must be called within a
    /// tokio runtime. Fails only if an option cannot be used.
    pub fn connect(options: ClientOptions) -> Result<Self, ClientError> {
        Ok(Self { nodes: Arc::new(Nodes::new(&options)?), options: Arc::new(options) })
    }

    /// The same client, on the same connections, with another deadline for its calls.
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        let timeout_ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        let options = ClientOptions { timeout_ms, ..(*self.options).clone() };
        Self { nodes: Arc::clone(&self.nodes), options: Arc::new(options) }
    }

    /// What the client was told.
    pub fn options(&self) -> &ClientOptions {
        &self.options
    }

    /// Follows namespaces. Nothing is sent before the first [`Watch::next`].
    pub fn watch(&self, options: WatchOptions) -> Watch {
        Watch::new(self.clone(), options)
    }

    /// Makes one call: at the preferred node first, then around, until it succeeds, fails for good,
    /// or the deadline passes.
    pub(crate) async fn call<Q, A, F, Fut>(
        &self,
        effect: Effect<'_>,
        message: Q,
        rpc: F,
    ) -> Result<A, ClientError>
    where
        Q: Clone,
        F: Fn(Channel, Request<Q>) -> Fut,
        Fut: Future<Output = Result<Response<A>, Status>>,
    {
        self.call_until(effect, message, rpc, |_| false).await
    }

    /// Makes one call that changes something, and twice is not the same as once: one that may have been done is
    /// not made again.
    pub(crate) async fn call_once<Q, A, F, Fut>(&self, message: Q, rpc: F) -> Result<A, ClientError>
    where
        Q: Clone,
        F: Fn(Channel, Request<Q>) -> Fut,
        Fut: Future<Output = Result<Response<A>, Status>>,
    {
        let called = self.call_until(Effect::Read, message, rpc, ClientError::leaves_write_open).await;
        called.map_err(|error| if error.leaves_write_open() { error.into_outcome_unknown() } else { error })
    }

    /// Makes one call; `is_last` decides whether a failure that could be mended by another attempt is told instead.
    async fn call_until<Q, A, F, Fut>(
        &self,
        effect: Effect<'_>,
        message: Q,
        rpc: F,
        is_last: impl Fn(&ClientError) -> bool,
    ) -> Result<A, ClientError>
    where
        Q: Clone,
        F: Fn(Channel, Request<Q>) -> Fut,
        Fut: Future<Output = Result<Response<A>, Status>>,
    {
        let mut attempts = Attempts::new(&self.options, effect, self.nodes.count());
        let began = self.nodes.begin();
        let mut at = began;
        loop {
            let node = self.nodes.get(at);
            let budget = attempts.begin();
            let attempt = rpc(node.channel.clone(), timed(message.clone(), budget));
            let error = match within(budget, attempt).await {
                Ok(answer) => {
                    self.nodes.worked(at, at != began);
                    return Ok(answer.into_inner());
                }
                Err(error) => error.at(&node.url),
            };
            if error.is_transient() {
                tracing::debug!(endpoint = node.url, reason = error.reason(), %error, "attempt failed");
                at = self.nodes.failed(at);
            }
            if is_last(&error) {
                return Err(error);
            }
            tokio::time::sleep(attempts.failed(error)?).await;
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("options", &self.options).finish_non_exhaustive()
    }
}

/// Tells the node how long the client waits, by the grpc-timeout header.
fn timed<Q>(message: Q, budget: Duration) -> Request<Q> {
    let mut request = Request::new(message);
    request.set_timeout(budget);
    request
}

/// Waits for an answer for so long; a node that takes no notice of the header is left behind.
pub(crate) async fn within<T>(
    budget: Duration,
    attempt: impl Future<Output = Result<T, Status>>,
) -> Result<T, ClientError> {
    match tokio::time::timeout(budget, attempt).await {
        Ok(answer) => answer.map_err(|status| ClientError::from_status(&status)),
        Err(_) => Err(ClientError::no_answer(budget)),
    }
}
