//! What a client can be told: where the nodes are, and how long to try.

use std::sync::LazyLock;
use std::time::Duration;

use crate::request_id::new_request_id;

/// Options of a [`Client`](crate::Client). Start from [`ClientOptions::new`] and change fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientOptions {
    /// Nodes to talk to, as `host:port` or `http://host:port`; one is enough, all are better.
    pub endpoints: Vec<String>,
    /// How long a call may take over all its attempts.
    pub timeout_ms: u64,
    /// How long one node may take to answer before the next one is asked.
    pub attempt_timeout_ms: u64,
    /// How long making a connection may take.
    pub connect_timeout_ms: u64,
    /// After how long a client that had to leave its own first node (see `client_id`) tries it again, on
    /// average: at half of it the earliest, and twice as late after each try that was in vain, up to eight
    /// times. Watches go back without a loss.
    pub return_after_ms: u64,
    /// How many attempts a call may make, whatever its deadline allows.
    pub attempts_max: u32,
    /// The wait after every node was tried once without success; it doubles with each round.
    pub backoff_min_ms: u64,
    /// The longest wait between two rounds.
    pub backoff_max_ms: u64,
    /// The largest message that is accepted from or sent to a node. The default takes whatever a node may be set
    /// up to hold.
    pub message_size_bytes_max: usize,
    /// What the nodes see as the program's name.
    pub user_agent: String,
    /// Who this client is among all clients: it decides in which order the client turns to the nodes,
    /// so that many clients spread over them. By default random, the same for the whole process.
    /// Empty: the order of `endpoints`.
    pub client_id: String,
}

/// The client id of this process, unless the program has a better one.
static PROCESS_CLIENT_ID: LazyLock<String> = LazyLock::new(new_request_id);

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            endpoints: vec!["127.0.0.1:4101".into()],
            timeout_ms: 10_000,
            attempt_timeout_ms: 3_000,
            connect_timeout_ms: 1_000,
            return_after_ms: 60_000,
            attempts_max: 50,
            backoff_min_ms: 50,
            backoff_max_ms: 1_000,
            message_size_bytes_max: 8 * 1024 * 1024,
            user_agent: concat!("conclave-client/", env!("CARGO_PKG_VERSION")).into(),
            client_id: PROCESS_CLIENT_ID.clone(),
        }
    }
}

impl ClientOptions {
    /// Options for these nodes, with defaults for all else.
    pub fn new<E: Into<String>>(endpoints: impl IntoIterator<Item = E>) -> Self {
        Self { endpoints: endpoints.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }

    pub(crate) fn attempt_timeout(&self) -> Duration {
        Duration::from_millis(self.attempt_timeout_ms)
    }

    pub(crate) fn return_after(&self) -> Duration {
        Duration::from_millis(self.return_after_ms.max(10))
    }

    pub(crate) fn connect_timeout(&self) -> Duration {
        Duration::from_millis(self.connect_timeout_ms)
    }
}
