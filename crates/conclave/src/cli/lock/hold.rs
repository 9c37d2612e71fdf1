//! What is held while a program runs, from the opening of the session to its end.
//!
//! Whatever happens, the session is closed in the end, which releases all that hangs on it; and never before the
//! program has ended.

use std::io::Write as _;
use std::pin::pin;
use std::process::ExitCode;
use std::sync::Once;
use std::time::Duration;

use conclave_client::{ClientError, Leader, LockGuard, LockLost, Session as WorkerSession};
use rustix::process::Signal;

use super::arguments::HoldArgs;
use crate::cli::errors::Failure;
use crate::cli::exit::Exit;
use crate::cli::program::exit_code_of;
use crate::cli::session::Session;
use crate::cli::signals::Signals;
use crate::cli::text;

/// So long a session is being closed, whatever signals come: those that ended the program may be told only now. One
/// that is lost is given no longer, as the cluster ends it anyway.
const CLOSE_MS: u64 = 2_000;

/// A lock, or the leadership of an election.
pub(in crate::cli) trait Hold {
    /// What it is called to people: `lock "orders/42"`.
    fn what(&self) -> String;
    fn name(&self) -> &str;
    fn token(&self) -> u64;
    /// Whether it is held, as far as can be known at this moment.
    fn is_held(&self) -> bool;
    /// Waits until it is lost.
    async fn lost(&self) -> LockLost;

    /// The failure of a command that needed it to the end.
    fn failure(&self) -> Failure {
        let hint = format!(
            "what remembers the greatest token that it has seen, and refuses smaller ones, is safe from what was done \
             since: this one was {}",
            self.token()
        );
        Failure::new(Exit::Lost, format!("{} was lost", self.what())).with_hint(hint)
    }
}

impl Hold for LockGuard {
    fn what(&self) -> String {
        format!("lock {:?}", LockGuard::name(self))
    }

    fn name(&self) -> &str {
        LockGuard::name(self)
    }

    fn token(&self) -> u64 {
        LockGuard::token(self)
    }

    fn is_held(&self) -> bool {
        LockGuard::is_held(self)
    }

    async fn lost(&self) -> LockLost {
        LockGuard::lost(self).await
    }
}

impl Hold for Leader {
    fn what(&self) -> String {
        format!("the leadership of {:?}", Leader::name(self))
    }

    fn name(&self) -> &str {
        Leader::name(self)
    }

    fn token(&self) -> u64 {
        Leader::token(self)
    }

    fn is_held(&self) -> bool {
        self.is_leader()
    }

    async fn lost(&self) -> LockLost {
        Leader::lost(self).await
    }
}

/// What is held, for those who do something meanwhile.
pub(in crate::cli) struct Holding<'a, H> {
    pub(in crate::cli) hold: &'a H,
    pub(in crate::cli) session_id: u64,
    pub(in crate::cli) signals: &'a mut Signals,
}

/// Opens a session, asks for something, does something while it has that, and closes the session.
pub(in crate::cli) async fn hold<H: Hold>(
    args: &HoldArgs,
    session: &mut Session,
    ask: impl AsyncFnOnce(&WorkerSession) -> Result<H, ClientError>,
    act: impl AsyncFnOnce(Holding<'_, H>, &mut Session) -> Result<ExitCode, Failure>,
) -> Result<ExitCode, Failure> {
    // Before anything is asked for, so that a signal leaves nothing behind.
    let mut signals = Signals::listen()?;
    let opening = session.client.open_session(args.session_options(session));
    let worker = match unless_ended(&mut signals, opening).await {
        Ok(opened) => opened?,
        Err(signal) => return Ok(exit_code_of(signal)),
    };
    let asked = unless_ended(&mut signals, ask(&worker)).await;
    let ended = match &asked {
        Ok(Ok(hold)) => {
            let holding = Holding { hold, session_id: worker.id(), signals: &mut signals };
            act(holding, session).await
        }
        Ok(Err(error)) => Err(error.clone().into()),
        Err(signal) => Ok(exit_code_of(*signal)),
    };
    close(worker, session, &mut signals).await;
    ended
}

/// Tells once that it waits, and what for.
pub(in crate::cli) fn waiting(what_for: String) -> impl Fn(u64) + Send + Sync {
    let first = Once::new();
    move |ahead| {
        first.call_once(|| {
            let before = text::grouped(ahead);
            // If nobody hears it, it waits all the same.
            let _ = writeln!(std::io::stderr(), "note: waiting {what_for}: {before} before it in the queue");
        });
    }
}

/// Closes the session. If that cannot be done, it is told when what it has will be released.
async fn close(worker: WorkerSession, session: &mut Session, signals: &mut Signals) {
    let (ttl_ms, was_alive) = (worker.ttl().as_millis(), worker.is_alive());
    let mut closing = pin!(worker.close());
    let closed = match tokio::time::timeout(Duration::from_millis(CLOSE_MS), &mut closing).await {
        Ok(closed) => Ok(closed),
        Err(_) if was_alive => unless_ended(signals, closing).await,
        Err(_) => return,
    };
    let why = match closed {
        Ok(Err(error)) if was_alive => error.to_string(),
        Ok(_) => return,
        Err(_) => "a signal came first".into(),
    };
    session.output.note(&format!(
        "warning: the session cannot be closed ({why}): what it has is released after {ttl_ms} ms at the latest"
    ));
}

/// Waits for something, unless a signal comes that ends a command.
async fn unless_ended<T>(signals: &mut Signals, wait: impl Future<Output = T>) -> Result<T, Signal> {
    tokio::select! {
        biased;
        waited = wait => Ok(waited),
        signal = signals.end() => Err(signal),
    }
}
