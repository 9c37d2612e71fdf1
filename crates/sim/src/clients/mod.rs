//! The clients of a run: hosts of their own that work through the doors, and note what they were told.

mod config;
mod kv;
mod lock;
mod watch;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use conclave_proto::etcd::etcdserverpb::kv_client::KvClient;
use conclave_proto::etcd::etcdserverpb::{PutRequest, RangeRequest};
use tokio::time::{sleep, timeout};
use tonic::{Code, Status};

use crate::cluster::Roster;
use crate::dice::Dice;
use crate::machine::client_address;
use crate::net::{Channel, HostNet};

pub(crate) use config::work as publish;
pub(crate) use kv::work as work_on_keys;
pub(crate) use lock::{Ends, work as work_under_locks};
pub(crate) use watch::{Told, watch as watch_keys};

/// The key that is written when all else has ended: whoever was told of it was told all.
pub(crate) const LAST_KEY: &str = "kz";
/// The longest that a client waits for an answer.
const ANSWER_TIMEOUT_MS: u64 = 4_000;

/// One client.
pub(crate) struct Client {
    pub(crate) id: u64,
    pub(crate) dice: Dice,
    pub(crate) roster: Roster,
    pub(crate) net: HostNet,
}

impl Client {
    /// The way to some node.
    fn any_node(&mut self) -> Channel {
        let node = *self.dice.pick(&self.roster.ids());
        self.net.connect(&client_address(node), &[])
    }

    /// Does nothing for a while.
    async fn pause(&mut self, ms: std::ops::RangeInclusive<u64>) {
        sleep(Duration::from_millis(self.dice.within(ms))).await;
    }

    /// The answer, if it comes in time; patience is drawn.
    async fn in_time<T>(&mut self, call: impl Future<Output = Result<T, Status>>) -> Result<T, Status> {
        let patience_ms = if self.dice.happens(20) { self.dice.within(5..=500) } else { ANSWER_TIMEOUT_MS };
        let answered = timeout(Duration::from_millis(patience_ms), call).await;
        answered.unwrap_or_else(|_| Err(Status::new(Code::DeadlineExceeded, "nobody answered in time")))
    }
}

/// Writes a key through one node, and reads it, until both are answered.
pub(crate) async fn probe(net: HostNet, node: u64, key: &'static str, done: Arc<AtomicBool>) {
    loop {
        let mut kv = KvClient::new(net.connect(&client_address(node), &[]));
        let put = PutRequest { key: key.into(), value: "there".into(), ..Default::default() };
        let get = RangeRequest { key: key.into(), ..Default::default() };
        let both = async { kv.put(put).await.is_ok() && kv.range(get).await.is_ok() };
        if timeout(Duration::from_millis(ANSWER_TIMEOUT_MS), both).await == Ok(true) {
            return done.store(true, Ordering::Relaxed);
        }
        sleep(Duration::from_millis(50)).await;
    }
}
