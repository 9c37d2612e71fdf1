//! Workers that hold a lock through a session, and write under its token.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use conclave_checker::lock::{Answer, Call, LockHistory, What};
use conclave_checker::{End, Operation, Recorder};
use conclave_proto::config::v1 as config;
use conclave_proto::config::v1::config_service_client::ConfigServiceClient;
use conclave_proto::lock::v1 as wire;
use parking_lot::Mutex;
use tokio::time::{Instant, timeout_at};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use wire::lock_service_client::LockServiceClient;
use wire::session_service_client::SessionServiceClient;

use super::Client;
use crate::time::Time;

const LOCKS: u64 = 2;
/// How much earlier than its TTL a worker takes its session for lost, by its own clock.
const MARGIN: Duration = Duration::from_millis(200);

/// When each session was last known to live: from then on it may have ended, and nobody knows when. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Ends {
    alive: Arc<Mutex<BTreeMap<(u64, String), Alive>>>,
}

struct Alive {
    client: u64,
    at_ns: u64,
}

impl Ends {
    fn alive(&self, session: u64, lock: &str, client: u64, at_ns: u64) {
        self.alive.lock().insert((session, lock.to_owned()), Alive { client, at_ns });
    }

    /// `history` with the ends.
    pub(crate) fn with(&self, history: &LockHistory) -> LockHistory {
        let alive = self.alive.lock();
        let ends = alive.iter().map(|((session, lock), Alive { client, at_ns })| Operation {
            client: *client,
            called_ns: *at_ns,
            call: Call { lock: lock.clone(), session: *session, what: What::End },
            end: End::Unknown,
        });
        history.operations().iter().cloned().chain(ends).collect()
    }
}

/// A worker's session.
struct Session {
    id: u64,
    /// The one lock that it is for.
    lock: String,
    ttl: Duration,
    /// Until when it surely lives, by the clock of the worker.
    lives_until: Instant,
}

/// Takes locks and works under them, until the host ends.
pub(crate) async fn work(mut client: Client, recorder: Recorder<Call, Answer>, ends: Ends, time: Time) {
    loop {
        client.pause(1..=500).await;
        let Some(session) = open(&mut client, &ends, &time).await else { continue };
        Worker { client: &mut client, recorder: &recorder, ends: &ends, time: &time, session }.live().await;
    }
}

async fn open(client: &mut Client, ends: &Ends, time: &Time) -> Option<Session> {
    let ttl = Duration::from_millis(client.dice.within(2_000..=6_000));
    let (asked, asked_ns) = (Instant::now(), time.now_ns());
    let lock = format!("l{}", client.dice.within(1..=LOCKS));
    let node = client.any_node();
    let ttl_ms = u64::try_from(ttl.as_millis()).expect("a TTL is short");
    let request = wire::OpenSessionRequest { ttl_ms, owner: "sim".into(), ..Default::default() };
    let opening = async { SessionServiceClient::new(node).open_session(request).await };
    let opened = client.in_time(opening).await.ok()?.into_inner().session?;
    ends.alive(opened.id, &lock, client.id, asked_ns);
    Some(Session { id: opened.id, lock, ttl, lives_until: asked + ttl - MARGIN })
}

struct Worker<'a> {
    client: &'a mut Client,
    recorder: &'a Recorder<Call, Answer>,
    ends: &'a Ends,
    time: &'a Time,
    session: Session,
}

