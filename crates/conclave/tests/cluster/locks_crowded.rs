//! More streams about locks than a node serves at once: further ones are sent elsewhere, and the others go on.

use std::time::Duration;

use conclave_client::Code;
use conclave_client::lock::{
    CampaignRequest, KeepAliveRequest, KeepAliveResponse, ObserveRequest, RenewSessionRequest,
    WatchLocksRequest,
};
use conclave_testkit::{Cluster, ClusterOptions, Told, wait};
use futures::stream;
use tokio::sync::mpsc;
use tonic::{Response, Status, Streaming};

use crate::stage::BINARY;
use crate::worker::Worker;

/// How many streams of each kind the node serves.
const STREAMS_MAX: usize = 3;
/// Calls that come too many, one after the other.
const TOO_MANY: usize = 200;

#[track_caller]
fn is_refused<T>(answer: Result<Response<T>, Status>) {
    let told = Told::from(answer.map(|_| ()).expect_err("the node is full"));
    assert_eq!((told.code, told.reason.as_str()), (Code::ResourceExhausted, "overloaded"), "{told:?}");
    assert!(told.retry_after.is_some_and(|after| after > Duration::ZERO), "{told:?}");
    assert!(told.message.contains(&format!("serves {STREAMS_MAX} ")), "{told:?}");
}

/// A stream of renewals.
struct KeepAlive {
    asks: mpsc::UnboundedSender<KeepAliveRequest>,
    told: Streaming<KeepAliveResponse>,
}

impl KeepAlive {
    async fn open(worker: &mut Worker) -> Result<Self, Status> {
        let (asks, mut asked) = mpsc::unbounded_channel();
        // Nothing is answered before something is asked.
        asks.send(KeepAliveRequest { session_id: worker.id }).expect("it is read");
        let asked = stream::poll_fn(move |context| asked.poll_recv(context));
        let told = worker.sessions.keep_alive(asked).await?.into_inner();
        let mut open = Self { asks, told };
        open.answered().await;
        Ok(open)
    }

    async fn renews(&mut self, session_id: u64) {
        self.asks.send(KeepAliveRequest { session_id }).expect("it is read");
        self.answered().await;
    }

    async fn answered(&mut self) {
        let answer = self.told.message().await.expect("it goes on").expect("it does not end");
        assert!(answer.ttl_ms > 0, "the session lives");
    }
}

async fn crowded() -> Cluster {
    let options = ["watch", "acquire", "keep_alive"]
        .into_iter()
        .fold(ClusterOptions::new(BINARY, 1), |options, kind| {
            options.set(&format!("limits.{kind}_streams_max"), STREAMS_MAX)
        });
    Cluster::start(options).await
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_for_locks_beyond_the_most_are_refused_and_leave_nothing() {
    let cluster = crowded().await;
    let (mut worker, mut other) = (Worker::at(&cluster, 1).await, Worker::at(&cluster, 1).await);
    worker.takes("job").await;
    let mut waiting = Vec::new();
    for _ in 0..STREAMS_MAX {
        let request = other.asks("job");
        let mut attending = other.acquire(request).await;
        attending.waits().await;
        waiting.push(attending);
    }
    let mut elections = cluster.elections(1);
    for number in 0..TOO_MANY {
        is_refused(other.locks.acquire(other.asks("free")).await);
        let (name, session_id) = (format!("election-{number}"), other.id);
        is_refused(elections.campaign(CampaignRequest { name, session_id, ..Default::default() }).await);
    }
    assert_eq!(worker.lock("free").await, None, "nobody has asked for it");
    // Whoever need not wait needs no place.
    worker.takes("free").await;
    assert_eq!(worker.releases("free").await, 1);
    assert_eq!(worker.releases("job").await, 1);
    let mut first = waiting.remove(0);
    first.granted().await;
    drop(first);
    let mut sent_again = wait::until("a place is free again", async || {
        let request = worker.asks("free");
        worker.locks.acquire(request).await.ok()
    })
    .await;
    assert!(sent_again.get_mut().message().await.expect("it goes on").is_some());
    is_refused(worker.locks.acquire(worker.asks("job")).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn watches_and_renewals_beyond_the_most_are_refused_and_the_others_go_on() {
    let cluster = crowded().await;
    let mut worker = Worker::at(&cluster, 1).await;
    let all = || WatchLocksRequest { name: String::new(), prefix: true };
    let observed = || ObserveRequest { name: "scheduler".into() };
    let mut elections = cluster.elections(1);
    let mut watches = Vec::new();
    for _ in 1..STREAMS_MAX {
        watches.push(worker.locks.watch_locks(all()).await.expect("there is room").into_inner());
    }
    let observing = elections.observe(observed()).await.expect("there is room").into_inner();
    let mut renewals = Vec::new();
    for _ in 0..STREAMS_MAX {
        renewals.push(KeepAlive::open(&mut worker).await.expect("there is room"));
    }
    for _ in 0..TOO_MANY {
        is_refused(worker.locks.watch_locks(all()).await);
        is_refused(elections.observe(observed()).await);
        is_refused(KeepAlive::open(&mut worker).await.map(|_| Response::new(())));
    }
    let session_id = worker.id;
    for renewing in &mut renewals {
        renewing.renews(session_id).await;
    }
    worker.sessions.renew_session(RenewSessionRequest { session_id }).await.expect("one at a time goes on");
    worker.takes("job").await;
    for watch in &mut watches {
        let mut events = 0;
        while events < 2 {
            let told = watch.message().await.expect("it goes on").expect("the state, then the grant");
            events += usize::from(told.event.is_some());
        }
    }

    drop((observing, renewals.pop()));
    wait::until("a place to watch is free again", async || {
        worker.locks.clone().watch_locks(all()).await.ok()
    })
    .await;
    wait::until("a place to renew is free again", async || KeepAlive::open(&mut worker).await.ok()).await;
}
