//! Going back to the first node, after it was away.

use std::time::Duration;

use conclave_client::config::{
    CommitRequest, CommitResponse, Version, WatchHeartbeat, WatchVersion, watch_response::Event,
};
use conclave_client::{Client, ClientOptions, Code, Watch, WatchEvent, WatchOptions, reason};
use tokio::sync::{mpsc, oneshot};
use tonic::Status;
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::fake_node::{End, FakeNode, Reply, Stage};

/// How long anything that must come true may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A client that tries its first node again soon.
fn homely_client(nodes: &[&FakeNode]) -> Client {
    let options = ClientOptions {
        return_after_ms: 40,
        backoff_min_ms: 1,
        client_id: String::new(),
        ..ClientOptions::new(nodes.iter().map(|node| node.address()))
    };
    Client::connect(options).expect("the options can be used")
}

fn no_leader() -> Status {
    let details = ErrorDetails::with_error_info(reason::NO_LEADER, "conclave", []);
    Status::with_error_details(Code::Unavailable, "no leader", details)
}

fn version(revision: u64) -> Event {
    let version = Some(Version { version: revision, revision, ..Default::default() });
    Event::Version(WatchVersion { namespace: "a".into(), version, ..Default::default() })
}

/// The revision of the next version; no loss may come before it.
async fn next(watch: &mut Watch) -> u64 {
    loop {
        match tokio::time::timeout(PATIENCE, watch.next()).await.expect("it comes in time") {
            Ok(WatchEvent::Version(change)) => return change.version.revision,
            Ok(WatchEvent::Progress { .. }) => {}
            other => panic!("{other:?}"),
        }
    }
}

/// Waits until watches were begun at a node so often. The watch lives meanwhile.
async fn watched(node: &FakeNode, times: usize, watch: &mut Watch, alive: &mpsc::UnboundedSender<Event>) {
    let asked = async {
        while node.watched_from().len() < times {
            // Whatever else happens, the watch goes on.
            alive.send(Event::Heartbeat(WatchHeartbeat { revision: 8 })).expect("the stream is read");
            watch.next().await.expect("the watch goes on");
        }
    };
    tokio::time::timeout(PATIENCE, asked).await.expect("the first node is tried again");
}

#[tokio::test]
async fn calls_go_back_to_the_first_node() {
    let (first, second) = (FakeNode::start().await, FakeNode::start().await);
    first.on_commit(Reply::Refuse(no_leader()));
    for revision in 1..10_000 {
        first.on_commit(Reply::Answer(CommitResponse { revision, ..Default::default() }));
        second.on_commit(Reply::Answer(CommitResponse { revision, ..Default::default() }));
    }
    let client = homely_client(&[&first, &second]);
    let back = async {
        while first.request_ids().len() < 3 {
            client.commit(CommitRequest::default()).await.expect("a node answers");
        }
    };
    tokio::time::timeout(PATIENCE, back).await.expect("the client goes back");
    assert!(!second.request_ids().is_empty());
    let elsewhere = second.request_ids().len();
    client.commit(CommitRequest::default()).await.expect("a node answers");
    assert_eq!(second.request_ids().len(), elsewhere, "and stays there");
}

#[tokio::test]
async fn a_watch_goes_back_without_a_word_and_repeats_nothing() {
    let (first, second) = (FakeNode::start().await, FakeNode::start().await);
    let (may_open, opens) = oneshot::channel();
    first.on_watch(Stage::Stream(vec![version(5)], End::Close));
    first.on_watch(Stage::Late(opens, vec![version(9), version(10), version(11)]));
    let (alive, live) = mpsc::unbounded_channel();
    second.on_watch(Stage::Live(live));
    let mut watch = homely_client(&[&first, &second]).watch(WatchOptions::of(["a"]).from_revision(3));
    assert_eq!(next(&mut watch).await, 5);
    assert!(matches!(watch.next().await, Ok(WatchEvent::Interrupted { .. })));
    alive.send(version(8)).unwrap();
    assert_eq!(next(&mut watch).await, 8);

    watched(&first, 2, &mut watch, &alive).await;
    // While the stream at the first node is being opened, the other one goes on.
    alive.send(version(9)).unwrap();
    alive.send(version(10)).unwrap();
    assert_eq!((next(&mut watch).await, next(&mut watch).await), (9, 10));
    may_open.send(()).unwrap();
    assert_eq!(next(&mut watch).await, 11, "what the other one told is not told again");
    assert_eq!((first.watched_from(), second.watched_from()), (vec![3, 9], vec![6]));
    tokio::time::timeout(PATIENCE, alive.closed()).await.expect("the other stream is given up");
}

#[tokio::test]
async fn a_first_node_that_is_still_away_is_not_noticed() {
    let (first, second) = (FakeNode::start().await, FakeNode::start().await);
    first.on_watch(Stage::Stream(vec![version(5)], End::Close));
    first.on_watch(Stage::Refuse(no_leader()));
    first.on_watch(Stage::Stream(vec![version(9)], End::Silence));
    let (alive, live) = mpsc::unbounded_channel();
    second.on_watch(Stage::Live(live));
    let mut watch = homely_client(&[&first, &second]).watch(WatchOptions::of(["a"]).from_revision(3));
    assert_eq!(next(&mut watch).await, 5);
    assert!(matches!(watch.next().await, Ok(WatchEvent::Interrupted { .. })));
    alive.send(version(8)).unwrap();
    assert_eq!(next(&mut watch).await, 8);
    assert_eq!(next(&mut watch).await, 9, "of the third stream there");
    assert_eq!((first.watched_from(), second.watched_from()), (vec![3, 9, 9], vec![6]));
}
