//! Watches of locks.

use conclave_proto::lock::v1::watch_locks_response::Event;
use conclave_proto::lock::v1::{Lock, LockChange, LocksState, WatchLocksRequest, WatchLocksResponse};
use tokio::sync::mpsc;

use super::client_of;
use super::fake_node::{FakeNode, Teller};
use crate::LockEvent;

fn on_watch(node: &FakeNode) -> Teller<WatchLocksResponse> {
    let (teller, feed) = mpsc::unbounded_channel();
    node.does(|script| script.watches.push_back(feed));
    teller
}

fn state(name: &str, more: bool) -> WatchLocksResponse {
    let locks = vec![Lock { name: name.into(), ..Default::default() }];
    WatchLocksResponse { event: Some(Event::State(LocksState { locks, more })), revision: 3 }
}

fn change(name: &str) -> WatchLocksResponse {
    let change = LockChange { name: name.into(), change: None };
    WatchLocksResponse { event: Some(Event::Change(change)), revision: 4 }
}

/// What an event tells, in short.
fn short(event: LockEvent) -> String {
    match event {
        LockEvent::State { locks, revision } => {
            let names: Vec<_> = locks.into_iter().map(|lock| lock.name).collect();
            format!("{} at {revision}", names.join(" "))
        }
        LockEvent::Change { change, revision } => format!("{} changed at {revision}", change.name),
        LockEvent::Interrupted { .. } => "interrupted".into(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_tells_the_whole_state_then_changes_and_begins_anew_after_a_loss() {
    let nodes = [FakeNode::start(), FakeNode::start()];
    let (first, second) = (on_watch(&nodes[0]), on_watch(&nodes[1]));
    for message in [state("a", true), state("b", false), change("a"), state("c", true)] {
        first.send(Ok(message)).expect("the test holds the feed");
    }
    drop(first);
    second.send(Ok(WatchLocksResponse::default())).expect("the test holds the feed");
    second.send(Ok(state("d", false))).expect("the test holds the feed");
    let request = WatchLocksRequest { name: String::new(), prefix: true };
    let mut watch = client_of(&nodes.each_ref()).watch_locks(request);
    for expected in ["a b at 3", "a changed at 4", "interrupted", "d at 3"] {
        assert_eq!(short(watch.next().await.expect("some node tells")), expected);
    }
}
