//! Leases in time, on a node that is a cluster by itself.

use std::time::Duration;

use conclave_core::lease;
use conclave_mvcc::ReadMap;
use conclave_raft::ProposeError;
use tokio::time::{Instant, timeout};

use super::clock::STEP_MAX;
use super::keeper::{confirm, end, load, note, settled};
use crate::alarms::Alarm;
use crate::handle::NodeHandle;
use crate::locks::tests::{note_left, open, session, soon};
use crate::read::Consistency;
use crate::test_node::start;

/// What is noted to be left of a session.
async fn noted(node: &NodeHandle, number: u64) -> Option<u64> {
    let get = move |view: &dyn ReadMap| lease::get(view, session(number));
    let lease = node.read(Consistency::Linearizable, soon(), get).await.unwrap();
    lease.expect("there is such a session").remaining_ms
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_noted_while_a_session_is_renewed_is_not_all_that_the_next_leader_learns() {
    let folder = tempfile::tempdir().unwrap();
    let node = start(folder.path()).await;
    let handle = node.handle();
    open(&handle, 1, 3_600_000).await;
    // The leader is about to note what is left.
    let noting = handle.shared.noting.write().await;
    let mut renewing = Box::pin(handle.renew(session(1), soon()));
    let waits = timeout(Duration::from_millis(300), &mut renewing).await;
    assert!(waits.is_err(), "the next leader could not tell that it was renewed: {waits:?}");
    note_left(&handle, 1, 100).await;
    drop(noting);
    assert_eq!(renewing.await, Ok(Some(3_600_000)));
    assert_eq!(noted(&handle, 1).await, None);
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_is_not_noted_while_a_session_is_renewed() {
    let folder = tempfile::tempdir().unwrap();
    let node = start(folder.path()).await;
    let handle = node.handle();
    open(&handle, 1, 3_600_000).await;
    assert_eq!(handle.renew(session(1), soon()).await, Ok(Some(3_600_000)));
    // More than a minute passes for the clock.
    let began = Instant::now();
    for step in 1..=121 {
        let mut leases = handle.shared.leases.lock();
        leases.as_mut().expect("it leads").clock.advance(began + step * STEP_MAX);
    }
    let term = handle.shared.consensus.term_led().expect("it leads");
    let renewing = handle.shared.noting.read().await;
    let mut noting = Box::pin(note(&handle.shared, term));
    assert!(timeout(Duration::from_millis(300), &mut noting).await.is_err());
    assert_eq!(noted(&handle, 1).await, None);
    drop(renewing);
    assert!(noting.await.is_ok());
    assert!(noted(&handle, 1).await.is_some_and(|left_ms| left_ms < 3_600_000 - 60_000));
    // Renewed once more, all of it is left again.
    assert_eq!(handle.renew(session(1), soon()).await, Ok(Some(3_600_000)));
    assert_eq!(noted(&handle, 1).await, None);
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_can_be_renewed_no_time_passes() {
    let folder = tempfile::tempdir().unwrap();
    let node = start(folder.path()).await;
    let shared = &node.handle().shared;
    assert!(confirm(shared).await.is_ok());
    shared.alarms.send_modify(|alarms| {
        alarms.raised.insert(Alarm::Corrupt);
    });
    assert!(confirm(shared).await.is_err(), "its data is wrong: it renews nobody, and ends nobody");
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_leader_gives_an_elections_time_beyond_what_was_noted() {
    let folder = tempfile::tempdir().unwrap();
    let node = start(folder.path()).await;
    let handle = node.handle();
    open(&handle, 1, 3_600_000).await;
    note_left(&handle, 1, 2_000).await;
    let (kept, _) = load(&handle.shared, 1).await.unwrap();
    let left_ms = kept.clock.left_ms(session(1), Instant::now()).unwrap();
    let grace_ms = u64::try_from(handle.shared.lease_grace.as_millis()).unwrap();
    assert!((2_001..=2_000 + grace_ms).contains(&left_ms), "{left_ms}");
    node.shutdown().await;
}

#[test]
fn an_end_of_unknown_outcome_is_the_end_of_the_clock() {
    assert!(
        settled(Err(ProposeError::OutcomeUnknown)).is_err(),
        "they may have ended, and may not be renewed"
    );
    assert_eq!(settled(Err(ProposeError::NoLeader)).unwrap(), None, "nothing has come of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leads_no_more_ends_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let node = start(folder.path()).await;
    let handle = node.handle();
    open(&handle, 1, 3_600_000).await;
    let term = handle.shared.consensus.term_led().expect("it leads");
    assert!(end(&handle.shared, term + 1, vec![session(1)]).await.is_err(), "its term is another one");
    assert_eq!(noted(&handle, 1).await, None, "it lives");
    assert!(end(&handle.shared, term, vec![session(1)]).await.unwrap(), "it leads");
    assert_eq!(handle.renew(session(1), soon()).await, Ok(None));
    node.shutdown().await;
}
