//! Leases and locks on a node that is a cluster by itself.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use conclave_core::lease::{CheckpointLeases, GrantLease, LeaseCommand, LeaseOutcome};
use conclave_core::lock::{
    Abandon, Acquire, Acquired, LockCommand, LockOutcome, Mode, Release, Standing, Wait, Which, queue,
};
use conclave_core::{Answer, Command, LeaseId, LockName, Outcome, RequestId, TicketId, lease};
use conclave_mvcc::ReadMap;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::attend::Place;
use crate::handle::NodeHandle;
use crate::read::Consistency;
use crate::test_node::start;

pub(crate) fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

pub(crate) fn session(number: u64) -> LeaseId {
    LeaseId::new(number).unwrap()
}

fn name() -> LockName {
    LockName::parse("a/lock").unwrap()
}

pub(crate) async fn propose(node: &NodeHandle, command: Command) -> Answer {
    let id = RequestId::parse(&format!("{:x}", rand::random::<u128>())).unwrap();
    node.propose(id, command, soon()).await.unwrap()
}

pub(crate) async fn open(node: &NodeHandle, number: u64, ttl_ms: u64) {
    let (owner, metadata) = (String::new(), BTreeMap::new());
    let grant = LeaseCommand::Grant(GrantLease { id: session(number), ttl_ms, owner, metadata });
    let answer = propose(node, Command::Lease(grant)).await;
    assert!(matches!(answer, Ok(Outcome::Lease(LeaseOutcome::Granted(_)))), "{answer:?}");
}

fn given_up(number: u64, ticket: TicketId, call: u64) -> Abandon {
    Abandon { name: name(), session: session(number), ticket, call, unanswered: false }
}

/// The place of a call.
fn place() -> OwnedSemaphorePermit {
    Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap()
}

async fn acquire(node: &NodeHandle, number: u64, call: u64) -> Acquired {
    let acquire = Acquire {
        name: name(),
        session: session(number),
        mode: Mode::Exclusive,
        wait: Wait::Forever,
        owner: String::new(),
        metadata: Bytes::new(),
        request_id: RequestId::parse("r").unwrap(),
        call,
    };
    match propose(node, Command::Lock(LockCommand::Acquire(acquire))).await {
        Ok(Outcome::Lock(LockOutcome::Acquired(acquired))) => acquired,
        other => panic!("{other:?}"),
    }
}

async fn read<T: Send + 'static>(
    node: &NodeHandle,
    read: impl Fn(&dyn ReadMap) -> Result<T, conclave_mvcc::MapError> + Send + 'static,
) -> T {
    node.read(Consistency::Linearizable, soon(), read).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_renewed_lives_and_who_is_not_makes_room_for_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let node = start(folder.path()).await;
    let handle = node.handle();
    open(&handle, 1, 500).await;
    open(&handle, 2, 60_000).await;
    let first = acquire(&handle, 1, 1).await;
    assert!(matches!(first.standing, Standing::Granted(_)));
    let second = acquire(&handle, 2, 2).await;
    assert_eq!(second.standing, Standing::Waiting { ahead: 0 });
    let mut attended = handle.attend(name(), session(2), second.ticket);
    // For three times its TTL it is renewed, and nothing comes of the other's waiting.
    let renewed_until = Instant::now() + Duration::from_millis(1_500);
    while Instant::now() < renewed_until {
        assert_eq!(handle.renew(session(1), soon()).await, Ok(Some(500)));
        assert_eq!(handle.time_left(vec![session(9)], soon()).await, Ok(vec![None]));
    }
    let left = handle.time_left(vec![session(1), session(2)], soon()).await.unwrap();
    assert!(left[0].is_some_and(|left| left <= 500) && left[1].is_some_and(|left| left > 50_000), "{left:?}");
    let granted = loop {
        let state = tokio::time::timeout_at(soon(), attended.changed()).await.unwrap().unwrap();
        match state.place {
            Place::Held => break state.granted.unwrap(),
            Place::Waiting { .. } => {}
            other => panic!("{other:?}"),
        }
    };
    let Standing::Granted(before) = first.standing else { panic!("it was granted") };
    assert!(granted.token > before.token);
    assert_eq!(handle.renew(session(1), soon()).await, Ok(None), "it has ended");
    assert_eq!(read(&handle, lease::count).await, 1);
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_costs_no_entry_of_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let node = start(folder.path()).await;
    let handle = node.handle();
    open(&handle, 1, 60_000).await;
    let before = handle.shared.consensus.status().last_log_index;
    for _ in 0..100 {
        assert_eq!(handle.renew(session(1), soon()).await, Ok(Some(60_000)));
    }
    assert_eq!(handle.shared.consensus.status().last_log_index, before);
    node.shutdown().await;
}

