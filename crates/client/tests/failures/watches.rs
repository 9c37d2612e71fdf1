//! Watches: what is told once and in order while streams break and nodes change.

use conclave_client::config::{Version, WatchHeartbeat, WatchReset, WatchVersion, watch_response::Event};
use conclave_client::{ClientError, Code, Watch, WatchEvent, WatchOptions, reason};
use futures::StreamExt as _;
use tonic::Status;
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::fake_node::{End, FakeNode, Stage, client_of};

fn version(namespace: &str, revision: u64) -> Event {
    let version = Some(Version { version: revision, revision, ..Default::default() });
    Event::Version(WatchVersion { namespace: namespace.into(), version, ..Default::default() })
}

fn reset(namespace: &str, revision: u64) -> Event {
    Event::Reset(WatchReset { namespace: namespace.into(), revision, ..Default::default() })
}

fn heartbeat(revision: u64) -> Event {
    Event::Heartbeat(WatchHeartbeat { revision })
}

fn told(event: WatchEvent) -> String {
    match event {
        WatchEvent::Version(change) => format!("{} at {}", change.namespace, change.version.revision),
        WatchEvent::Reset(state) => format!("reset at {}", state.revision),
        WatchEvent::Progress { revision } => format!("progress to {revision}"),
        WatchEvent::Interrupted { cause } => format!("interrupted: {}", cause.reason()),
    }
}

async fn next(watch: &mut Watch, count: usize) -> Vec<String> {
    let mut events = Vec::new();
    for _ in 0..count {
        events.push(told(watch.next().await.unwrap()));
    }
    events
}

#[tokio::test]
async fn a_lost_stream_goes_on_at_the_next_node_without_gap_or_repetition() {
    let (first, second) = (FakeNode::start().await, FakeNode::start().await);
    first.on_watch(Stage::Stream(vec![version("a", 5)], End::Close));
    second.on_watch(Stage::Stream(vec![version("a", 8), heartbeat(9)], End::Silence));
    let client = client_of(&[first.address(), second.address()]);
    let mut watch = client.watch(WatchOptions::of(["a"]).from_revision(3));
    let events = next(&mut watch, 4).await;
    assert_eq!(events, ["a at 5", "interrupted: stream-broken", "a at 8", "progress to 9"]);
    assert_eq!((first.watched_from(), second.watched_from()), (vec![3], vec![6]));
    assert_eq!(watch.resume_revision(), 10);
}

#[tokio::test]
async fn a_revision_that_was_told_in_part_is_told_to_its_end() {
    let (first, second) = (FakeNode::start().await, FakeNode::start().await);
    first.on_watch(Stage::Stream(vec![version("a", 5)], End::Close));
    second.on_watch(Stage::Stream(vec![version("a", 5), version("b", 5), version("a", 6)], End::Silence));
    let client = client_of(&[first.address(), second.address()]);
    let mut watch = client.watch(WatchOptions::of(["a", "b"]).from_revision(1));
    let events = next(&mut watch, 4).await;
    assert_eq!(events, ["a at 5", "interrupted: stream-broken", "b at 5", "a at 6"]);
    assert_eq!(second.watched_from(), [5]);
}

#[tokio::test]
async fn a_silent_stream_is_left_after_three_heartbeats() {
    let (first, second) = (FakeNode::start().await, FakeNode::start().await);
    first.on_watch(Stage::Stream(vec![reset("a", 5)], End::Silence));
    second.on_watch(Stage::Stream(vec![version("a", 6)], End::Silence));
    let client = client_of(&[first.address(), second.address()]);
    let mut watch = client.watch(WatchOptions { heartbeat_interval_ms: 40, ..WatchOptions::of(["a"]) });
    let events = next(&mut watch, 3).await;
    assert_eq!(events, ["reset at 5", "interrupted: deadline-exceeded", "a at 6"]);
    assert_eq!((first.watched_from(), second.watched_from()), (vec![0], vec![6]));
}

#[tokio::test]
async fn a_node_that_goes_backwards_is_left() {
    let (first, second) = (FakeNode::start().await, FakeNode::start().await);
    first.on_watch(Stage::Stream(vec![version("a", 7), version("a", 6)], End::Silence));
    second.on_watch(Stage::Stream(vec![heartbeat(3), version("a", 8)], End::Silence));
    let client = client_of(&[first.address(), second.address()]);
    let mut watch = client.watch(WatchOptions::of(["a"]).from_revision(7));
    let events = next(&mut watch, 3).await;
    assert_eq!(events, ["a at 7", "interrupted: stream-broken", "a at 8"]);
}

#[tokio::test]
async fn what_no_retry_mends_ends_the_watch() {
    let node = FakeNode::start().await;
    let details = ErrorDetails::with_error_info(reason::NAMESPACE_NOT_FOUND, "conclave", []);
    node.on_watch(Stage::Refuse(Status::with_error_details(Code::NotFound, "no such namespace", details)));
    let watch = client_of(&[node.address()]).watch(WatchOptions::of(["a"]));
    let events: Vec<Result<WatchEvent, ClientError>> = watch.into_stream().collect().await;
    let [Err(error)] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(error.reason(), reason::NAMESPACE_NOT_FOUND);
}

#[tokio::test]
async fn a_dropped_wait_loses_no_event() {
    let node = FakeNode::start().await;
    node.on_watch(Stage::Stream((5..50).map(|revision| version("a", revision)).collect(), End::Silence));
    let mut watch = client_of(&[node.address()]).watch(WatchOptions::of(["a"]).from_revision(5));
    let mut events = next(&mut watch, 1).await;
    while events.len() < 45 {
        // Each wait is given up at its first pause, however little has come by then.
        tokio::select! {
            biased;
            event = watch.next() => events.push(told(event.unwrap())),
            () = tokio::task::yield_now() => {}
        }
    }
    assert_eq!(events, (5..50).map(|revision| format!("a at {revision}")).collect::<Vec<_>>());
    assert_eq!(node.watched_from(), [5]);
}
