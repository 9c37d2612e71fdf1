//! What happens when: the program ends, a signal comes, items change. One loop, and one place where each
//! of these is decided.
//!
//! A change is applied when it has been quiet for the settle time, and at the latest after ten of them.
//! A program that is to end gets its signal, and SIGKILL after the grace time.

use std::process::{ExitCode, ExitStatus};
use std::time::Duration;

use conclave_client::{CacheChange, ConfigCache};
use futures::StreamExt as _;
use rustix::process::Signal;
use tokio::signal::unix::{self, SignalKind};
use tokio::time::Instant;

use super::arguments::OnChange;
use super::program::{Launch, NotStarted, Program, exit_code};
use super::setup::{Recipe, Setup};
use crate::cli::errors::Failure;
use crate::cli::exit::Exit;
use crate::cli::output::Output;

/// A stream of changes without a pause is applied after so many settle times.
const SETTLES_MAX: u32 = 10;

/// What is to be done for a program.
pub(super) struct Supervisor {
    pub(super) recipe: Recipe,
    pub(super) launch: Launch,
    pub(super) on_change: OnChange,
    pub(super) settle: Duration,
    pub(super) grace: Duration,
}

/// What a program is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Runs,
    /// It was told to end, and is killed at a time.
    Ends {
        kill_at: Option<Instant>,
        restart: bool,
    },
}

/// When a change is to be applied.
#[derive(Debug, Clone, Copy)]
struct Settling {
    since: Instant,
    at: Instant,
}

/// A program under supervision.
struct Watched<'a> {
    supervisor: Supervisor,
    program: Program,
    setup: Setup,
    phase: Phase,
    settling: Option<Settling>,
    output: &'a mut Output,
}

/// What came next.
enum Event {
    Ended(std::io::Result<ExitStatus>),
    Signal(Signal),
    Change(CacheChange),
    Settled,
    GraceOver,
}

impl Supervisor {
    /// Starts the program, and goes on until it has ended.
    pub(super) async fn run(
        self,
        cache: &ConfigCache,
        setup: Setup,
        output: &mut Output,
    ) -> Result<ExitCode, Failure> {
        // Before the start, so that no signal is missed, and no change.
        let mut signals = Signals::listen()?;
        let mut changes = cache.changes();
        let program = match self.launch.start(&setup.variables) {
            Ok(program) => program,
            Err(not_started) => return Ok(tell(&not_started, output)),
        };
        let mut watched =
            Watched { supervisor: self, program, setup, phase: Phase::Runs, settling: None, output };
        // What came between the setup and here.
        watched.apply(cache)?;
        loop {
            let (kill_at, settles_at) = (watched.kill_at(), watched.settles_at());
            let event = tokio::select! {
                biased;
                ended = watched.program.ended() => Event::Ended(ended),
                signal = signals.next() => Event::Signal(signal),
                () = until(kill_at) => Event::GraceOver,
                () = until(settles_at) => Event::Settled,
                Some(change) = changes.next() => Event::Change(change),
            };
            if let Some(code) = watched.take(event, cache)? {
                return Ok(code);
            }
        }
    }
}

