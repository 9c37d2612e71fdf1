//! Sessions: when they are renewed, and when their loss is told.

use std::time::Duration;

use futures::FutureExt as _;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::fake_node::{FakeNode, Renewals};
use super::fake_service::SESSION;
use super::{TTL, session_of};
use crate::{SessionLost, SessionLostCause};

/// The loss, which must come within a minute.
async fn lost(lost: impl Future<Output = SessionLost>) -> SessionLost {
    tokio::time::timeout(Duration::from_secs(60), lost).await.expect("the loss is told")
}

#[tokio::test(start_paused = true)]
async fn it_is_renewed_every_third_of_its_ttl() {
    let node = FakeNode::start();
    let opened = Instant::now();
    let (session, _clock) = session_of(&[&node]).await;
    assert_eq!((session.id(), session.ttl()), (SESSION, TTL));
    node.until(|script| script.renewed.len() == 12).await;
    let renewed: Vec<_> = node.asked(|script| script.renewed.clone());
    for (at, expected_s) in renewed.iter().zip((5..).step_by(5)) {
        let off = at.duration_since(opened).as_millis().abs_diff(expected_s * 1_000);
        assert!(off < 50, "{off} ms from {expected_s} s");
    }
    assert!(session.is_alive());
}

#[tokio::test(start_paused = true)]
async fn its_loss_is_told_before_the_cluster_can_have_ended_it() {
    let nodes = [FakeNode::start(), FakeNode::start(), FakeNode::start()];
    let (session, _clock) = session_of(&nodes.each_ref()).await;
    nodes[0].until(|script| script.renewed.len() == 3).await;
    let last = Instant::now();
    for node in &nodes {
        node.does(|script| script.renewals = Renewals::Silence);
    }

    let lost = lost(session.lost()).await;
    let after = last.elapsed();
    assert!(after <= TTL - TTL / 10, "told {after:?} after the last renewal that was answered");
    assert!(after > TTL * 4 / 5, "and not without need: {after:?}");
    assert!(matches!(lost.cause, SessionLostCause::Unreachable { .. }), "{lost}");
    assert!(!session.is_alive());
    let asked = nodes.each_ref().map(|node| node.asked(|script| script.renewed.len()));
    assert!(asked[1] > 0 && asked[2] > 0, "all nodes are asked: {asked:?}");
}

#[tokio::test(start_paused = true)]
async fn a_renewal_holds_from_when_it_was_sent() {
    let node = FakeNode::start();
    let (session, _clock) = session_of(&[&node]).await;
    node.does(|script| script.renewals = Renewals::Late);
    node.until(|script| script.renewed.len() == 2).await;
    let sent = Instant::now();
    // This one is answered still; by then the node takes no more.
    node.does(|script| script.renewals = Renewals::Silence);
    lost(session.lost()).await;
    let after = sent.elapsed();
    assert!(after > TTL * 4 / 5 && after <= TTL - TTL / 10, "{after:?}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_after_the_loss_changes_nothing() {
    let node = FakeNode::start();
    let (session, clock) = session_of(&[&node]).await;
    node.does(|script| script.renewals = Renewals::Late);
    node.until(|script| script.renewed.len() == 1).await;
    clock.stop_for(TTL);
    assert!(!session.is_alive());
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(!session.is_alive());
}

#[tokio::test(start_paused = true)]
async fn a_node_that_cannot_renew_is_left_for_one_that_can() {
    let nodes = [FakeNode::start(), FakeNode::start()];
    let (session, _clock) = session_of(&nodes.each_ref()).await;
    for stopped in [Renewals::Silence, Renewals::Refused] {
        nodes[0].does(|script| script.renewals = stopped);
        let before = nodes[1].asked(|script| script.renewed.len());
        nodes[1].until(|script| script.renewed.len() >= before + 5).await;
        assert!(session.is_alive(), "{stopped:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_process_that_stood_still_finds_out_first_thing() {
    let node = FakeNode::start();
    let (session, clock) = session_of(&[&node]).await;
    node.until(|script| script.renewed.len() == 2).await;
    clock.stop_for(Duration::from_secs(8));
    assert!(session.is_alive() && session.lost().now_or_never().is_none(), "that was not long enough");

    let mut waits = std::pin::pin!(session.lost());
    assert!(waits.as_mut().now_or_never().is_none());
    clock.stop_for(Duration::from_secs(6));
    let before = node.asked(|script| script.renewed.len());
    let lost = waits.now_or_never().expect("whoever waits already is told at once");
    assert!(matches!(lost.cause, SessionLostCause::Paused), "{lost}");
    assert!(!session.is_alive() && session.lost().now_or_never().is_some());
    assert_eq!(node.asked(|script| script.renewed.len()), before, "no node was asked");

    tokio::time::sleep(TTL).await;
    assert!(!session.is_alive(), "what is lost stays lost");
    assert_eq!(node.asked(|script| script.renewed.len()), before, "and is not renewed");
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_slept_is_noticed_though_timers_stood_still() {
    let node = FakeNode::start();
    let (session, clock) = session_of(&[&node]).await;
    let mut waits = JoinSet::new();
    waits.spawn(async move { session.lost().await });
    tokio::task::yield_now().await;
    clock.stop_for(TTL);
    let stopped = Instant::now();
    waits.join_next().await.expect("it waits").expect("it ends");
    assert!(stopped.elapsed() <= Duration::from_secs(1), "{:?}", stopped.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_session_that_the_cluster_ended_is_lost() {
    let node = FakeNode::start();
    let (session, _clock) = session_of(&[&node]).await;
    node.does(|script| script.renewals = Renewals::Gone);
    let lost = lost(session.lost()).await;
    assert!(matches!(lost.cause, SessionLostCause::Expired), "{lost}");
    assert_eq!(lost.session_id, SESSION);
    session.close().await.expect("there is nothing to close");
    assert!(node.asked(|script| script.closed.is_empty()));
}

#[tokio::test(start_paused = true)]
async fn it_is_closed_when_it_is_let_go() {
    let node = FakeNode::start();
    let (session, _clock) = session_of(&[&node]).await;
    session.close().await.expect("the node closes it");
    assert_eq!(node.asked(|script| script.closed.clone()), [SESSION]);

    let (session, _clock) = session_of(&[&node]).await;
    drop(session);
    node.until(|script| script.closed.len() == 2).await;
    let renewed = node.asked(|script| script.renewed.len());
    tokio::time::sleep(TTL).await;
    assert_eq!(node.asked(|script| script.renewed.len()), renewed, "the keeper has ended");
}
