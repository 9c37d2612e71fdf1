//! Calls for locks that end, or come twice, while the node stops, cannot propose, or has not seen all that happened.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use conclave_core::lock::{
    Abandon, Acquire, LockCommand, LockOutcome, Mode, Release, Standing, Wait, Which, queue, tickets_of,
};
use conclave_core::{Answer, Command, LockName, Outcome, Rejection, RequestId, TicketId};
use conclave_mvcc::{ReadMap, Revision};
use tokio::sync::Semaphore;
use tokio::time::timeout_at;

use super::attend::{Attended, Place};
use super::tests::{open, propose, session, soon};
use crate::handle::NodeHandle;
use crate::read::Consistency;
use crate::test_node::start;

/// More than a node of the tests proposes at once: some wait, and are tried again.
const WAITERS: u64 = 40;

fn name() -> LockName {
    LockName::parse("a/lock").unwrap()
}

/// Asks for the lock.
fn asked(call: u64) -> Acquire {
    Acquire {
        name: name(),
        session: session(1),
        mode: Mode::Exclusive,
        wait: Wait::Forever,
        owner: String::new(),
        metadata: Bytes::new(),
        request_id: RequestId::parse(&format!("r{call}")).unwrap(),
        call,
    }
}

fn ticket(answer: Answer) -> (TicketId, Standing) {
    match answer {
        Ok(Outcome::Lock(LockOutcome::Acquired(acquired))) => (acquired.ticket, acquired.standing),
        other => panic!("{other:?}"),
    }
}

async fn waiting(node: &NodeHandle) -> usize {
    let read = |view: &dyn ReadMap| queue(view, &name(), 1_000);
    node.read(Consistency::Linearizable, soon(), read).await.unwrap().len()
}

/// How many tickets the session has.
async fn tickets(node: &NodeHandle) -> u64 {
    let read = |view: &dyn ReadMap| tickets_of(view, session(1));
    node.read(Consistency::Linearizable, soon(), read).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_calls_leave_to_a_node_that_stops_is_given_up_before_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let node = start(folder.path()).await;
    let handle = node.handle();
    open(&handle, 1, 3_600_000).await;
    let mut tickets = Vec::new();
    for call in 0..=WAITERS {
        tickets.push(ticket(propose(&handle, Command::Lock(LockCommand::Acquire(asked(call)))).await).0);
    }
    assert_eq!(waiting(&handle).await as u64, WAITERS);
    let places = Arc::new(Semaphore::new(100));
    for (call, ticket) in (0..).zip(tickets).skip(1) {
        let place = Arc::clone(&places).try_acquire_owned().unwrap();
        handle.abandon(Abandon { name: name(), session: session(1), ticket, call, unanswered: false }, place);
    }
    node.shutdown().await;
    assert_eq!(places.available_permits(), 100, "each has its place until its ticket is given up");
    drop(handle);

    let node = start(folder.path()).await;
    assert_eq!(waiting(&node.handle()).await, 0);
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_keeps_the_place_of_its_call_until_it_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let node = start(folder.path()).await;
    let handle = node.handle();
    open(&handle, 1, 3_600_000).await;
    let places = Arc::new(Semaphore::new(1));
    // Nothing can be proposed now.
    let (shared, most) = (Arc::clone(&handle.shared), u32::try_from(handle.shared.proposals_max).unwrap());
    let all = shared.proposals.acquire_many(most).await.unwrap();
    let request_id = RequestId::parse("internal").unwrap();
    handle.give_up(request_id.clone(), asked(1), Arc::clone(&places).try_acquire_owned().unwrap());
    assert!(Arc::clone(&places).try_acquire_owned().is_err());
    drop(all);
    let free = timeout_at(soon(), places.acquire()).await;
    assert!(free.is_ok(), "it is given up");
    // Nothing came of it, and nothing ever will, should it still come.
    let late =
        handle.propose(request_id, Command::Lock(LockCommand::Acquire(asked(1))), soon()).await.unwrap();
    assert!(matches!(late, Err(Rejection::RequestIdReused { .. })), "{late:?}");
    assert_eq!(tickets(&handle).await, 0);
    node.shutdown().await;
}

/// The most that a proposal is woken before it is dropped; on a node alone it takes fewer.
const WAKES_MAX: usize = 12;

