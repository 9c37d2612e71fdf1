//! Cases with names: each from a bug that a system of this kind really had. What could be drawn is played here.

mod durable;
mod locks;
mod members;
mod reads;
mod watches;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use conclave_proto::etcd::etcdserverpb::kv_client::KvClient;
use conclave_proto::etcd::etcdserverpb::{PutRequest, RangeRequest};
use parking_lot::Mutex;
use tokio::time::timeout;
use tonic::Status;

use crate::checks::Checks;
use crate::cluster::{Cluster, host_of};
use crate::machine::client_address;
use crate::net::{Channel, HostNet, Link};
use crate::settings::Settings;
use crate::world::World;

/// The host of whoever asks.
const CLIENT: u32 = 100;
/// Within so long the nodes have found a leader, in milliseconds.
const SETTLED_MS: u64 = 20_000;
/// The longest that an answer is waited for.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// A cluster and somebody who asks it.
struct Stage {
    cluster: Cluster,
    checks: Checks,
    client: HostNet,
}

/// What a call came to, as soon as it has.
type Answer<T> = Arc<Mutex<Option<Result<T, Status>>>>;

impl Stage {
    /// Three nodes that have a leader.
    fn new(seed: u64, snapshot_entries: u64) -> Self {
        let settings = Settings {
            nodes: 3,
            heartbeat_ms: 100,
            election_ms_min: 1_000,
            election_ms_max: 2_000,
            snapshot_entries,
            troubled_ms: 0,
        };
        let mut cluster = Cluster::start(World::new(seed), settings);
        let client = cluster.world.start_host(CLIENT);
        let mut stage = Self { cluster, checks: Checks::default(), client };
        stage.settle();
        stage
    }

    /// Waits until every node answers a write and a read.
    fn settle(&mut self) {
        for node in self.cluster.ids() {
            self.until(SETTLED_MS, |stage| stage.put(node, "settled", "yes").is_ok());
            self.until(SETTLED_MS, |stage| stage.get(node, "settled").is_ok());
        }
    }

    fn step(&mut self) {
        self.cluster.step();
        self.checks.step(&self.cluster).unwrap();
    }

    fn go(&mut self, ms: u64) {
        for _ in 0..ms {
            self.step();
        }
    }

    /// Steps until it is so.
    fn until(&mut self, at_most_ms: u64, mut so: impl FnMut(&mut Self) -> bool) {
        let end_ms = self.cluster.world.now_ms() + at_most_ms;
        while !so(self) {
            assert!(self.cluster.world.now_ms() < end_ms, "{}", self.cluster.world.story.lines());
            self.step();
        }
    }

    /// The node that leads in the newest term, as the nodes themselves say.
    fn leader(&self) -> Option<u64> {
        let told = self
            .cluster
            .handles()
            .into_iter()
            .filter_map(|(id, handle)| Some((id, handle.own_status().ok()?)));
        let leads = told.filter(|(id, status)| status.leader_id == Some(*id));
        leads.max_by_key(|(_, status)| status.term).map(|(id, _)| id)
    }

    /// Makes a call of a node, and goes on.
    fn begin<T, F>(&self, node: u64, call: impl FnOnce(Channel) -> F) -> Answer<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Status>> + Send + 'static,
    {
        let answer: Answer<T> = Arc::default();
        let (told, calling) = (Arc::clone(&answer), call(self.client.connect(&client_address(node), &[])));
        self.cluster.world.spawn(CLIENT, async move {
            let late = || Err(Status::deadline_exceeded("nobody answered in time"));
            let came = timeout(ANSWER_TIMEOUT, calling).await.unwrap_or_else(|_| late());
            *told.lock() = Some(came);
        });
        answer
    }

    /// Makes a call of a node, and waits for what comes of it.
    fn ask<T, F>(&mut self, node: u64, call: impl FnOnce(Channel) -> F) -> Result<T, Status>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Status>> + Send + 'static,
    {
        let answer = self.begin(node, call);
        self.until(SETTLED_MS, |_| answer.lock().is_some());
        let came = answer.lock().take();
        came.expect("it has come")
    }

    /// Writes a plain key; gives the revision.
    fn put(&mut self, node: u64, key: &str, value: &str) -> Result<i64, Status> {
        let put =
            PutRequest { key: key.to_owned().into(), value: value.to_owned().into(), ..Default::default() };
        self.ask(node, async move |channel: Channel| {
            let answer = KvClient::new(channel).put(put).await?.into_inner();
            Ok(answer.header.map_or(0, |header| header.revision))
        })
    }

    /// Reads a plain key, linearizably.
    fn get(&mut self, node: u64, key: &str) -> Result<Option<String>, Status> {
        let get = RangeRequest { key: key.to_owned().into(), ..Default::default() };
        self.ask(node, async move |channel: Channel| {
            let answer = KvClient::new(channel).range(get).await?.into_inner();
            let found = answer.kvs.into_iter().next();
            Ok(found.map(|entry| String::from_utf8_lossy(&entry.value).into_owned()))
        })
    }

    /// Cuts a node off from the others, or mends that.
    fn set_cut_off(&self, node: u64, is_cut: bool) {
        for other in self.cluster.ids().into_iter().filter(|id| *id != node) {
            for (from, to) in [(node, other), (other, node)] {
                let link = Link { is_cut, ..Link::default() };
                self.cluster.world.net.set_link(host_of(from), host_of(to), link);
            }
        }
    }

    fn set_paused(&mut self, node: u64, is_paused: bool) {
        if let Some(host) = self.cluster.world.host(host_of(node)) {
            host.set_paused(is_paused);
        }
    }
}