impl Watched<'_> {
    /// Takes one event; tells the exit code if it was the last.
    fn take(&mut self, event: Event, cache: &ConfigCache) -> Result<Option<ExitCode>, Failure> {
        match event {
            Event::Ended(status) => return self.ended(status),
            Event::Signal(signal) => self.signal(signal),
            Event::GraceOver => self.kill(),
            Event::Change(change) => self.changed(&change),
            Event::Settled => self.apply(cache)?,
        }
        Ok(None)
    }

    fn ended(&mut self, status: std::io::Result<ExitStatus>) -> Result<Option<ExitCode>, Failure> {
        let status =
            status.map_err(|error| Failure::new(Exit::Failed, format!("the program is lost: {error}")))?;
        if !matches!(self.phase, Phase::Ends { restart: true, .. }) {
            return Ok(Some(exit_code(status)));
        }
        match self.supervisor.launch.start(&self.setup.variables) {
            Ok(program) => {
                self.program = program;
                self.phase = Phase::Runs;
                Ok(None)
            }
            Err(not_started) => Ok(Some(tell(&not_started, self.output))),
        }
    }

    fn signal(&mut self, signal: Signal) {
        // What is typed at a terminal comes to the program from there.
        let typed = self.supervisor.launch.at_terminal() && [Signal::INT, Signal::QUIT].contains(&signal);
        if typed {
            return;
        }
        if [Signal::TERM, Signal::INT].contains(&signal) {
            self.end(signal, false);
        } else {
            self.program.signal(signal);
        }
    }

    /// Tells the program to end. The first such time counts for the grace.
    fn end(&mut self, signal: Signal, restart: bool) {
        self.program.signal(signal);
        let kill_at = match self.phase {
            Phase::Runs => Some(Instant::now() + self.supervisor.grace),
            Phase::Ends { kill_at, .. } => kill_at,
        };
        self.phase = Phase::Ends { kill_at, restart };
    }

    fn kill(&mut self) {
        let grace_ms = self.supervisor.grace.as_millis();
        self.output.note(&format!("warning: the program has not ended within {grace_ms} ms and is killed"));
        self.program.kill();
        if let Phase::Ends { kill_at, .. } = &mut self.phase {
            *kill_at = None;
        }
    }

    fn changed(&mut self, change: &CacheChange) {
        if change.after.is_deleted() {
            self.output.note("warning: the namespace was deleted: the program goes on with what it has");
        }
        let now = Instant::now();
        let since = self.settling.map_or(now, |settling| settling.since);
        let latest = since + self.supervisor.settle * SETTLES_MAX;
        self.settling = Some(Settling { since, at: (now + self.supervisor.settle).min(latest) });
    }

    /// Makes the newest version the program's, if that makes a difference to it.
    fn apply(&mut self, cache: &ConfigCache) -> Result<(), Failure> {
        self.settling = None;
        let content = cache.content();
        if content.is_deleted() {
            return Ok(());
        }
        let made = self.supervisor.recipe.setup(&content);
        let setup = match made.and_then(|setup| setup.write_files().map(|()| setup)) {
            Ok(setup) => setup,
            Err(failure) => {
                let version = content.version();
                self.output.note(&format!(
                    "warning: version {version} is not applied, the program goes on with what it has\n{}",
                    failure.to_string().trim_end()
                ));
                return Ok(());
            }
        };
        if setup == self.setup {
            return Ok(());
        }
        self.setup = setup;
        self.tell_program(content.version());
        Ok(())
    }

    fn tell_program(&mut self, version: u64) {
        // A program that is about to end is not disturbed; one that starts anew gets the newest.
        if self.phase != Phase::Runs {
            return;
        }
        match self.supervisor.on_change {
            OnChange::Restart => {
                self.output.note(&format!("note: version {version}: the program is restarted"));
                self.end(Signal::TERM, true);
            }
            OnChange::Signal(signal) => self.program.signal(signal),
            OnChange::None => {}
        }
    }

    fn kill_at(&self) -> Option<Instant> {
        match self.phase {
            Phase::Runs => None,
            Phase::Ends { kill_at, .. } => kill_at,
        }
    }

    fn settles_at(&self) -> Option<Instant> {
        self.settling.map(|settling| settling.at)
    }
}

/// Tells why the program could not be started, and what a shell would answer.
fn tell(not_started: &NotStarted, output: &mut Output) -> ExitCode {
    output.note(not_started.failure.to_string().trim_end());
    not_started.code
}

/// Waits until a time, or for ever.
async fn until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// The signals that are meant for the program.
struct Signals {
    terminate: unix::Signal,
    interrupt: unix::Signal,
    hang_up: unix::Signal,
    quit: unix::Signal,
    user_1: unix::Signal,
    user_2: unix::Signal,
}

impl Signals {
    fn listen() -> Result<Self, Failure> {
        let on = |kind| {
            unix::signal(kind)
                .map_err(|error| Failure::new(Exit::Failed, format!("signals cannot be heard: {error}")))
        };
        Ok(Self {
            terminate: on(SignalKind::terminate())?,
            interrupt: on(SignalKind::interrupt())?,
            hang_up: on(SignalKind::hangup())?,
            quit: on(SignalKind::quit())?,
            user_1: on(SignalKind::user_defined1())?,
            user_2: on(SignalKind::user_defined2())?,
        })
    }

    /// Waits for the next one. Cancel-safe.
    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::TERM,
            _ = self.interrupt.recv() => Signal::INT,
            _ = self.hang_up.recv() => Signal::HUP,
            _ = self.quit.recv() => Signal::QUIT,
            _ = self.user_1.recv() => Signal::USR1,
            _ = self.user_2.recv() => Signal::USR2,
        }
    }
}
