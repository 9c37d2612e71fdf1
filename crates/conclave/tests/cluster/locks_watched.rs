//! What those are told who only look: at locks, and at elections.

use conclave_client::lock::election_service_client::ElectionServiceClient;
use conclave_client::lock::lock_change::Change;
use conclave_client::lock::watch_locks_response::Event;
use conclave_client::lock::{
    CampaignRequest, CloseSessionRequest, GetLeaderRequest, LockMode, LocksState, LostReason, ObserveRequest,
    ObserveResponse, Permits, ProclaimRequest, ResignRequest, TryAcquireRequest, WatchLocksRequest,
    WatchLocksResponse, acquire_response, lock_mode,
};
use conclave_testkit::{Cluster, Told};
use tokio::task::JoinSet;
use tonic::Streaming;
use tonic::transport::Channel;

use crate::stage::three;
use crate::worker::Worker;

/// A watch of locks.
struct Watching {
    told: Streaming<WatchLocksResponse>,
    revision: u64,
}

impl Watching {
    async fn open(cluster: &Cluster, node: u64, name: &str, prefix: bool) -> Self {
        let request = WatchLocksRequest { name: name.into(), prefix };
        let told = cluster.locks(node).watch_locks(request).await.expect("it is open").into_inner();
        Self { told, revision: 0 }
    }

    async fn next(&mut self) -> Event {
        loop {
            let told = self.told.message().await.expect("it goes on").expect("it does not end");
            assert!(told.revision >= self.revision, "revisions never go back");
            self.revision = told.revision;
            if let Some(event) = told.event {
                return event;
            }
        }
    }

    async fn state(&mut self) -> LocksState {
        match self.next().await {
            Event::State(state) => state,
            Event::Change(change) => panic!("a change comes first: {change:?}"),
        }
    }

    async fn change(&mut self) -> (String, Change) {
        match self.next().await {
            Event::Change(change) => (change.name, change.change.expect("it is told")),
            Event::State(state) => panic!("the state comes again: {state:?}"),
        }
    }
}

