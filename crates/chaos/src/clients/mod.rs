//! Clients that work while things break, and note what they were told.
//!
//! What may be noted as known is the heart of it. An answer is known. A call that surely never left this process, or
//! that the cluster says it did not do, is not done: nobody may see anything of it. Everything else stays unknown.
//!
//! | file | who |
//! |---|---|
//! | `kv`, `kv_calls` | clients of etcd: gets, puts, deletes, compare-and-swap |
//! | `config` | teams that publish configuration, with request ids and retries, by the SDK |
//! | `lock`, `worker` | workers that hold locks and write under their tokens, each in a process that can be paused |
//! | `watch_keys`, `watch_config` | watchers from the beginning, over all that happens |

pub(crate) mod config;
pub(crate) mod kv;
pub(crate) mod kv_calls;
pub(crate) mod lock;
pub(crate) mod watch_config;
pub(crate) mod watch_keys;
pub(crate) mod worker;

use std::collections::BTreeMap;
use std::error::Error;
use std::future::Future;
use std::time::Duration;

use conclave_client::{Client as Sdk, ClientOptions};
use tonic::transport::{Channel, Endpoint};
use tonic::{ConnectError, Status};

use crate::dice::Dice;
use crate::site::Site;

/// The longest that a client waits for an answer.
const ANSWER_TIMEOUT_MS: u64 = 4_000;
/// How often it waits for less: a client that waits sees nothing of what others are told meanwhile.
const IMPATIENT_PERCENT: u64 = 30;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// One client, with connections of its own.
pub(crate) struct Client {
    pub(crate) id: u64,
    pub(crate) dice: Dice,
    pub(crate) site: Site,
    channels: BTreeMap<String, Channel>,
}

impl Client {
    pub(crate) fn new(id: u64, dice: Dice, site: Site) -> Self {
        Self { id, dice, site, channels: BTreeMap::new() }
    }

    /// The way to some node.
    pub(crate) fn any_node(&mut self) -> Channel {
        let endpoints = self.site.endpoints();
        let index = self.dice.within(1..=endpoints.len() as u64) - 1;
        let address = &endpoints[usize::try_from(index).unwrap_or_default()];
        self.channels.entry(address.clone()).or_insert_with(|| channel(address)).clone()
    }

    /// Does nothing for a while.
    pub(crate) async fn pause(&mut self, ms: std::ops::RangeInclusive<u64>) {
        tokio::time::sleep(self.dice.ms(ms)).await;
    }

    /// The answer, if it comes in time; patience is drawn. An error of none: nobody answered.
    pub(crate) async fn in_time<T>(
        &mut self,
        call: impl Future<Output = Result<T, Status>>,
    ) -> Result<T, Option<Box<Status>>> {
        let is_short = self.dice.happens(IMPATIENT_PERCENT);
        let patience_ms = if is_short { self.dice.within(2..=500) } else { ANSWER_TIMEOUT_MS };
        let answered = tokio::time::timeout(Duration::from_millis(patience_ms), call).await;
        answered.map_err(|_| None)?.map_err(|status| Some(Box::new(status)))
    }

    /// The SDK, as a client of its own.
    pub(crate) fn sdk(&self) -> Sdk {
        sdk(self.site.endpoints(), &self.id.to_string())
    }
}

/// A connection to a node, made when it is used.
pub(crate) fn channel(address: &str) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address makes a URL");
    endpoint.connect_timeout(CONNECT_TIMEOUT).tcp_nodelay(true).connect_lazy()
}

/// The SDK with its defaults, that begins at a node of its own.
pub(crate) fn sdk(endpoints: Vec<String>, client_id: &str) -> Sdk {
    let options = ClientOptions { client_id: client_id.into(), ..ClientOptions::new(endpoints) };
    Sdk::connect(options).expect("the addresses of nodes can be used")
}

/// Whether a call never left this process.
pub(crate) fn was_not_sent(status: &Status) -> bool {
    let mut cause = status.source();
    while let Some(error) = cause {
        if error.is::<ConnectError>() {
            return true;
        }
        cause = error.source();
    }
    false
}
