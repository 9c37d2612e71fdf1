//! How a lock, or a place in its queue, is given back.

use std::time::Duration;

use conclave_proto::lock::v1::ReleaseRequest;
use tonic::Code;

use super::fake_node::{FakeNode, granted, refused, waiting};
use super::fake_service::SESSION;
use super::session_of;
use crate::{LockGuard, Session, reason};

async fn held(session: &Session, node: &FakeNode) -> LockGuard {
    node.on_acquire().send(granted(3, 5)).expect("the test holds the feed");
    session.lock("orders/42").acquire().await.expect("it is granted")
}

fn release(token: u64, ticket: u64) -> ReleaseRequest {
    ReleaseRequest { name: "orders/42".into(), session_id: SESSION, token, ticket }
}

#[tokio::test(start_paused = true)]
async fn a_guard_releases_its_grant() {
    let node = FakeNode::start();
    let (session, _clock) = session_of(&[&node]).await;
    held(&session, &node).await.release().await.expect("the node releases it");
    assert_eq!(node.asked(|script| script.released.clone()), [release(5, 0)]);
    drop(held(&session, &node).await);
    node.until(|script| script.released.len() == 2).await;
    assert_eq!(node.asked(|script| script.released.clone()), [release(5, 0), release(5, 0)]);
}

#[tokio::test(start_paused = true)]
async fn a_release_that_fails_for_now_goes_on_while_the_session_lives() {
    let node = FakeNode::start();
    let (session, _clock) = session_of(&[&node]).await;
    let guard = held(&session, &node).await;
    // More often than one call tries.
    node.does(|script| script.releases_refused = 120);
    let error = guard.release().await.expect_err("no node releases it in time");
    assert_eq!(error.reason(), reason::NO_LEADER);
    node.until(|script| script.released.len() == 1).await;
    assert_eq!(node.asked(|script| script.released.clone()), [release(5, 0)]);
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_dropped_leaves_the_queue() {
    let node = FakeNode::start();
    let (session, _clock) = session_of(&[&node]).await;
    let teller = node.on_acquire();
    teller.send(waiting(3, 2)).expect("the test holds the feed");
    let (told, mut hears) = tokio::sync::mpsc::unbounded_channel();
    let asked = session.lock("orders/42").on_waiting(move |_| told.send(()).expect("it is read")).acquire();
    tokio::select! {
        _ = asked => panic!("it is not granted"),
        heard = hears.recv() => heard.expect("it waits"),
    }
    node.until(|script| script.released.len() == 1).await;
    assert_eq!(node.asked(|script| script.released.clone()), [release(0, 3)]);
    assert!(teller.is_closed(), "and its call has ended");
}

#[tokio::test(start_paused = true)]
async fn a_question_that_is_dropped_unanswered_is_settled_under_its_id() {
    let node = FakeNode::start();
    let (session, _clock) = session_of(&[&node]).await;
    node.does(|script| script.try_token = Some(6));
    tokio::select! {
        _ = session.lock("orders/42").acquire() => panic!("it is not granted"),
        () = node.until(|script| script.acquired.len() == 1) => {}
    }
    node.until(|script| script.released.len() == 1).await;
    assert_eq!(node.asked(|script| script.released.clone()), [release(6, 0)]);
    let ids =
        node.asked(|script| (script.acquired[0].0.request_id.clone(), script.tried[0].request_id.clone()));
    assert_eq!(ids.0, ids.1);
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_though_no_node_says_so() {
    let node = FakeNode::start();
    let (session, _clock) = session_of(&[&node]).await;
    let teller = node.on_acquire();
    teller.send(waiting(3, 2)).expect("the test holds the feed");
    let asked = session.lock("orders/42").wait(Duration::from_secs(2)).acquire();
    let error = tokio::time::timeout(Duration::from_secs(20), asked).await.expect("it ends");
    assert_eq!(error.expect_err("nothing was granted").code(), Code::DeadlineExceeded);
    node.until(|script| script.released.len() == 1).await;
    assert_eq!(node.asked(|script| script.released.clone()), [release(0, 3)]);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_leaves_nothing_to_give_back() {
    let node = FakeNode::start();
    let (session, _clock) = session_of(&[&node]).await;
    let teller = node.on_acquire();
    teller.send(waiting(3, 2)).expect("the test holds the feed");
    let over = refused(Code::FailedPrecondition, reason::LOCK_WAIT_OVER);
    teller.send(Err(over)).expect("the test holds the feed");
    let error = session.lock("orders/42").acquire().await.expect_err("the wait is over");
    assert!(error.is_lock_busy());
    session.close().await.expect("it is closed, and waits for what attends tickets");
    assert!(node.asked(|script| script.released.is_empty() && script.tried.is_empty()));
}
