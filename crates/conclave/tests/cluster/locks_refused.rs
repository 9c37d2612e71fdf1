//! Requests about sessions, locks and elections that are refused: those that break a rule, and those that cannot be met.

use std::fmt::Debug;

use conclave_client::Code;
use conclave_client::config::HeldLock;
use conclave_client::lock::{
    AcquireRequest, CampaignRequest, CheckTokenRequest, CloseSessionRequest, ForceReleaseRequest,
    GetLeaderRequest, GetLockRequest, GetSessionRequest, KeepAliveRequest, ListLocksRequest,
    ListSessionsRequest, LockMode, ObserveRequest, OpenSessionRequest, Permits, ProclaimRequest,
    ReleaseRequest, RenewSessionRequest, ResignRequest, Shared, TryAcquireRequest, WatchLocksRequest,
    lock_mode,
};
use conclave_testkit::{Cluster, Told};
use futures::stream;
use tonic::{Response, Status};

use crate::stage::{commit_of, one};
use crate::worker::Worker;

#[track_caller]
fn told<T: Debug>(answer: Result<Response<T>, Status>) -> Told {
    Told::from(answer.map(Response::into_inner).expect_err("it is refused"))
}

/// The refusal of a broken rule, and what is said of the one field.
#[track_caller]
fn says<T: Debug>(answer: Result<Response<T>, Status>, field: &str, what: &str) {
    let told = told(answer);
    assert_eq!((told.code, told.reason.as_str()), (Code::InvalidArgument, "invalid-argument"), "{told:?}");
    assert!(told.of_field(field).contains(what), "{told:?}");
}

#[track_caller]
fn is<T: Debug>(answer: Result<Response<T>, Status>, code: Code, reason: &str) -> Told {
    let told = told(answer);
    assert_eq!((told.code, told.reason.as_str()), (code, reason), "{told:?}");
    told
}

fn permits(count: u32, capacity: u32) -> Option<LockMode> {
    Some(LockMode { mode: Some(lock_mode::Mode::Permits(Permits { count, capacity })) })
}

fn shared() -> Option<LockMode> {
    Some(LockMode { mode: Some(lock_mode::Mode::Shared(Shared {})) })
}

