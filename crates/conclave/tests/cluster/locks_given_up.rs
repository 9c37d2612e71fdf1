//! Calls that end while their node does not know what came of their request: no ticket stays that nobody attends.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use conclave_client::lock::{AcquireRequest, GetSessionRequest, OpenSessionRequest};
use conclave_testkit::{Cluster, ClusterOptions, wait};
use tokio::task::JoinSet;
use tonic::Request;

use crate::stage::{BINARY, three};
use crate::worker::{Attending, LONG_TTL_MS, Worker};

/// Calls that end in doubt; a node serves no more of them at once.
const CALLS: usize = 20;
/// Calls that are dropped, each later than the one before.
const DROPPED: usize = 100;
/// How long they wait: less than it takes until another leader is elected.
const DEADLINE: Duration = Duration::from_millis(300);

/// Asks for locks, and is told nothing before the calls end.
async fn end_in_doubt(worker: &Worker) {
    let mut calls = JoinSet::new();
    for number in 0..CALLS {
        let mut locks = worker.locks.clone();
        // Half of them ask for one lock, of which the session would be its own successor.
        let name = if number % 2 == 0 { "jobs/one".into() } else { format!("jobs/{number}") };
        let mut request = Request::new(AcquireRequest { name, session_id: worker.id, ..Default::default() });
        request.set_timeout(DEADLINE);
        calls.spawn(async move {
            locks.acquire(request).await.expect_err("nobody leads");
        });
    }
    while let Some(ended) = calls.join_next().await {
        ended.expect("it is answered");
    }
}

/// Waits until nothing is left to be given up: a call has its place until then, and now there is one for as many anew.
async fn all_is_given_up(cluster: &Cluster, node: u64) {
    let other = wait::until("a session is opened", async || {
        let mut sessions = cluster.sessions(node);
        let request = OpenSessionRequest { ttl_ms: LONG_TTL_MS, ..Default::default() };
        let opened = sessions.open_session(request).await.ok()?;
        Some(Worker { id: opened.into_inner().session?.id, sessions, locks: cluster.locks(node) })
    })
    .await;
    let mut places: Vec<Attending> = Vec::new();
    for _ in 0..CALLS {
        let place = wait::until("a place is free", async || {
            let told = other.locks.clone().acquire(other.asks("other")).await.ok()?.into_inner();
            Some(Attending { told })
        });
        places.push(place.await);
    }
}

/// How many tickets a session has.
async fn tickets(worker: &Worker) -> u64 {
    let request = GetSessionRequest { session_id: worker.id };
    let session = worker.sessions.clone().get_session(request).await.expect("it lives").into_inner();
    session.session.expect("it is told").tickets
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_of_a_request_after_its_call_has_ended_is_given_up() {
    let options = ClusterOptions::new(BINARY, 3).set("limits.acquire_streams_max", CALLS);
    let mut cluster = Cluster::start(options).await;
    for goes_on_at_once in [true, false] {
        let leader = cluster.all_serve().await;
        let asked = cluster.ids().into_iter().find(|id| *id != leader).expect("there are three");
        let mut worker = Worker::at(&cluster, asked).await;
        // The node has a connection to the leader, and knows nothing of its end.
        worker.takes(&format!("kept/{goes_on_at_once}")).await;
        cluster.node(leader).pause();
        end_in_doubt(&worker).await;
        if goes_on_at_once {
            cluster.node(leader).resume();
        }
        all_is_given_up(&cluster, asked).await;
        assert_eq!(tickets(&worker).await, 1, "no more than the lock that it kept");
        cluster.node(leader).resume();
        cluster.all_serve().await;
        assert_eq!(tickets(&worker).await, 1, "nothing comes of it later either");
    }
    cluster.agree().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_are_dropped_at_any_moment_leave_nothing() {
    let cluster = three().await;
    let mut worker = Worker::at(&cluster, 1).await;
    let mut other = Worker::at(&cluster, 2).await;
    for number in (0..DROPPED).map(|number| number * number) {
        // From before the request is sent to after it was answered.
        let request = worker.asks("job");
        let mut locks = worker.locks.clone();
        let mut asking = pin!(async move {
            let attending = locks.acquire(request).await.expect("it is taken in").into_inner();
            drop(attending);
        });
        let mut left = number;
        poll_fn(|context| {
            let answered = asking.as_mut().poll(context).is_ready();
            left = left.saturating_sub(1);
            if answered || left == 0 {
                return Poll::Ready(());
            }
            // It is looked at again at once, so that it ends between any two steps.
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
    // Whoever asks next comes after all of them.
    let request = other.asks("job");
    other.acquire(request).await.granted().await;
    assert_eq!(other.releases("job").await, 1);
    worker.sees_waiting("job", 0).await;
}
