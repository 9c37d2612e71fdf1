//! A program that runs while something is held: what happens when it ends, when a signal comes, and when what is held
//! is lost.
//!
//! A program that is told to end gets its signal with all that it has started, and SIGKILL follows after the grace
//! time. It has ended when nothing of that is left: only then another may have what was held.

use std::io;
use std::process::{ExitCode, ExitStatus};
use std::time::Duration;

use conclave_client::LockLost;
use rustix::process::Signal;
use tokio::time::Instant;

use super::hold::{Hold, Holding};
use crate::cli::errors::Failure;
use crate::cli::exit::Exit;
use crate::cli::options::{FENCING_TOKEN, LOCK_NAME, SESSION_ID};
use crate::cli::output::Output;
use crate::cli::program::{Launch, Program, Variables, exit_code};
use crate::cli::signals::{Signals, until};

/// How often it is looked whether the rest of a program has ended, in milliseconds.
const REST_POLL_MS: u64 = 20;

/// How a program is to be run.
pub(in crate::cli) struct Supervisor {
    pub(in crate::cli) launch: Launch,
    pub(in crate::cli) grace: Duration,
}

/// What a program is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Runs,
    /// It was told to end, and is killed at a time.
    Ends {
        kill_at: Instant,
    },
    Killed,
}

/// A program under supervision.
struct Watched<'a> {
    supervisor: &'a Supervisor,
    program: Program,
    phase: Phase,
    is_lost: bool,
    output: &'a mut Output,
}

/// What came next, but for the end.
enum Event {
    Lost(LockLost),
    Signal(Signal),
    GraceOver,
}

impl Supervisor {
    /// Runs the program to its end, and tells its exit code, or that what it needed was lost.
    pub(in crate::cli) async fn run<H: Hold>(
        &self,
        holding: Holding<'_, H>,
        output: &mut Output,
    ) -> Result<ExitCode, Failure> {
        let Holding { hold, session_id, signals } = holding;
        // It may have been lost since the grant: then the program must not start at all.
        if !hold.is_held() {
            return Err(hold.failure().during("before the program was started"));
        }
        let program = match self.launch.start(&variables(hold, session_id)) {
            Ok(program) => program,
            Err(not_started) => return Ok(not_started.tell(output)),
        };
        let mut watched = Watched { supervisor: self, program, phase: Phase::Runs, is_lost: false, output };
        let status = watched.ended(hold, signals).await;
        watched.rest_ended().await;
        // Whoever was paused learns only now that it was lost meanwhile.
        if watched.is_lost || !hold.is_held() {
            return Err(hold.failure());
        }
        let gone = |error| Failure::new(Exit::Failed, format!("the program is lost: {error}"));
        status.map(exit_code).map_err(gone)
    }
}

/// What the program learns of what is held.
fn variables(hold: &impl Hold, session_id: u64) -> Variables {
    let variables = [
        (FENCING_TOKEN, hold.token().to_string()),
        (LOCK_NAME, hold.name().to_owned()),
        (SESSION_ID, session_id.to_string()),
    ];
    variables.map(|(name, text)| (name.to_owned(), text.into())).into()
}

impl Watched<'_> {
    /// Waits for the end of the program itself, and does what is due meanwhile.
    async fn ended(&mut self, hold: &impl Hold, signals: &mut Signals) -> io::Result<ExitStatus> {
        loop {
            let kill_at = self.kill_at();
            let event = tokio::select! {
                biased;
                ended = self.program.ended() => return ended,
                cause = hold.lost(), if !self.is_lost => Event::Lost(cause),
                signal = signals.next() => Event::Signal(signal),
                () = until(kill_at) => Event::GraceOver,
            };
            match event {
                Event::Lost(cause) => self.lost(&hold.what(), &cause),
                Event::Signal(signal) => self.signal(signal),
                Event::GraceOver => self.kill(),
            }
        }
    }

    fn lost(&mut self, what: &str, cause: &LockLost) {
        self.is_lost = true;
        self.output.note(&format!("warning: {what} is lost ({cause}): the program is told to end"));
        self.end(Signal::TERM);
    }

    fn signal(&mut self, signal: Signal) {
        if self.supervisor.launch.was_typed(signal) {
            return;
        }
        if [Signal::TERM, Signal::INT].contains(&signal) {
            self.end(signal);
        } else {
            self.program.signal(signal);
        }
    }

    /// Tells the program to end. The first such time counts for the grace.
    fn end(&mut self, signal: Signal) {
        self.program.signal_all(signal);
        if self.phase == Phase::Runs {
            self.phase = Phase::Ends { kill_at: Instant::now() + self.supervisor.grace };
        }
    }

    fn kill(&mut self) {
        let grace_ms = self.supervisor.grace.as_millis();
        self.output.note(&format!("warning: the program has not ended within {grace_ms} ms and is killed"));
        self.program.kill();
        self.phase = Phase::Killed;
    }

    fn kill_at(&self) -> Option<Instant> {
        match self.phase {
            Phase::Ends { kill_at } => Some(kill_at),
            Phase::Runs | Phase::Killed => None,
        }
    }

    /// Waits for the rest of a program that was told to end.
    async fn rest_ended(&mut self) {
        while let Some(kill_at) = self.kill_at().filter(|_| self.program.has_rest()) {
            if Instant::now() >= kill_at {
                return self.kill();
            }
            tokio::time::sleep(Duration::from_millis(REST_POLL_MS)).await;
        }
    }
}