/// Sends this name of a lock with every call; each must say what is wrong with it.
async fn with_every_call(cluster: &Cluster, session_id: u64, name: &str, what: &str) {
    let (mut locks, mut elections) = (cluster.locks(1), cluster.elections(1));
    let name = || name.to_owned();
    let acquire = AcquireRequest { name: name(), session_id, ..Default::default() };
    says(locks.acquire(acquire).await.map(|_| Response::new(())), "name", what);
    let tries = TryAcquireRequest { name: name(), session_id, ..Default::default() };
    says(locks.try_acquire(tries).await, "name", what);
    let release = ReleaseRequest { name: name(), session_id, ..Default::default() };
    says(locks.release(release).await, "name", what);
    says(locks.get_lock(GetLockRequest { name: name() }).await, "name", what);
    let watch = WatchLocksRequest { name: name(), prefix: false };
    says(locks.watch_locks(watch).await.map(|_| Response::new(())), "name", what);
    let force = ForceReleaseRequest { name: name(), reason: "it hangs".into(), ..Default::default() };
    says(locks.force_release(force).await, "name", what);
    says(locks.check_token(CheckTokenRequest { name: name(), token: 1 }).await, "name", what);
    let campaign = CampaignRequest { name: name(), session_id, ..Default::default() };
    says(elections.campaign(campaign).await.map(|_| Response::new(())), "name", what);
    let proclaim = ProclaimRequest { name: name(), session_id, token: 1, ..Default::default() };
    says(elections.proclaim(proclaim).await, "name", what);
    says(elections.resign(ResignRequest { name: name(), session_id, token: 0 }).await, "name", what);
    says(elections.get_leader(GetLeaderRequest { name: name() }).await, "name", what);
    let observe = ObserveRequest { name: name() };
    says(elections.observe(observe).await.map(|_| Response::new(())), "name", what);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_a_rule_is_refused_and_changes_nothing() {
    let mut cluster = one().await;
    let worker = Worker::at(&cluster, 1).await;
    let before = cluster.agree().await;
    for (name, what) in [
        ("", "it is empty"),
        (&*"n".repeat(257), "it takes 257 bytes, of which 256 are allowed"),
        ("a//b", "its segment 2 is \"\""),
        ("../b", "its segment 1 is \"..\""),
        ("a b", "it holds ' ' at byte 1"),
        ("größe", "it holds 'ö' at byte 2"),
    ] {
        with_every_call(&cluster, worker.id, name, what).await;
    }
    let (mut sessions, mut locks) = (cluster.sessions(1), cluster.locks(1));
    for ttl_ms in [0, 999, 86_400_001, u64::MAX] {
        let open = OpenSessionRequest { ttl_ms, ..Default::default() };
        says(sessions.open_session(open).await, "ttl_ms", "give 1000 (a second) to 86400000 (a day)");
    }
    let open = OpenSessionRequest {
        ttl_ms: 1_000,
        owner: "o".repeat(257),
        metadata: (0..17).map(|number| (number.to_string(), String::new())).collect(),
        request_id: "a b".into(),
    };
    let refused = told(sessions.open_session(open).await);
    assert_eq!(refused.violations.len(), 3, "{refused:?}");
    let none = "it is 0: open a session";
    says(sessions.renew_session(RenewSessionRequest { session_id: 0 }).await, "session_id", none);
    says(sessions.close_session(CloseSessionRequest { session_id: 0 }).await, "session_id", none);
    says(sessions.get_session(GetSessionRequest { session_id: 0 }).await, "session_id", none);
    let nobody = stream::iter([KeepAliveRequest { session_id: 0 }]);
    let mut renewed = sessions.keep_alive(nobody).await.expect("it is open").into_inner();
    says(renewed.message().await.map(Response::new), "session_id", none);
    let page = ListSessionsRequest { page_token: "x".into(), ..Default::default() };
    is(sessions.list_sessions(page).await, Code::InvalidArgument, "page-token-invalid");
    let page = ListLocksRequest { page_token: "x".into(), ..Default::default() };
    is(locks.list_locks(page).await, Code::InvalidArgument, "page-token-invalid");

    let acquire =
        |mode| AcquireRequest { name: "a".into(), session_id: worker.id, mode, ..Default::default() };
    for (mode, field, what) in [
        (permits(1, 0), "mode.permits.capacity", "give 1 to 1000000"),
        (permits(1, 1_000_001), "mode.permits.capacity", "give 1 to 1000000"),
        (permits(4, 3), "mode.permits.count", "of which there are 3"),
    ] {
        says(locks.acquire(acquire(mode)).await.map(|_| Response::new(())), field, what);
    }
    let large = AcquireRequest { metadata: vec![0; 4_097].into(), session_id: 0, ..acquire(None) };
    assert_eq!(told(locks.acquire(large).await.map(|_| Response::new(()))).violations.len(), 2);
    let force = ForceReleaseRequest { name: "a".into(), ..Default::default() };
    says(locks.force_release(force).await, "reason", "say why");
    says(locks.check_token(CheckTokenRequest { name: "a".into(), token: 0 }).await, "token", "it is 0");
    let mut commit = commit_of("shop", Vec::new());
    commit.held_locks = vec![HeldLock { name: "a".into(), token: 0 }];
    says(cluster.service(1).commit(commit).await, "held_locks[0].token", "it is 0");
    assert_eq!(cluster.agree().await, before, "not even an entry was added to the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_are_not_there_have_nothing() {
    let cluster = one().await;
    let (mut worker, session_id) = (Worker::at(&cluster, 1).await, 4_711);
    let gone = |told: Told| assert_eq!(told.metadata["session_id"], "4711");
    let reason = "session-not-found";
    let renewed = worker.sessions.renew_session(RenewSessionRequest { session_id }).await;
    gone(is(renewed, Code::NotFound, reason));
    let closed = worker.sessions.close_session(CloseSessionRequest { session_id }).await;
    gone(is(closed, Code::NotFound, reason));
    let read = worker.sessions.get_session(GetSessionRequest { session_id }).await;
    gone(is(read, Code::NotFound, reason));
    let acquire = AcquireRequest { name: "a".into(), session_id, ..Default::default() };
    gone(is(worker.locks.acquire(acquire).await.map(|_| Response::new(())), Code::NotFound, reason));
    let tries = TryAcquireRequest { name: "a".into(), session_id, ..Default::default() };
    gone(is(worker.locks.try_acquire(tries).await, Code::NotFound, reason));
    let campaign = CampaignRequest { name: "a".into(), session_id, ..Default::default() };
    let campaign = cluster.elections(1).campaign(campaign).await;
    gone(is(campaign.map(|_| Response::new(())), Code::NotFound, reason));
    let release = ReleaseRequest { name: "a".into(), session_id, ..Default::default() };
    gone(is(worker.locks.release(release).await, Code::FailedPrecondition, "lock-not-held"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_is_had_only_as_it_is() {
    let cluster = one().await;
    let (mut holder, mut other) = (Worker::at(&cluster, 1).await, Worker::at(&cluster, 1).await);
    let token = holder.takes("a").await.token;
    let precondition = Code::FailedPrecondition;

    let held = is(other.tries("a").await, precondition, "lock-held");
    assert_eq!(
        (&*held.metadata["name"], &*held.metadata["session_id"], &*held.metadata["token"]),
        ("a", &*holder.id.to_string(), &*token.to_string())
    );
    assert_eq!(held.metadata["owner"], "");
    let at_once = AcquireRequest { wait_ms: Some(0), ..other.asks("a") };
    is(other.locks.acquire(at_once).await.map(|_| Response::new(())), precondition, "lock-held");

    // It is somebody else's to release.
    let release = |token, ticket| ReleaseRequest { name: "a".into(), session_id: other.id, token, ticket };
    for (token, ticket) in [(0, 0), (token, 0), (0, 1)] {
        let told = is(other.locks.release(release(token, ticket)).await, precondition, "lock-not-held");
        assert_eq!(told.metadata["session_id"], other.id.to_string());
    }
    let resign = ResignRequest { name: "a".into(), session_id: other.id, token };
    is(cluster.elections(1).resign(resign).await, precondition, "lock-not-held");

    let asks = |mode| AcquireRequest { mode, ..holder.asks("a") };
    let told = holder.locks.acquire(asks(shared())).await.map(|_| Response::new(()));
    assert_eq!(is(told, precondition, "lock-mode-change").metadata["token"], token.to_string());
    let told = other.locks.acquire(AcquireRequest { mode: permits(1, 3), ..other.asks("a") }).await;
    let told = is(told.map(|_| Response::new(())), precondition, "lock-capacity-mismatch");
    assert_eq!((&*told.metadata["capacity"], &*told.metadata["asked"]), ("0", "3"));

    let first = TryAcquireRequest {
        name: "b".into(),
        session_id: holder.id,
        request_id: "ask-1".into(),
        ..Default::default()
    };
    holder.locks.try_acquire(first.clone()).await.expect("it is free");
    let otherwise = TryAcquireRequest { mode: shared(), ..first };
    is(holder.locks.try_acquire(otherwise).await, precondition, "acquire-id-reused");

    let force = |name: &str, token| ForceReleaseRequest {
        name: name.into(),
        token,
        reason: "it hangs".into(),
        ..Default::default()
    };
    is(other.locks.force_release(force("nobody", 0)).await, Code::NotFound, "lock-not-found");
    let told =
        is(other.locks.force_release(force("a", token + 1)).await, precondition, "lock-token-mismatch");
    assert_eq!(told.metadata["held_token"], token.to_string());
    is(
        other.locks.get_lock(GetLockRequest { name: "nobody".into() }).await,
        Code::NotFound,
        "lock-not-found",
    );
}
