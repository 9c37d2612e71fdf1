//! Sessions, locks and elections against nodes that do what the test tells them to, in tokio's paused time.

mod elections;
mod fake_node;
mod fake_service;
mod locks;
mod returns;
mod sessions;
mod watches;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use super::clock::Clock;
use crate::{Client, ClientOptions, Session, SessionOptions};
use fake_node::FakeNode;

/// The time that tokio tells, and what the process was stopped for.
#[derive(Debug)]
pub(super) struct TestClock {
    began: Instant,
    stopped: Mutex<Duration>,
}

impl TestClock {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { began: Instant::now(), stopped: Mutex::default() })
    }

    /// The process does not run for so long: tokio's timers know nothing of it.
    pub(super) fn stop_for(&self, time: Duration) {
        *self.stopped.lock().expect("no test panics in here") += time;
    }
}

impl Clock for TestClock {
    fn now(&self) -> Duration {
        self.began.elapsed() + *self.stopped.lock().expect("no test panics in here")
    }
}

/// The TTL of the sessions of the tests: they are renewed every 5 seconds, and lost after 13.5.
const TTL: Duration = Duration::from_secs(15);

/// A session at these nodes, in their order.
async fn session_of(nodes: &[&FakeNode]) -> (Session, Arc<TestClock>) {
    let clock = TestClock::new();
    let options = SessionOptions { ttl: TTL, owner: "worker-7".into(), ..Default::default() };
    let session = Session::open(client_of(nodes), options, Arc::clone(&clock) as Arc<dyn Clock>).await;
    (session.expect("a node opens it"), clock)
}

fn client_of(nodes: &[&FakeNode]) -> Client {
    let options = ClientOptions { backoff_min_ms: 10, backoff_max_ms: 100, ..ClientOptions::default() };
    let nodes = crate::nodes::Nodes::of(nodes.iter().map(|node| node.connect()).collect(), &options);
    Client { nodes: Arc::new(nodes), options: Arc::new(options) }
}