/// Notes what is left of a session, as its leader does of long ones.
pub(crate) async fn note_left(node: &NodeHandle, number: u64, left_ms: u64) {
    let term = node.shared.consensus.term_led().unwrap();
    let remaining = vec![(session(number), Some(left_ms))];
    let noted = LeaseCommand::Checkpoint(CheckpointLeases { term, remaining });
    propose(node, Command::Lease(noted)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_leader_goes_on_with_what_was_left_unless_it_was_renewed_since() {
    let folder = tempfile::tempdir().unwrap();
    let node = start(folder.path()).await;
    let handle = node.handle();
    for number in 1..=2 {
        open(&handle, number, 3_600_000).await;
        note_left(&handle, number, 100).await;
    }
    assert_eq!(handle.renew(session(2), soon()).await, Ok(Some(3_600_000)));
    let noted = read(&handle, |view| lease::get(view, session(2))).await.unwrap().remaining_ms;
    assert_eq!(noted, None, "all of it is left again, also for the next leader");
    node.shutdown().await;
    // It holds the stores.
    drop(handle);

    let node = start(folder.path()).await;
    let handle = node.handle();
    let deadline = soon();
    while read(&handle, lease::count).await > 1 {
        assert!(Instant::now() < deadline, "it lives its whole TTL again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let left = handle.time_left(vec![session(1), session(2)], soon()).await.unwrap();
    assert!(left[0].is_none() && left[1].is_some_and(|left| left > 3_000_000), "{left:?}");
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiter_whose_call_ends_leaves_the_queue_unless_another_call_attends_it() {
    let folder = tempfile::tempdir().unwrap();
    let node = start(folder.path()).await;
    let handle = node.handle();
    for number in 1..=3 {
        open(&handle, number, 60_000).await;
    }
    acquire(&handle, 1, 1).await;
    let (second, third) = (acquire(&handle, 2, 2).await, acquire(&handle, 3, 3).await);
    let again = acquire(&handle, 2, 20).await;
    assert_eq!((again.ticket, again.standing), (second.ticket, Standing::Waiting { ahead: 0 }));
    let mut third_attended = handle.attend(name(), session(3), third.ticket);
    let abandon = |number, ticket, call| {
        handle.abandon(given_up(number, ticket, call), place());
    };
    // The call before the retry: its end changes nothing. That of the other ends its waiting.
    abandon(2, second.ticket, 2);
    abandon(3, third.ticket, 3);
    loop {
        let state = tokio::time::timeout_at(soon(), third_attended.changed()).await.unwrap().unwrap();
        if state.place == Place::Gone {
            assert_eq!(state.granted, None);
            break;
        }
    }
    assert_eq!(read(&handle, |view| queue(view, &name(), 10)).await, [second.ticket]);
    let mut attended = handle.attend(name(), session(2), second.ticket);
    let release = Release { name: name(), session: session(1), which: Which::All };
    propose(&handle, Command::Lock(LockCommand::Release(release))).await.unwrap();
    loop {
        let state = tokio::time::timeout_at(soon(), attended.changed()).await.unwrap().unwrap();
        if state.place == Place::Held {
            break;
        }
    }
    node.shutdown().await;
    assert!(attended.changed().await.is_err(), "the node stops");
}
