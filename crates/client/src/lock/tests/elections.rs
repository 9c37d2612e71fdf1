//! Elections: the candidacy, the value, and what observers see.

use std::time::Duration;

use conclave_proto::config::v1::{CommitRequest, HeldLock};
use conclave_proto::lock::v1::{Holder, ObserveResponse};
use futures::FutureExt as _;
use tokio::sync::mpsc;

use super::fake_node::{FakeNode, Teller, granted, waiting};
use super::{client_of, session_of};
use crate::Fenced as _;

#[tokio::test(start_paused = true)]
async fn a_leader_tells_its_value_and_resigns() {
    let node = FakeNode::start();
    let (session, _clock) = session_of(&[&node]).await;
    let teller = node.on_acquire();
    teller.send(granted(3, 5)).expect("the test holds the feed");
    let election = session.election("scheduler").wait(Duration::from_secs(9));
    let leader = election.campaign("node-a").await.expect("it wins");
    let (asked, candidacy) = node.asked(|script| script.acquired[0].clone());
    assert!(candidacy && leader.is_leader() && leader.lost().now_or_never().is_none());
    assert_eq!((&*asked.metadata, asked.wait_ms, &*asked.owner), (&b"node-a"[..], Some(9_000), "worker-7"));

    leader.proclaim("node-a:80").await.expect("it leads");
    let told = node.asked(|script| script.proclaimed[0].clone());
    assert_eq!((&*told.name, told.token, &*told.value), ("scheduler", 5, &b"node-a:80"[..]));

    let fenced = CommitRequest::default().held(&leader);
    assert_eq!(fenced.held_locks, [HeldLock { name: "scheduler".into(), token: 5 }]);
    leader.resign().await.expect("the node takes it");
    assert_eq!(node.asked(|script| (script.released[0].token, script.released[0].ticket)), (5, 0));
}

#[tokio::test(start_paused = true)]
async fn a_candidate_is_told_its_place_each_time_it_stands() {
    let node = FakeNode::start();
    let (session, _clock) = session_of(&[&node]).await;
    let (place, mut places) = mpsc::unbounded_channel();
    let election = session.election("scheduler").on_waiting(move |ahead| {
        place.send(ahead).expect("it is read");
    });
    for (ticket, ahead) in [(3, 2), (4, 1)] {
        let teller = node.on_acquire();
        teller.send(waiting(ticket, ahead)).expect("the test holds the feed");
        let mut standing = Box::pin(election.campaign("node-a"));
        tokio::select! {
            _ = &mut standing => panic!("it is not won yet"),
            told = places.recv() => assert_eq!(told, Some(ahead)),
        }
        teller.send(granted(ticket, 5)).expect("it stands");
        standing.await.expect("it wins").resign().await.expect("the node takes it");
    }
}

fn led(by: Option<&str>, revision: u64) -> ObserveResponse {
    let leader = by.map(|value| Holder { metadata: value.to_owned().into(), ..Default::default() });
    ObserveResponse { leader, revision, heartbeat: false }
}

fn on_observe(node: &FakeNode) -> Teller<ObserveResponse> {
    let (teller, feed) = mpsc::unbounded_channel();
    node.does(|script| script.observations.push_back(feed));
    teller
}

#[tokio::test(start_paused = true)]
async fn an_observer_sees_each_change_once_whatever_node_tells_it() {
    let nodes = [FakeNode::start(), FakeNode::start()];
    let (first, second) = (on_observe(&nodes[0]), on_observe(&nodes[1]));
    first.send(Ok(led(None, 3))).expect("the test holds the feed");
    first.send(Ok(led(Some("a"), 4))).expect("the test holds the feed");
    first.send(Ok(ObserveResponse { heartbeat: true, ..led(None, 5) })).expect("the test holds the feed");
    drop(first);
    // The other node is behind at first, then tells what is known, then what is new.
    for message in [led(None, 3), led(Some("a"), 5), led(Some("b"), 6)] {
        second.send(Ok(message)).expect("the test holds the feed");
    }
    let mut observer = client_of(&nodes.each_ref()).observe("scheduler");
    for (leader, revision) in [(None, 3), (Some("a"), 4), (Some("b"), 6)] {
        let told = observer.next().await.expect("some node tells");
        let value = told.leader.map(|leader| leader.metadata);
        assert_eq!((value.as_deref(), told.revision), (leader.map(str::as_bytes), revision));
    }
}
