//! An exclusive lock: who holds it, under which token, and what is done under tokens.
//!
//! A session that ends gives its locks up. When that happens is the store's matter and not the client's, so whoever
//! records notes a [`What::End`] for each lock that the session may have: called when the session was last known to
//! live, and of unknown outcome until the end is known. The same goes for an acquire that was given up: it may still
//! be granted, until its session ends.
//!
//! Three checks besides the model are cheaper and look at other things: [`mutual_exclusion`], [`token_order`] and
//! [`fenced_order`].

use serde::{Deserialize, Serialize};

use crate::history::{End, History};
use crate::model::Model;

pub use crate::holds::{FencedWrite, Hold, Overlap, fenced_order, holds, mutual_exclusion, token_order};

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// Of which lock.
    pub lock: String,
    /// In which session.
    pub session: u64,
    /// What.
    pub what: What,
}

/// What can be asked of a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// To hold it, after a wait or at once.
    Acquire,
    /// To hold it no longer.
    Release {
        /// The token that it was granted under.
        token: u64,
    },
    /// The session ends, or was lost.
    End,
    /// A write that the store may do only while the lock is held under this token.
    Guarded {
        /// The token.
        token: u64,
    },
}

/// What a client is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It holds the lock.
    Granted {
        /// Under this token.
        token: u64,
    },
    /// Somebody else does, and it was not to wait.
    Busy,
    /// It was released.
    Released,
    /// It was not held under that token: a release or a guarded write was refused.
    NotHeld,
    /// The session is over.
    Ended,
    /// The guarded write was done.
    Written,
}

/// The model of exclusive locks. None is held at first.
#[derive(Debug, Clone, Copy, Default)]
pub struct Lock;

/// Who holds a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct State {
    holder: Option<Holder>,
    /// The greatest token that is known to have been granted.
    granted: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Holder {
    session: u64,
    /// None: nobody was told yet.
    token: Option<u64>,
}

impl Model for Lock {
    type Call = Call;
    type Answer = Answer;
    type Key = String;
    type State = State;

    fn key(&self, call: &Call) -> String {
        call.lock.clone()
    }

    fn initial(&self, _: &String) -> State {
        State { holder: None, granted: 0 }
    }

    fn step(&self, state: &State, call: &Call, answer: Option<&Answer>) -> Vec<State> {
        let next = match (call.what, answer) {
            (What::Acquire, Some(Answer::Granted { token })) => state.granted_to(call.session, *token),
            (What::Acquire, Some(Answer::Busy)) => state.holder.map(|_| *state),
            (What::Acquire, None) => state.granted_unseen(call.session),
            (What::Release { token }, Some(Answer::Released)) => {
                state.held(call.session, token).map(State::free)
            }
            (What::Release { token }, None) => state.held(call.session, token).map(State::free),
            (What::Release { token } | What::Guarded { token }, Some(Answer::NotHeld)) => {
                state.may_not_be_held(call.session, token).then_some(*state)
            }
            (What::End, Some(Answer::Ended)) => Some(state.ended(call.session)),
            (What::End, None) => Some(state.ended(call.session)),
            (What::Guarded { token }, Some(Answer::Written)) => state.held(call.session, token),
            _ => None,
        };
        next.into_iter().collect()
    }

    fn only_looks(&self, call: &Call, answer: Option<&Answer>) -> bool {
        matches!(call.what, What::Guarded { .. }) || matches!(answer, Some(Answer::Busy | Answer::NotHeld))
    }

    fn describe(&self, call: &Call, end: &End<Answer>) -> String {
        let Call { lock, session, what } = call;
        let what = match what {
            What::Acquire => "acquire".to_owned(),
            What::Release { token } => format!("release, token {token}"),
            What::End => "end of the session".to_owned(),
            What::Guarded { token } => format!("write, token {token}"),
        };
        format!("{lock}, session {session}: {what} → {}", describe_end(end))
    }

    fn describe_state(&self, state: &State) -> String {
        match state.holder {
            Some(Holder { session, token: Some(token) }) => {
                format!("held by session {session}, token {token}")
            }
            Some(Holder { session, token: None }) => {
                format!("held by session {session}, with some token after {}", state.granted)
            }
            None => format!("free, tokens up to {} granted", state.granted),
        }
    }
}

impl State {
    fn granted_to(self, session: u64, token: u64) -> Option<Self> {
        let possible = self.holder.is_none() && token > self.granted;
        possible.then_some(Self { holder: Some(Holder { session, token: Some(token) }), granted: token })
    }

    fn granted_unseen(self, session: u64) -> Option<Self> {
        let holder = Some(Holder { session, token: None });
        self.holder.is_none().then_some(Self { holder, ..self })
    }

    /// What is known if the session holds it under the token; none if it cannot.
    fn held(self, session: u64, token: u64) -> Option<Self> {
        let holder = self.holder.filter(|holder| holder.session == session)?;
        match holder.token {
            Some(held) => (held == token).then_some(self),
            None if token > self.granted => {
                Some(Self { holder: Some(Holder { session, token: Some(token) }), granted: token })
            }
            None => None,
        }
    }

    fn may_not_be_held(self, session: u64, token: u64) -> bool {
        let known = self.holder.is_some_and(|holder| holder.token.is_some());
        !known || self.held(session, token).is_none()
    }

    fn ended(self, session: u64) -> Self {
        if self.holder.is_some_and(|holder| holder.session == session) { self.free() } else { self }
    }

    fn free(self) -> Self {
        Self { holder: None, ..self }
    }
}

fn describe_end(end: &End<Answer>) -> String {
    match end.answer() {
        Some(Answer::Granted { token }) => format!("granted, token {token}"),
        Some(Answer::Busy) => "busy".to_owned(),
        Some(Answer::Released) => "released".to_owned(),
        Some(Answer::NotHeld) => "not held".to_owned(),
        Some(Answer::Ended) => "over".to_owned(),
        Some(Answer::Written) => "done".to_owned(),
        None => end.without_answer().to_owned(),
    }
}

/// What workers did with locks.
pub type LockHistory = History<Call, Answer>;
