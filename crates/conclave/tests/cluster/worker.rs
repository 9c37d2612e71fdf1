//! A worker that speaks to one node with the generated code alone: what it is told comes as it is.

use conclave_client::lock::acquire_response::Event;
use conclave_client::lock::lock_service_client::LockServiceClient;
use conclave_client::lock::session_service_client::SessionServiceClient;
use conclave_client::lock::{
    AcquireRequest, AcquireResponse, ForceReleaseRequest, GetLockRequest, Grant, Lock, Lost,
    OpenSessionRequest, ReleaseRequest, TryAcquireRequest, Waiting,
};
use conclave_testkit::{Cluster, Told, wait};
use tonic::transport::Channel;
use tonic::{Response, Status, Streaming};

/// How long sessions live that are not to end.
pub(crate) const LONG_TTL_MS: u64 = 60_000;

/// A worker with a session.
pub(crate) struct Worker {
    pub(crate) id: u64,
    pub(crate) sessions: SessionServiceClient<Channel>,
    pub(crate) locks: LockServiceClient<Channel>,
}

impl Worker {
    /// One whose session lives long.
    pub(crate) async fn at(cluster: &Cluster, node: u64) -> Self {
        Self::living(cluster, node, LONG_TTL_MS).await
    }

    /// One whose session lives for so long without being renewed.
    pub(crate) async fn living(cluster: &Cluster, node: u64, ttl_ms: u64) -> Self {
        let mut sessions = cluster.sessions(node);
        let request = OpenSessionRequest { ttl_ms, owner: format!("worker at {node}"), ..Default::default() };
        let opened = sessions.open_session(request).await.expect("it is opened").into_inner();
        let id = opened.session.expect("it is told").id;
        Self { id, sessions, locks: cluster.locks(node) }
    }

    /// Asks for a lock and waits for it.
    pub(crate) fn asks(&self, name: &str) -> AcquireRequest {
        AcquireRequest { name: name.into(), session_id: self.id, ..Default::default() }
    }

    /// What asking for a lock is told.
    pub(crate) async fn acquire(&mut self, request: AcquireRequest) -> Attending {
        Attending { told: self.locks.acquire(request).await.expect("it is taken in").into_inner() }
    }

    /// A lock that is free.
    pub(crate) async fn takes(&mut self, name: &str) -> Grant {
        self.tries(name).await.expect("it is free").into_inner().granted.expect("it is told")
    }

    pub(crate) async fn tries(
        &mut self,
        name: &str,
    ) -> Result<Response<conclave_client::lock::TryAcquireResponse>, Status> {
        let request = TryAcquireRequest { name: name.into(), session_id: self.id, ..Default::default() };
        self.locks.try_acquire(request).await
    }

    /// Releases a lock; tells how many tickets went.
    pub(crate) async fn releases(&mut self, name: &str) -> u64 {
        let request = ReleaseRequest { name: name.into(), session_id: self.id, ..Default::default() };
        self.locks.release(request).await.expect("it is held").into_inner().released
    }

    /// Takes a lock from who holds it.
    pub(crate) async fn forces(&mut self, name: &str, reason: &str) -> u64 {
        let request = ForceReleaseRequest {
            name: name.into(),
            author: "ann".into(),
            reason: reason.into(),
            ..Default::default()
        };
        self.locks.force_release(request).await.expect("it is held").into_inner().released
    }

    pub(crate) async fn lock(&mut self, name: &str) -> Option<Lock> {
        self.locks.get_lock(GetLockRequest { name: name.into() }).await.ok()?.into_inner().lock
    }

    /// Waits until so many wait for a lock.
    pub(crate) async fn sees_waiting(&mut self, name: &str, expected: u64) {
        let seen = async || {
            let waiting = self.lock(name).await.map_or(0, |lock| lock.waiter_count);
            (waiting == expected).then_some(())
        };
        wait::until(&format!("{expected} wait for {name}"), seen).await;
    }
}

/// A call that attends a ticket.
pub(crate) struct Attending {
    pub(crate) told: Streaming<AcquireResponse>,
}

impl Attending {
    /// What is told next, but for heartbeats; none: the stream has ended.
    pub(crate) async fn next(&mut self) -> Result<Option<Event>, Told> {
        loop {
            match self.told.message().await {
                Ok(Some(AcquireResponse { event: None })) => {}
                Ok(told) => return Ok(told.and_then(|told| told.event)),
                Err(status) => return Err(status.into()),
            }
        }
    }

    /// The place that is told next.
    pub(crate) async fn waits(&mut self) -> Waiting {
        match self.next().await {
            Ok(Some(Event::Waiting(waiting))) => waiting,
            other => panic!("no place in the queue: {other:?}"),
        }
    }

    /// The grant, whatever places are told before it.
    pub(crate) async fn granted(&mut self) -> Grant {
        loop {
            match self.next().await {
                Ok(Some(Event::Waiting(_))) => {}
                Ok(Some(Event::Granted(grant))) => return grant,
                other => panic!("no grant: {other:?}"),
            }
        }
    }

    /// The loss, after which nothing follows.
    pub(crate) async fn lost(&mut self) -> Lost {
        let lost = match self.next().await {
            Ok(Some(Event::Lost(lost))) => lost,
            other => panic!("no loss: {other:?}"),
        };
        assert_eq!(self.next().await, Ok(None));
        lost
    }

    /// What the call is refused with in the end, whatever places are told before.
    pub(crate) async fn refused(&mut self) -> Told {
        loop {
            match self.next().await {
                Ok(Some(Event::Waiting(_))) => {}
                Ok(other) => panic!("no refusal: {other:?}"),
                Err(told) => return told,
            }
        }
    }
}