fn kind(change: &Change) -> &'static str {
    match change {
        Change::Queued(_) => "queued",
        Change::Left(_) => "left",
        Change::Granted(_) => "granted",
        Change::Updated(_) => "updated",
        Change::Ended(_) => "ended",
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_tells_what_is_so_and_then_what_happens() {
    let cluster = three().await;
    let (mut first, mut second) = (Worker::at(&cluster, 1).await, Worker::at(&cluster, 2).await);
    first.takes("jobs/1").await;
    let mut all = Watching::open(&cluster, 3, "jobs/", true).await;
    let mut one = Watching::open(&cluster, 1, "jobs/1", false).await;
    for watching in [&mut all, &mut one] {
        let state = watching.state().await;
        assert_eq!((state.locks.len(), state.more), (1, false));
        assert_eq!(
            (state.locks[0].name.as_str(), state.locks[0].holders[0].session_id),
            ("jobs/1", first.id)
        );
    }
    second.takes("jobs/11").await;
    second.takes("other").await;
    let request = second.asks("jobs/1");
    let mut waiting = second.acquire(request).await;
    waiting.waits().await;
    first.forces("jobs/1", "it hangs").await;
    waiting.granted().await;
    let sessions = &mut second.sessions;
    sessions.close_session(CloseSessionRequest { session_id: second.id }).await.expect("it lives");

    let expected = [("jobs/1", "queued"), ("jobs/1", "ended"), ("jobs/1", "granted"), ("jobs/1", "ended")];
    let mut told = Vec::new();
    for (name, what) in expected {
        let (told_name, change) = one.change().await;
        assert_eq!((told_name.as_str(), kind(&change)), (name, what));
        if let Change::Ended(ended) = change {
            told.push((ended.reason(), ended.forced_release.map(|forced| (forced.author, forced.reason))));
        }
    }
    let forced = Some(("ann".to_owned(), "it hangs".to_owned()));
    assert_eq!(told, [(LostReason::Forced, forced), (LostReason::SessionEnded, None)]);
    let (name, change) = all.change().await;
    assert_eq!((name.as_str(), kind(&change)), ("jobs/11", "granted"), "those whose names begin so");
    for (name, what) in &expected[..3] {
        let (told, change) = all.change().await;
        assert_eq!((told.as_str(), kind(&change)), (*name, *what));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_who_share_a_lock_are_told_when_it_is_taken_by_force() {
    let cluster = three().await;
    let permits = lock_mode::Mode::Permits(Permits { count: 1, capacity: 3 });
    let mode = Some(LockMode { mode: Some(permits) });
    let (mut worker, mut attending) = (Worker::at(&cluster, 1).await, Vec::new());
    let mut watching = Watching::open(&cluster, 2, "pool", false).await;
    assert!(watching.state().await.locks.is_empty());
    for _ in 0..3 {
        let request = conclave_client::lock::AcquireRequest { mode, ..worker.asks("pool") };
        let mut attended = worker.acquire(request).await;
        attended.granted().await;
        attending.push(attended);
    }
    let fourth = TryAcquireRequest { name: "pool".into(), session_id: worker.id, mode, ..Default::default() };
    let told = Told::from(worker.locks.try_acquire(fourth).await.expect_err("there are no more"));
    assert_eq!(told.reason, "lock-held");
    assert_eq!(worker.forces("pool", "it hangs").await, 3);
    for mut attended in attending {
        let lost = attended.lost().await;
        assert_eq!(lost.reason(), LostReason::Forced);
        assert_eq!(lost.forced_release.expect("it is told").reason, "it hangs");
    }
    for what in ["granted", "granted", "granted", "ended", "ended", "ended"] {
        let (_, change) = watching.change().await;
        assert_eq!(kind(&change), what);
        if let Change::Ended(ended) = change {
            assert_eq!(ended.reason(), LostReason::Forced);
        }
    }
}

/// Observes until it is told something else than that the stream is alive.
async fn news(told: &mut Streaming<ObserveResponse>) -> Option<String> {
    loop {
        let told = told.message().await.expect("it goes on").expect("it does not end");
        if !told.heartbeat {
            let value = |metadata: &[u8]| String::from_utf8_lossy(metadata).into_owned();
            return told.leader.map(|leader| value(&leader.metadata));
        }
    }
}

/// Stands for election; tells the token once it is won.
async fn wins(elections: &mut ElectionServiceClient<Channel>, session_id: u64, value: &str) -> u64 {
    let request = CampaignRequest {
        name: "scheduler".into(),
        session_id,
        value: value.to_owned().into(),
        ..Default::default()
    };
    let mut told = elections.campaign(request).await.expect("it is taken in").into_inner();
    loop {
        let response = told.message().await.expect("it goes on").expect("it does not end");
        if let Some(acquire_response::Event::Granted(grant)) = response.event {
            return grant.token;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_election_is_won_proclaimed_and_resigned() {
    let cluster = three().await;
    let (a, b) = (Worker::at(&cluster, 1).await.id, Worker::at(&cluster, 2).await.id);
    let (mut elections, name) = (cluster.elections(1), || "scheduler".to_owned());
    let none = elections.get_leader(GetLeaderRequest { name: name() }).await.expect_err("nobody leads");
    assert_eq!(Told::from(none).reason, "lock-not-found");
    let request = ObserveRequest { name: name() };
    let mut observed = cluster.elections(3).observe(request).await.expect("it is open").into_inner();
    assert_eq!(news(&mut observed).await, None);

    let token = wins(&mut elections, a, "a").await;
    assert_eq!(news(&mut observed).await.as_deref(), Some("a"));
    let mut other = cluster.elections(2);
    let mut next = JoinSet::new();
    next.spawn(async move { wins(&mut other, b, "b").await });
    let proclaim =
        |session_id, token| ProclaimRequest { name: name(), session_id, token, value: "a, ready".into() };
    elections.proclaim(proclaim(a, token)).await.expect("it leads");
    assert_eq!(news(&mut observed).await.as_deref(), Some("a, ready"));
    let leader = elections.get_leader(GetLeaderRequest { name: name() }).await.expect("one leads");
    let leader = leader.into_inner().leader.expect("it is told");
    assert_eq!((leader.session_id, leader.token, &leader.metadata[..]), (a, token, &b"a, ready"[..]));

    let resign = ResignRequest { name: name(), session_id: a, token };
    elections.resign(resign).await.expect("it leads");
    let second = next.join_next().await.expect("one stands").expect("the other is elected");
    assert!(second > token);
    assert_eq!(news(&mut observed).await.as_deref(), Some("b"));
    let refused = elections.proclaim(proclaim(a, token)).await.expect_err("it leads no more");
    assert_eq!(Told::from(refused).reason, "lock-not-held");
}
