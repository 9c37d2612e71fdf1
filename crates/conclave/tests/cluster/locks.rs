//! Sessions and locks as any client has them: with the generated code alone, over several nodes.

use std::time::Duration;

use conclave_client::lock::{
    CheckTokenRequest, CloseSessionRequest, GetSessionRequest, KeepAliveRequest, ListLocksRequest,
    ListSessionsRequest, LostReason, OpenSessionRequest, RenewSessionRequest, TryAcquireRequest,
};
use conclave_client::{Code, edits};
use conclave_testkit::Told;
use futures::stream;
use tonic::Request;

use crate::stage::{commit_of, create, one, three};
use crate::worker::{LONG_TTL_MS, Worker};

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_opened_renewed_and_closed_at_any_node() {
    let cluster = three().await;
    let open = OpenSessionRequest {
        ttl_ms: LONG_TTL_MS,
        owner: "worker-7".into(),
        metadata: [("zone".into(), "eu".into())].into(),
        request_id: "open-1".into(),
    };
    let opened = cluster.sessions(1).open_session(open.clone()).await.expect("it is opened").into_inner();
    let session = opened.session.expect("it is told");
    assert_eq!((session.ttl_ms, session.remaining_ms), (LONG_TTL_MS, LONG_TTL_MS));
    assert!(session.id > 0 && session.id < 1 << 63 && session.opened_ms > 0);
    let again = cluster.sessions(2).open_session(open).await.expect("it is found").into_inner();
    assert_eq!(again.session.expect("it is told").id, session.id, "a retry opens no other");

    let mut sessions = cluster.sessions(3);
    let session_id = session.id;
    let asked = [session_id, session_id + 1, session_id].map(|session_id| KeepAliveRequest { session_id });
    let mut renewed = sessions.keep_alive(stream::iter(asked)).await.expect("it is open").into_inner();
    let mut told = Vec::new();
    while let Some(answer) = renewed.message().await.expect("each is answered") {
        told.push((answer.session_id, answer.ttl_ms));
    }
    assert_eq!(told, [(session_id, LONG_TTL_MS), (session_id + 1, 0), (session_id, LONG_TTL_MS)]);
    let renewed = sessions.renew_session(RenewSessionRequest { session_id }).await.expect("it lives");
    assert_eq!(renewed.into_inner().ttl_ms, LONG_TTL_MS);

    let mut worker = Worker { id: session_id, sessions: cluster.sessions(1), locks: cluster.locks(1) };
    worker.takes("a").await;
    worker.takes("b").await;
    let read = sessions.get_session(GetSessionRequest { session_id }).await.expect("it lives").into_inner();
    let read = read.session.expect("it is told");
    assert_eq!((read.tickets, read.owner.as_str(), read.metadata["zone"].as_str()), (2, "worker-7", "eu"));
    assert!(read.remaining_ms > LONG_TTL_MS / 2 && read.remaining_ms <= LONG_TTL_MS);

    let closed = sessions.close_session(CloseSessionRequest { session_id }).await.expect("it lives");
    assert_eq!(closed.into_inner().tickets, 2);
    assert!(worker.lock("a").await.is_none(), "its locks went with it");
    let refused = sessions.close_session(CloseSessionRequest { session_id }).await.expect_err("it is gone");
    let told = Told::from(refused);
    assert_eq!((told.code, told.reason.as_str()), (Code::NotFound, "session-not-found"));
    assert_eq!(told.metadata["session_id"], session_id.to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_and_locks_are_listed_page_by_page() {
    let cluster = one().await;
    let mut workers = Vec::new();
    for name in ["a/1", "a/2", "a/3", "b"] {
        let mut worker = Worker::at(&cluster, 1).await;
        worker.takes(name).await;
        workers.push(worker);
    }
    let mut ids: Vec<_> = workers.iter().map(|worker| worker.id).collect();
    ids.sort_unstable();
    let worker = &mut workers[0];
    let (mut found, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListSessionsRequest { page_size: 3, page_token };
        let page = worker.sessions.list_sessions(request).await.expect("a page").into_inner();
        assert!(page.sessions.iter().all(|session| session.tickets == 1 && session.remaining_ms > 0));
        found.extend(page.sessions.iter().map(|session| session.id));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
        assert_eq!(found.len(), 3);
    }
    assert_eq!(found, ids);

    let first = ListLocksRequest { prefix: "a/".into(), page_size: 2, ..Default::default() };
    let page = worker.locks.list_locks(first.clone()).await.expect("a page").into_inner();
    let names = |locks: &[conclave_client::lock::Lock]| -> Vec<_> {
        locks.iter().map(|lock| lock.name.clone()).collect()
    };
    assert_eq!(names(&page.locks), ["a/1", "a/2"]);
    let next = ListLocksRequest { page_token: page.next_page_token.clone(), ..first };
    let page = worker.locks.list_locks(next.clone()).await.expect("a page").into_inner();
    assert_eq!((names(&page.locks), page.next_page_token), (vec!["a/3".to_owned()], String::new()));
    let other = ListLocksRequest { prefix: "b".into(), ..next };
    let refused = Told::from(worker.locks.list_locks(other).await.expect_err("the token is of another list"));
    assert_eq!(refused.reason, "page-token-invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn waiters_are_served_in_order_and_told_of_their_places() {
    let cluster = three().await;
    let mut holder = Worker::at(&cluster, 1).await;
    let first = holder.takes("orders/42").await;
    let mut waiting = Vec::new();
    for node in 1..=3 {
        let mut worker = Worker::at(&cluster, node).await;
        let request = worker.asks("orders/42");
        let mut attending = worker.acquire(request).await;
        assert_eq!(attending.waits().await.ahead, node - 1);
        waiting.push((worker, attending));
    }
    let lock = holder.lock("orders/42").await.expect("it is held");
    assert_eq!((lock.holder_count, lock.waiter_count, lock.holders[0].token), (1, 3, first.token));
    let order: Vec<_> = waiting.iter().map(|(worker, _)| worker.id).collect();
    assert_eq!(lock.waiters.iter().map(|waiter| waiter.session_id).collect::<Vec<_>>(), order);

    holder.releases("orders/42").await;
    let mut last = first.token;
    let (mut third, mut attending) = waiting.pop().expect("there are three");
    for (mut worker, mut attending) in waiting {
        let granted = attending.granted().await;
        assert!(granted.token > last);
        last = granted.token;
        worker.releases("orders/42").await;
        assert_eq!(attending.lost().await.reason(), LostReason::Released);
    }
    let granted = attending.granted().await;
    assert!(granted.token > last);
    let check = |token| CheckTokenRequest { name: "orders/42".into(), token };
    let told = holder.locks.check_token(check(granted.token)).await.expect("it is told").into_inner();
    assert_eq!((told.held, told.holder.expect("it is told").session_id), (true, third.id));
    let told = holder.locks.check_token(check(first.token)).await.expect("it is told").into_inner();
    assert_eq!((told.held, told.newest_token), (false, granted.token));
    // Its call ends, and it holds the lock all the same.
    drop(attending);
    assert_eq!(third.releases("orders/42").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_goes_away_waits_no_longer() {
    let cluster = three().await;
    let (mut holder, mut worker) = (Worker::at(&cluster, 1).await, Worker::at(&cluster, 2).await);
    holder.takes("a").await;
    let request = worker.asks("a");
    let mut dropped = worker.acquire(request.clone()).await;
    dropped.waits().await;
    drop(dropped);
    holder.sees_waiting("a", 0).await;

    // So does one whose time is over, however it said so.
    let bounded = conclave_client::lock::AcquireRequest { wait_ms: Some(300), ..request.clone() };
    let told = worker.acquire(bounded).await.refused().await;
    assert_eq!((told.code, told.reason.as_str()), (Code::FailedPrecondition, "lock-wait-over"));
    assert_eq!((told.metadata["name"].as_str(), told.metadata["wait_ms"].as_str()), ("a", "300"));
    holder.sees_waiting("a", 0).await;
    let mut with_deadline = Request::new(request.clone());
    with_deadline.set_timeout(Duration::from_millis(400));
    let mut attending = worker.locks.acquire(with_deadline).await.expect("it is taken in").into_inner();
    let ended = loop {
        match attending.message().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("it ends without a reason"),
            Err(status) => break status.code(),
        }
    };
    // The client counts as well, and may be first.
    assert!(matches!(ended, Code::DeadlineExceeded | Code::Cancelled), "{ended:?}");
    holder.sees_waiting("a", 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_finds_its_ticket_at_another_node() {
    let cluster = three().await;
    let (mut holder, mut worker) = (Worker::at(&cluster, 1).await, Worker::at(&cluster, 2).await);
    holder.takes("a").await;
    let request = conclave_client::lock::AcquireRequest { request_id: "ask-1".into(), ..worker.asks("a") };
    let mut first = worker.acquire(request.clone()).await;
    let ticket = first.waits().await.ticket;
    let mut other = Worker { id: worker.id, sessions: cluster.sessions(3), locks: cluster.locks(3) };
    let mut retry = other.acquire(request.clone()).await;
    assert_eq!(retry.waits().await.ticket, ticket);
    // The end of the first call does not give up what the retry attends.
    drop(first);
    holder.releases("a").await;
    let granted = retry.granted().await;
    assert_eq!(granted.ticket, ticket);
    let again = worker.acquire(request.clone()).await.granted().await;
    assert_eq!(again, granted, "it is granted once");
    let tried = TryAcquireRequest {
        name: "a".into(),
        session_id: worker.id,
        request_id: "ask-1".into(),
        ..Default::default()
    };
    let tried = worker.locks.try_acquire(tried).await.expect("it is held").into_inner().granted;
    assert_eq!(tried, Some(granted));
    let lock = holder.lock("a").await.expect("it is held");
    assert_eq!((lock.holder_count, lock.waiter_count), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_not_renewed_ends_and_the_next_gets_the_lock() {
    let cluster = three().await;
    let mut short = Worker::living(&cluster, 1, 1_000).await;
    let request = short.asks("a");
    let mut holding = short.acquire(request).await;
    let first = holding.granted().await;
    let mut next = Worker::at(&cluster, 2).await;
    let request = next.asks("a");
    let mut waiting = next.acquire(request).await;
    let granted = waiting.granted().await;
    assert!(granted.token > first.token);
    assert_eq!(holding.lost().await.reason(), LostReason::SessionEnded);
    let told = Told::from(short.tries("b").await.expect_err("it has ended"));
    assert_eq!((told.code, told.reason.as_str()), (Code::NotFound, "session-not-found"));

    // One that waits is told so too.
    let mut short = Worker::living(&cluster, 3, 1_000).await;
    let request = short.asks("a");
    let told = short.acquire(request).await.refused().await;
    assert_eq!((told.code, told.reason.as_str()), (Code::NotFound, "session-not-found"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_depends_on_a_lock_is_refused_once_the_lock_is_lost() {
    use conclave_client::config::{
        CreateSnapshotRequest, DeleteNamespaceRequest, HeldLock, RollbackRequest, RollbackSnapshotRequest,
    };

    let cluster = three().await;
    let client = cluster.client();
    create(&client, "shop").await;
    let snapshot =
        CreateSnapshotRequest { snapshot: "before".into(), all_namespaces: true, ..Default::default() };
    client.create_snapshot(snapshot).await.expect("it is made");
    let mut worker = Worker::at(&cluster, 1).await;
    let first = worker.takes("deploy").await.token;
    let held_locks = vec![HeldLock { name: "deploy".into(), token: first }];
    let mut commit = commit_of("shop", vec![edits::put("price", "1")]);
    commit.held_locks.clone_from(&held_locks);
    client.commit(commit.clone()).await.expect("the lock is held");

    worker.forces("deploy", "it hangs").await;
    let second = worker.takes("deploy").await.token;
    let mut service = cluster.service(2);
    let delete = DeleteNamespaceRequest {
        namespace: "shop".into(),
        held_locks: held_locks.clone(),
        ..Default::default()
    };
    let rollback = RollbackRequest {
        namespace: "shop".into(),
        to_version: 1,
        held_locks: held_locks.clone(),
        ..Default::default()
    };
    let to_snapshot = RollbackSnapshotRequest { snapshot: "before".into(), held_locks, ..Default::default() };
    let preview = conclave_client::config::CommitRequest { dry_run: true, ..commit.clone() };
    let refusals = [
        service.commit(commit).await.map(|_| ()).expect_err("the token is old"),
        service.commit(preview).await.map(|_| ()).expect_err("the token is old"),
        service.delete_namespace(delete).await.map(|_| ()).expect_err("the token is old"),
        service.rollback(rollback).await.map(|_| ()).expect_err("the token is old"),
        service.rollback_snapshot(to_snapshot).await.map(|_| ()).expect_err("the token is old"),
    ];
    for told in refusals.map(Told::from) {
        assert_eq!((told.code, told.reason.as_str()), (Code::FailedPrecondition, "lock-token-mismatch"));
        let (token, held_token) = (first.to_string(), second.to_string());
        assert_eq!((&told.metadata["token"], &told.metadata["held_token"]), (&token, &held_token));
    }
}
