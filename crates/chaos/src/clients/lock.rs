//! A worker that holds locks through sessions of the SDK, and writes under their tokens.
//!
//! When a session ends is the cluster's matter. A worker knows until when it surely lived: as long as the SDK says so,
//! which it must stop to do before the cluster gives the lock to another, also to a worker that was paused meanwhile.

use std::time::Duration;

use conclave_checker::lock::{Answer, Call, LockHistory, What};
use conclave_checker::{End, Operation, Recorder};
use conclave_client::config::{CommitRequest, NamespaceEdits};
use conclave_client::{ClientError, Fenced as _, LockGuard, Session, SessionOptions, edits, reason};

use super::Client;
use crate::site::{EPOCH, now_ns};

/// So many locks are asked for at a time.
const LOCKS: u64 = 2;
const GUARDED: &str = "guarded";

/// A worker, and what it has noted.
pub(crate) struct Worker {
    client: Client,
    recorder: Recorder<Call, Answer>,
    ends: Vec<Operation<Call, Answer>>,
}

impl Worker {
    pub(crate) fn new(client: Client) -> Self {
        Self { client, recorder: Recorder::new(now_ns), ends: Vec::new() }
    }

    /// Opens sessions and takes locks, until the run is over; gives all that it has noted.
    pub(crate) async fn work(mut self) -> LockHistory {
        while !self.client.site.is_over() {
            self.client.pause(1..=300).await;
            let options = SessionOptions { ttl: self.client.dice.ms(2_000..=6_000), ..Default::default() };
            let opened_ns = now_ns();
            if let Ok(session) = self.client.sdk().open_session(options).await {
                self.live(session, opened_ns).await;
            }
        }
        self.recorder.history().operations().iter().cloned().chain(self.ends).collect()
    }

    /// Some turns with one lock; then the session is closed.
    async fn live(&mut self, session: Session, opened_ns: u64) {
        let epoch = self.client.site.epoch(EPOCH);
        let lock = format!("l{epoch:05}-{}", self.client.dice.within(1..=LOCKS));
        let mut turn = Turn { worker: self, session: &session, lock, alive_ns: opened_ns };
        for _ in 0..3 {
            if !turn.take().await {
                break;
            }
        }
        let Turn { lock, alive_ns: called_ns, .. } = turn;
        let call = Call { lock, session: session.id(), what: What::End };
        let closed = session.close().await;
        let at_ns = now_ns();
        let end = closed.map_or(End::Unknown, |()| End::Answered { at_ns, answer: Answer::Ended });
        self.ends.push(Operation { client: self.client.id, called_ns, call, end });
    }
}

/// A turn of a session with its lock.
struct Turn<'a> {
    worker: &'a mut Worker,
    session: &'a Session,
    lock: String,
    /// When the session, and the lock if it was had, were last known to be there.
    alive_ns: u64,
}

impl Turn<'_> {
    /// The lock is had, used and released. False if it did not come to that.
    async fn take(&mut self) -> bool {
        let Some(guard) = self.acquire().await else { return false };
        for _ in 0..self.worker.client.dice.within(1..=12) {
            self.worker.client.pause(1..=80).await;
            // The time is read before the question: a pause between them must not make the hold longer.
            let now_ns = now_ns();
            if !guard.is_held() {
                // It writes all the same, as a worker would that was paused between a look and its write.
                self.write(&guard).await;
                return false;
            }
            self.alive_ns = now_ns;
            if self.worker.client.dice.happens(25) {
                self.write(&guard).await;
            }
        }
        self.release(guard).await
    }

    async fn acquire(&mut self) -> Option<LockGuard> {
        let pending = self.worker.recorder.call(self.worker.client.id, self.call(What::Acquire));
        let wait = self.worker.client.dice.ms(500..=6_000);
        let at_once = self.worker.client.dice.happens(20);
        let wait = if at_once { Duration::ZERO } else { wait };
        let now_ns = now_ns();
        if !self.session.is_alive() {
            pending.not_done();
            return None;
        }
        self.alive_ns = now_ns;
        match self.session.lock(&self.lock).wait(wait).acquire().await {
            Ok(guard) => {
                pending.answered(Answer::Granted { token: guard.token() });
                Some(guard)
            }
            Err(error) if error.reason() == reason::LOCK_HELD => {
                pending.answered(Answer::Busy);
                None
            }
            Err(error) if error.is_lock_busy() => {
                pending.not_done();
                None
            }
            Err(_) => {
                pending.unknown();
                None
            }
        }
    }

    /// A commit that is made only while the lock is held.
    async fn write(&mut self, guard: &LockGuard) {
        let token = guard.token();
        let pending = self.worker.recorder.call(self.worker.client.id, self.call(What::Guarded { token }));
        let namespace = NamespaceEdits {
            namespace: GUARDED.into(),
            edits: vec![edits::put(self.lock.clone(), token.to_string())],
            create_if_missing: true,
            ..Default::default()
        };
        let request = CommitRequest { namespaces: vec![namespace], ..Default::default() }.held(guard);
        match self.worker.client.sdk().commit(request).await {
            Ok(_) => pending.answered(Answer::Written),
            Err(error) if is_not_held(&error) => pending.answered(Answer::NotHeld),
            Err(error) if error.is_outcome_unknown() => pending.unknown(),
            Err(_) => pending.not_done(),
        }
    }

    async fn release(&mut self, guard: LockGuard) -> bool {
        let token = guard.token();
        let pending = self.worker.recorder.call(self.worker.client.id, self.call(What::Release { token }));
        let released = guard.release().await.is_ok();
        // That nothing is held any more is told alike, whether it was released or had ended with the session.
        if released && self.session.is_alive() {
            pending.answered(Answer::Released);
            return true;
        }
        pending.unknown();
        false
    }

    fn call(&self, what: What) -> Call {
        Call { lock: self.lock.clone(), session: self.session.id(), what }
    }
}

fn is_not_held(error: &ClientError) -> bool {
    [reason::LOCK_NOT_HELD, reason::LOCK_TOKEN_MISMATCH, reason::LOCK_NOT_FOUND].contains(&error.reason())
}
