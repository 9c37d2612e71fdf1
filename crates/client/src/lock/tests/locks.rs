//! Locks: the wait, the grant, and the loss.

use std::time::Duration;

use conclave_proto::lock::v1::acquire_response::Event;
use conclave_proto::lock::v1::{AcquireResponse, ForcedRelease, Lost, LostReason, lock_mode};
use futures::FutureExt as _;
use tokio::sync::mpsc;
use tonic::{Code, Status};

use super::fake_node::{FakeNode, Renewals, Teller, granted, refused, waiting};
use super::{TTL, session_of};
use crate::{LockGuard, LockLost, Session, SessionLostCause, reason};

/// A lock that is held, and where the node tells more of it.
async fn held(session: &Session, node: &FakeNode) -> (LockGuard, Teller<AcquireResponse>) {
    let teller = node.on_acquire();
    teller.send(granted(3, 5)).expect("the test holds the feed");
    (session.lock("orders/42").acquire().await.expect("it is granted"), teller)
}

/// The loss, which must come within a minute.
async fn lost(guard: &LockGuard) -> LockLost {
    tokio::time::timeout(Duration::from_secs(60), guard.lost()).await.expect("the loss is told")
}

fn told_lost(reason: LostReason, forced_release: Option<ForcedRelease>) -> AcquireResponse {
    AcquireResponse { event: Some(Event::Lost(Lost { reason: reason.into(), forced_release })) }
}

#[tokio::test(start_paused = true)]
async fn a_lock_is_waited_for_and_its_place_is_told() {
    let node = FakeNode::start();
    let (session, _clock) = session_of(&[&node]).await;
    let teller = node.on_acquire();
    for message in [waiting(3, 2), Ok(AcquireResponse::default()), waiting(3, 1)] {
        teller.send(message).expect("the test holds the feed");
    }
    let (place, mut places) = mpsc::unbounded_channel();
    let request = session.lock("orders/42").shared().wait(Duration::from_secs(60)).metadata("why");
    let mut asked =
        Box::pin(request.on_waiting(move |ahead| place.send(ahead).expect("it is read")).acquire());
    let last = async { while places.recv().await.expect("it waits") > 1 {} };
    tokio::select! {
        _ = &mut asked => panic!("it is not granted yet"),
        () = last => {}
    }
    teller.send(granted(3, 5)).expect("it waits");
    let guard = asked.await.expect("it is granted");
    assert_eq!((guard.name(), guard.token(), guard.is_held()), ("orders/42", 5, true));

    let (request, candidacy) = node.asked(|script| script.acquired[0].clone());
    assert!(
        !candidacy && matches!(request.mode.and_then(|mode| mode.mode), Some(lock_mode::Mode::Shared(_)))
    );
    assert_eq!((&*request.owner, &*request.metadata), ("worker-7", &b"why"[..]));
    assert_eq!((request.wait_ms, request.request_id.len()), (Some(60_000), 36));
}

