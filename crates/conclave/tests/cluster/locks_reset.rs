//! Watches of locks whose node gets the state as a whole: they go on with all that is so, part by part.

use std::collections::BTreeMap;
use std::ops::Range;

use conclave_client::lock::lock_change::Change;
use conclave_client::lock::watch_locks_response::Event;
use conclave_client::lock::{
    ListLocksRequest, Lock, ReleaseRequest, TryAcquireRequest, WatchLocksRequest, WatchLocksResponse,
};
use conclave_client::{LockEvent, LockWatch};
use conclave_testkit::{Cluster, ClusterOptions, Writers, wait};
use futures::TryStreamExt as _;
use tokio::task::JoinSet;
use tonic::Streaming;

use crate::stage::{BINARY, create, fill};
use crate::worker::Worker;

/// So many locks with so much beside each take three messages.
const LOCKS: usize = 600;
const METADATA_SIZE_BYTES: usize = 4_096;
/// What is taken or released at once.
const AT_ONCE: usize = 64;
/// Few enough that the log is cut soon.
const SNAPSHOT_ENTRIES: usize = 200;

/// More than connections between nodes and the system's buffers for them take.
const BALLAST_ITEMS: usize = 24;
const BALLAST_SIZE_BYTES: usize = 1_000_000;

/// Who holds what, as a watch tells: the token by the lock.
type Held = BTreeMap<String, u64>;

fn held(locks: &[Lock]) -> Held {
    locks.iter().map(|lock| (lock.name.clone(), lock.holders[0].token)).collect()
}

fn change(held: &mut Held, name: String, change: Change) {
    match change {
        Change::Granted(holder) => assert_eq!(held.insert(name, holder.token), None, "it was free"),
        Change::Ended(ended) => {
            assert_eq!(held.remove(&name), ended.holder.map(|holder| holder.token), "it was held");
        }
        other => panic!("nobody waits: {other:?}"),
    }
}

/// Takes these locks, or releases them.
async fn have(worker: &Worker, numbers: Range<usize>, take: bool) {
    let mut calls = JoinSet::new();
    for number in numbers {
        let (mut locks, name, session_id) = (worker.locks.clone(), format!("jobs/{number:03}"), worker.id);
        calls.spawn(async move {
            if take {
                let metadata = vec![b'm'; METADATA_SIZE_BYTES].into();
                let request = TryAcquireRequest { name, session_id, metadata, ..Default::default() };
                locks.try_acquire(request).await.expect("it is free");
            } else {
                let request = ReleaseRequest { name, session_id, ..Default::default() };
                locks.release(request).await.expect("it is held");
            }
        });
        while calls.len() >= AT_ONCE {
            calls.join_next().await.expect("there are some").expect("it is answered");
        }
    }
    while let Some(done) = calls.join_next().await {
        done.expect("it is answered");
    }
}

/// A watch as it comes.
struct Raw {
    told: Streaming<WatchLocksResponse>,
    held: Held,
    /// How many messages the last state took.
    parts: usize,
    revision: u64,
}

impl Raw {
    async fn next(&mut self) -> Event {
        loop {
            let told = self.told.message().await.expect("it goes on").expect("it does not end");
            assert!(told.revision >= self.revision, "revisions never go back");
            self.revision = told.revision;
            if let Some(event) = told.event {
                return event;
            }
        }
    }

    /// Follows it up to the end of the next state.
    async fn state(&mut self) {
        let mut locks = Vec::new();
        self.parts = 0;
        loop {
            match self.next().await {
                Event::State(state) => {
                    self.parts += 1;
                    locks.extend(state.locks);
                    if !state.more {
                        break;
                    }
                }
                Event::Change(told) => {
                    assert!(locks.is_empty(), "what is so is told to its end");
                    change(&mut self.held, told.name, told.change.expect("it is told"));
                }
            }
        }
        assert!(locks.is_sorted_by(|a, b| a.name < b.name), "each lock is told once, in order");
        self.held = held(&locks);
    }