impl Worker<'_> {
    /// Some turns with one lock, and then the session is closed, or left to end by itself.
    async fn live(mut self) {
        let name = self.session.lock.clone();
        let mut turns = self.client.dice.within(1..=4);
        while turns > 0 && self.renew().await {
            turns -= 1;
            if !self.turn(&name).await {
                break;
            }
        }
        self.end().await;
    }

    /// Renews the session if that is due. False if it may be over.
    async fn renew(&mut self) -> bool {
        if self.session.lives_until - Instant::now() > self.session.ttl / 2 {
            return true;
        }
        let (asked, asked_ns) = (Instant::now(), self.time.now_ns());
        let node = self.client.any_node();
        let request = wire::RenewSessionRequest { session_id: self.session.id };
        let renewing = async { SessionServiceClient::new(node).renew_session(request).await };
        if let Ok(Ok(_)) = timeout_at(self.session.lives_until, self.client.in_time(renewing)).await {
            self.session.lives_until = asked + self.session.ttl - MARGIN;
            self.ends.alive(self.session.id, &self.session.lock, self.client.id, asked_ns);
        }
        Instant::now() < self.session.lives_until
    }

    /// The lock is had, used and released. False if it did not come to that.
    async fn turn(&mut self, name: &str) -> bool {
        let Some(token) = self.acquire(name).await else { return false };
        for _ in 0..self.client.dice.within(0..=2) {
            self.client.pause(1..=200).await;
            if !self.renew().await {
                return false;
            }
            self.write(name, token).await;
        }
        if !self.renew().await {
            return false;
        }
        self.release(name, token).await
    }

    async fn acquire(&mut self, name: &str) -> Option<u64> {
        let pending = self.recorder.call(self.client.id, self.call(name, What::Acquire));
        let node = self.client.any_node();
        let request =
            wire::AcquireRequest { name: name.into(), session_id: self.session.id, ..Default::default() };
        let until = self.session.lives_until;
        let waiting = async {
            let mut told = LockServiceClient::new(node).acquire(request).await?.into_inner();
            while let Some(told) = told.message().await? {
                if let Some(wire::acquire_response::Event::Granted(grant)) = told.event {
                    return Ok(grant.token);
                }
            }
            Err(Status::unavailable("the call ended before the grant"))
        };
        if let Ok(Ok(token)) = timeout_at(until, waiting).await {
            pending.answered(Answer::Granted { token });
            return Some(token);
        }
        pending.unknown();
        None
    }

    /// A commit that is made only while the lock is held.
    async fn write(&mut self, name: &str, token: u64) {
        let pending = self.recorder.call(self.client.id, self.call(name, What::Guarded { token }));
        let node = self.client.any_node();
        let put = config::PutItem { value: token.to_string().into(), ..Default::default() };
        let edit = config::Edit {
            key: name.into(),
            action: Some(config::edit::Action::Put(put)),
            ..Default::default()
        };
        let edits = config::NamespaceEdits {
            namespace: "guarded".into(),
            edits: vec![edit],
            create_if_missing: true,
            ..Default::default()
        };
        let held = config::HeldLock { name: name.into(), token };
        let request =
            config::CommitRequest { namespaces: vec![edits], held_locks: vec![held], ..Default::default() };
        let writing = async { ConfigServiceClient::new(node).commit(request).await };
        match self.client.in_time(writing).await {
            Ok(_) => pending.answered(Answer::Written),
            Err(status) if is_not_held(&status) => pending.answered(Answer::NotHeld),
            Err(_) => pending.unknown(),
        }
    }

    async fn release(&mut self, name: &str, token: u64) -> bool {
        let pending = self.recorder.call(self.client.id, self.call(name, What::Release { token }));
        let node = self.client.any_node();
        let request = wire::ReleaseRequest {
            name: name.into(),
            session_id: self.session.id,
            token,
            ..Default::default()
        };
        let releasing = async { LockServiceClient::new(node).release(request).await };
        match self.client.in_time(releasing).await {
            Ok(_) => {
                pending.answered(Answer::Released);
                true
            }
            Err(status) if is_not_held(&status) => {
                pending.answered(Answer::NotHeld);
                false
            }
            Err(_) => {
                pending.unknown();
                false
            }
        }
    }

    /// The session is closed, or left to end by itself.
    async fn end(self) {
        if self.client.dice.happens(60) {
            let node = self.client.any_node();
            let request = wire::CloseSessionRequest { session_id: self.session.id };
            let closing = async { SessionServiceClient::new(node).close_session(request).await };
            let _ = self.client.in_time(closing).await;
        }
    }

    fn call(&self, name: &str, what: What) -> Call {
        Call { lock: name.to_owned(), session: self.session.id, what }
    }
}

fn is_not_held(status: &Status) -> bool {
    let reason = status.get_details_error_info().map(|told| told.reason);
    status.code() == Code::FailedPrecondition && reason.is_some_and(|reason| reason == "lock-not-held")
        || status.code() == Code::NotFound
}