#[tokio::test(start_paused = true)]
async fn a_wait_whose_stream_breaks_goes_on_elsewhere_with_its_ticket() {
    let nodes = [FakeNode::start(), FakeNode::start()];
    let (session, _clock) = session_of(&nodes.each_ref()).await;
    let (first, second) = (nodes[0].on_acquire(), nodes[1].on_acquire());
    first.send(waiting(3, 2)).expect("the test holds the feed");
    first.send(Err(Status::unavailable("the node stops"))).expect("the test holds the feed");
    second.send(waiting(3, 1)).expect("the test holds the feed");
    second.send(granted(3, 5)).expect("the test holds the feed");
    let guard = session.lock("orders/42").acquire().await.expect("it is granted");
    assert_eq!((guard.token(), guard.is_held()), (5, true));
    let asked = nodes.each_ref().map(|node| node.asked(|script| script.acquired.clone()));
    assert_eq!(asked[0][0].0.request_id, asked[1][0].0.request_id, "the same id finds the ticket");
    assert_eq!((asked[0].len(), asked[1].len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_holder_whose_stream_breaks_finds_its_grant_again_without_waiting() {
    let nodes = [FakeNode::start(), FakeNode::start()];
    let (session, _clock) = session_of(&nodes.each_ref()).await;
    let second = nodes[1].on_acquire();
    second.send(granted(3, 5)).expect("the test holds the feed");
    let (guard, first) = held(&session, &nodes[0]).await;
    drop(first);
    nodes[1].until(|script| script.acquired.len() == 1).await;
    let (first, again) = (&nodes[0], nodes[1].asked(|script| script.acquired[0].0.clone()));
    assert_eq!(again.request_id, first.asked(|script| script.acquired[0].0.request_id.clone()));
    assert_eq!(again.wait_ms, Some(0), "whoever lost it does not queue for it again");
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert!(guard.is_held() && guard.lost().now_or_never().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_is_granted_anew_has_lost_the_lock() {
    let node = FakeNode::start();
    let (session, _clock) = session_of(&[&node]).await;
    let (guard, first) = held(&session, &node).await;
    node.on_acquire().send(granted(8, 9)).expect("the test holds the feed");
    drop(first);
    assert!(matches!(lost(&guard).await, LockLost::Gone));
    assert!(!guard.is_held());
    drop(guard);
    node.until(|script| script.released.iter().any(|release| release.token == 9)).await;
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_is_not_found_again_has_lost_the_lock() {
    let node = FakeNode::start();
    let (session, _clock) = session_of(&[&node]).await;
    let (guard, first) = held(&session, &node).await;
    let again = node.on_acquire();
    again.send(Err(refused(Code::FailedPrecondition, reason::LOCK_HELD))).expect("the test holds the feed");
    drop(first);
    assert!(matches!(lost(&guard).await, LockLost::Gone));
}

#[tokio::test(start_paused = true)]
async fn a_release_by_force_ends_the_guard() {
    let node = FakeNode::start();
    let (session, _clock) = session_of(&[&node]).await;
    let (guard, teller) = held(&session, &node).await;
    let forced =
        ForcedRelease { token: 5, author: "ada".into(), reason: "stuck".into(), ..Default::default() };
    teller.send(Ok(told_lost(LostReason::Forced, Some(forced)))).expect("it is held");
    let lost = lost(&guard).await;
    assert!(matches!(&lost, LockLost::Forced(forced) if forced.author == "ada"));
    assert_eq!(lost.to_string(), "it was taken by force by \"ada\": stuck");
    assert!(!guard.is_held() && session.is_alive());
    guard.release().await.expect("there is nothing to release");
    assert!(node.asked(|script| script.released.is_empty()));
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_session_ends_the_guard() {
    let node = FakeNode::start();
    let (session, _clock) = session_of(&[&node]).await;
    let (guard, _teller) = held(&session, &node).await;
    node.does(|script| script.renewals = Renewals::Gone);
    let LockLost::Session(lost) = lost(&guard).await else { panic!("the session is lost") };
    assert!(matches!(lost.cause, SessionLostCause::Expired));
    assert!(!guard.is_held());

    let error = session.lock("orders/43").acquire().await.expect_err("there is no session");
    assert_eq!(error.reason(), reason::SESSION_LOST);
    assert_eq!(node.asked(|script| script.acquired.len()), 1, "no node is asked");
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_session_ends_a_wait() {
    let node = FakeNode::start();
    let (session, _clock) = session_of(&[&node]).await;
    let teller = node.on_acquire();
    teller.send(waiting(3, 2)).expect("the test holds the feed");
    node.does(|script| script.renewals = Renewals::Gone);
    let asked = tokio::time::timeout(Duration::from_secs(60), session.lock("orders/42").acquire());
    let error = asked.await.expect("it ends").expect_err("nothing was granted");
    assert_eq!(error.reason(), reason::SESSION_LOST);
    assert!(teller.is_closed(), "and so does its call");
}

#[tokio::test(start_paused = true)]
async fn a_session_is_closed_while_guards_are_kept() {
    let node = FakeNode::start();
    let (session, _clock) = session_of(&[&node]).await;
    let (forced, forcing) = held(&session, &node).await;
    forcing.send(Ok(told_lost(LostReason::Forced, None))).expect("it is held");
    assert!(matches!(lost(&forced).await, LockLost::Forced(_)));
    let (guard, teller) = held(&session, &node).await;
    session.close().await.expect("the node closes it");
    let LockLost::Session(lost) = lost(&guard).await else { panic!("the session is closed") };
    assert!(matches!(lost.cause, SessionLostCause::Closed));
    assert!(teller.is_closed(), "nothing is attended any more");
    guard.release().await.expect("it went with the session");
    assert!(node.asked(|script| script.released.is_empty()));
}

#[tokio::test(start_paused = true)]
async fn a_node_that_tells_the_end_of_the_session_is_believed() {
    let node = FakeNode::start();
    let (session, _clock) = session_of(&[&node]).await;
    let (guard, teller) = held(&session, &node).await;
    teller.send(Ok(told_lost(LostReason::SessionEnded, None))).expect("it is held");
    assert!(matches!(lost(&guard).await, LockLost::Session(_)));
    assert!(!session.is_alive());
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_stood_still_finds_out_first_thing() {
    let node = FakeNode::start();
    let (session, clock) = session_of(&[&node]).await;
    let (guard, _teller) = held(&session, &node).await;
    clock.stop_for(TTL);
    assert!(!guard.is_held());
    let lost = guard.lost().now_or_never().expect("it is told at once");
    assert!(matches!(lost, LockLost::Session(lost) if matches!(lost.cause, SessionLostCause::Paused)));
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_is_held_is_not_waited_for_by_a_try() {
    let node = FakeNode::start();
    let (session, _clock) = session_of(&[&node]).await;
    let teller = node.on_acquire();
    teller.send(Err(refused(Code::FailedPrecondition, reason::LOCK_HELD))).expect("the test holds the feed");
    assert!(session.lock("orders/42").try_acquire().await.expect("that is no error").is_none());
    assert_eq!(node.asked(|script| script.acquired[0].0.wait_ms), Some(0));
    node.on_acquire().send(granted(3, 5)).expect("the test holds the feed");
    let guard = session.lock("orders/42").try_acquire().await.expect("it is granted");
    assert_eq!(guard.map(|guard| guard.token()), Some(5));
}