    /// Follows it until this is what is held.
    async fn comes_to(&mut self, expected: &Held) {
        while self.held != *expected {
            match self.next().await {
                Event::Change(told) => {
                    change(&mut self.held, told.name, told.change.expect("it is told"));
                }
                Event::State(state) => panic!("it was told already: {state:?}"),
            }
        }
    }
}

/// The same by the SDK.
struct Followed {
    watch: LockWatch,
    held: Held,
    states: usize,
}

impl Followed {
    async fn next(&mut self) {
        match self.watch.next().await.expect("it goes on") {
            LockEvent::State { locks, .. } => {
                self.held = held(&locks);
                self.states += 1;
            }
            LockEvent::Change { change: told, .. } => {
                change(&mut self.held, told.name, told.change.expect("it is told"));
            }
            LockEvent::Interrupted { cause } => panic!("the node never went: {cause}"),
        }
    }

    async fn comes_to(&mut self, expected: &Held, states: usize) {
        while self.held != *expected || self.states < states {
            self.next().await;
        }
        assert_eq!(self.states, states);
    }
}

/// All that is held.
async fn listed(cluster: &Cluster, node: u64) -> Held {
    let client = cluster.client_of(node, 20_000);
    let locks: Vec<Lock> =
        client.lock_stream(ListLocksRequest::default()).try_collect().await.expect("it is told");
    held(&locks)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_cannot_be_told_what_happened_is_told_what_is_so() {
    let options = ClusterOptions::new(BINARY, 3).set("snapshot_entries", SNAPSHOT_ENTRIES);
    let mut cluster = Cluster::start(options).await;
    let leader = cluster.all_serve().await;
    let away = cluster.ids().into_iter().find(|id| *id != leader).expect("there are three");
    let client = cluster.client_of(leader, 20_000);
    create(&client, "load").await;
    create(&client, "ballast").await;
    let worker = Worker::at(&cluster, leader).await;
    have(&worker, 0..LOCKS, true).await;

    let request = WatchLocksRequest { name: "jobs/".into(), prefix: true };
    let told = cluster.locks(away).watch_locks(request.clone()).await.expect("it is open").into_inner();
    let mut raw = Raw { told, held: Held::new(), parts: 0, revision: 0 };
    let watch = cluster.client_of(away, 20_000).watch_locks(request);
    let mut followed = Followed { watch, held: Held::new(), states: 0 };
    let first = listed(&cluster, leader).await;
    raw.state().await;
    assert_eq!((raw.held.len(), raw.parts), (LOCKS, 3));
    raw.comes_to(&first).await;
    followed.comes_to(&first, 1).await;

    // While the node stands still, what it needs next goes from the log.
    let needed = cluster.agree().await.applied_index + 1;
    cluster.node(away).pause();
    // What waits in the system's buffers comes by the log after all: they are full before the locks change.
    fill(&client, "ballast", 0..BALLAST_ITEMS, BALLAST_SIZE_BYTES).await;
    let load = Writers::begin(&client, "load", 8);
    have(&worker, 0..LOCKS / 2, false).await;
    have(&worker, 0..LOCKS / 4, true).await;
    load.commit_more(SNAPSHOT_ENTRIES).await;
    load.finish_and_check().await;
    let cut = async || {
        let status = cluster.status_of(leader).await?;
        let member = status.members.into_iter().find(|member| member.id == leader)?;
        (member.disk?.first_log_index > needed).then_some(())
    };
    wait::until("the log is cut", cut).await;
    cluster.node(away).resume();

    let now = listed(&cluster, leader).await;
    assert_eq!(now.len(), LOCKS - LOCKS / 4);
    raw.state().await;
    assert!(raw.parts > 1, "there are never so few that they fit into one message");
    raw.comes_to(&now).await;
    followed.comes_to(&now, 2).await;

    // And what happens from then on is told as before.
    have(&worker, 0..LOCKS / 8, false).await;
    have(&worker, LOCKS - 1..LOCKS, false).await;
    let last = listed(&cluster, leader).await;
    raw.comes_to(&last).await;
    followed.comes_to(&last, 2).await;
    cluster.agree().await;
}