/// Polls until it is ready, or was woken so often; tells whether it is.
async fn woken(polled: impl Future, wakes: usize) -> bool {
    let mut polled = pin!(polled);
    let mut left = wakes;
    poll_fn(|context| match left {
        0 => Poll::Ready(false),
        _ => {
            left -= 1;
            polled.as_mut().poll(context).map(|_| true)
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_ends_at_any_moment_of_its_proposal_leaves_no_ticket() {
    let folder = tempfile::tempdir().unwrap();
    let node = start(folder.path()).await;
    let handle = node.handle();
    open(&handle, 1, 3_600_000).await;
    let places = Arc::new(Semaphore::new(1));
    for wakes in 0..WAKES_MAX {
        let id = RequestId::parse(&format!("internal-{wakes}")).unwrap();
        let acquire = asked(wakes as u64);
        let command = Command::Lock(LockCommand::Acquire(acquire.clone()));
        let is_answered = woken(Box::pin(handle.propose(id.clone(), command, soon())), wakes).await;
        assert!(is_answered || wakes + 1 < WAKES_MAX, "the last is answered, and given up all the same");
        handle.give_up(id, acquire, Arc::clone(&places).try_acquire_owned().unwrap());
        timeout_at(soon(), places.acquire()).await.expect("it is given up").unwrap().forget();
        assert_eq!(tickets(&handle).await, 0, "{wakes}");
        places.add_permits(1);
    }
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_late_and_is_given_up_is_not_taken_from_the_call_that_was_made_in_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let node = start(folder.path()).await;
    let handle = node.handle();
    open(&handle, 1, 3_600_000).await;
    let retried = ask(&handle, 2).await;
    let late = Acquire { call: 1, ..asked(2) };
    let id = RequestId::parse("internal").unwrap();
    let command = Command::Lock(LockCommand::Acquire(late.clone()));
    assert_eq!(ticket(handle.propose(id.clone(), command, soon()).await.unwrap()).0, retried);
    let places = Arc::new(Semaphore::new(1));
    let place = || Arc::clone(&places).try_acquire_owned().unwrap();
    handle.give_up(id, late, place());
    drop(timeout_at(soon(), places.acquire()).await.expect("it is given up"));
    assert_eq!(tickets(&handle).await, 1, "it is the other call's");
    let given_up = Abandon { name: name(), session: session(1), ticket: retried, call: 2, unanswered: false };
    handle.abandon(given_up, place());
    drop(timeout_at(soon(), places.acquire()).await.expect("it is given up"));
    assert_eq!(tickets(&handle).await, 0, "nobody else attends it");
    node.shutdown().await;
}

/// Waits until it is told that a ticket is there.
async fn is_told(attended: &mut Attended, place: Place) {
    while timeout_at(soon(), attended.changed()).await.expect("it is told").unwrap().place != place {}
}

async fn ask(node: &NodeHandle, call: u64) -> TicketId {
    ticket(propose(node, Command::Lock(LockCommand::Acquire(asked(call)))).await).0
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_attends_a_ticket_later_is_told_what_was_told_before() {
    let folder = tempfile::tempdir().unwrap();
    let node = start(folder.path()).await;
    let handle = node.handle();
    open(&handle, 1, 3_600_000).await;
    let number = ask(&handle, 1).await;
    let mut first = handle.attend(name(), session(1), number);
    is_told(&mut first, Place::Held).await;
    is_told(&mut handle.attend(name(), session(1), number), Place::Held).await;
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_seen_is_told_once_the_node_knows_that_it_saw_not_all() {
    let folder = tempfile::tempdir().unwrap();
    let node = start(folder.path()).await;
    let handle = node.handle();
    open(&handle, 1, 3_600_000).await;
    ask(&handle, 1).await;
    let mut attended = handle.attend(name(), session(1), ask(&handle, 2).await);
    is_told(&mut attended, Place::Waiting { ahead: 0 }).await;
    let hub = &handle.shared.hubs.present;
    // As if the state had been replaced by one of later on: what happens in between is not told.
    let later = |revisions| Revision::new(hub.newest().get() + revisions);
    hub.reset(later(100));
    let release = Release { name: name(), session: session(1), which: Which::All };
    let Ok(Outcome::Lock(LockOutcome::Released { tickets: 2 })) =
        propose(&handle, Command::Lock(LockCommand::Release(release))).await
    else {
        panic!("both are released");
    };
    hub.reset(later(100));
    is_told(&mut attended, Place::Gone).await;
    node.shutdown().await;
}
