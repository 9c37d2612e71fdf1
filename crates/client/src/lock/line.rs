//! The stream of renewals of one session, to whichever node answers them.

use std::time::Duration;

use conclave_proto::lock::v1::session_service_client::SessionServiceClient;
use conclave_proto::lock::v1::{KeepAliveRequest, KeepAliveResponse};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use crate::client::Client;
use crate::error::ClientError;

/// A line to some node. Each renewal is answered before the next one is sent.
pub(super) struct Line {
    client: Client,
    open: Option<Open>,
    /// The node of the open stream, or the one to ask next.
    node: Option<usize>,
    /// Whether the last renewal failed.
    failed: bool,
}

/// A stream that has answered all that it was asked.
struct Open {
    requests: mpsc::Sender<KeepAliveRequest>,
    answers: Streaming<KeepAliveResponse>,
}

impl Line {
    pub(super) fn new(client: Client) -> Self {
        Self { client, open: None, node: None, failed: false }
    }

    /// Renews a session at one node, within `budget`, and tells its TTL: zero if there is no such session. After a
    /// failure the next renewal goes to another node.
    pub(super) async fn renew(&mut self, session_id: u64, budget: Duration) -> Result<Duration, ClientError> {
        let node = *self.node.get_or_insert_with(|| self.client.nodes.begin());
        let asked = tokio::time::timeout(budget, self.ask(node, session_id)).await;
        match asked.unwrap_or_else(|_| Err(ClientError::no_answer(budget))) {
            Ok(answer) => {
                self.client.nodes.worked(node, std::mem::take(&mut self.failed));
                Ok(Duration::from_millis(answer.ttl_ms))
            }
            Err(error) => {
                (self.node, self.failed) = (Some(self.client.nodes.failed(node)), true);
                Err(error.at(&self.client.nodes.get(node).url))
            }
        }
    }

    /// Sends a request and waits for its answer. A stream that fails, or is not waited for any longer, is dropped.
    async fn ask(&mut self, node: usize, session_id: u64) -> Result<KeepAliveResponse, ClientError> {
        let request = KeepAliveRequest { session_id };
        let mut open = match self.open.take() {
            Some(open) => {
                open.requests.send(request).await.map_err(|_| ended())?;
                open
            }
            None => self.begin(node, request).await?,
        };
        let answer = open.answers.message().await.map_err(of)?.ok_or_else(ended)?;
        if answer.session_id != session_id {
            return Err(ClientError::stream_broken("the node answered for another session"));
        }
        self.open = Some(open);
        Ok(answer)
    }

    /// Opens a stream with its first request, which some nodes wait for before they open it.
    async fn begin(&self, node: usize, request: KeepAliveRequest) -> Result<Open, ClientError> {
        let (requests, receiver) = mpsc::channel(1);
        requests.try_send(request).expect("the channel is new, and has room for one");
        let mut service = SessionServiceClient::new(self.client.nodes.get(node).channel.clone());
        let answers = service.keep_alive(ReceiverStream::new(receiver)).await.map_err(of)?.into_inner();
        Ok(Open { requests, answers })
    }
}

fn ended() -> ClientError {
    ClientError::stream_broken("the node ended the stream of renewals")
}

fn of(status: Status) -> ClientError {
    ClientError::from_status(&status)
}
