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
use tokio::time::Instant;

use super::arguments::OnChange;
use super::setup::{Recipe, Setup};
use crate::cli::errors::Failure;
use crate::cli::exit::Exit;
use crate::cli::output::Output;
use crate::cli::program::{Launch, Program, exit_code};
use crate::cli::signals::{Signals, until};

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
            Err(not_started) => return Ok(not_started.tell(output)),
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
            Err(not_started) => Ok(Some(not_started.tell(self.output))),
        }
    }

    fn signal(&mut self, signal: Signal) {
        if self.supervisor.launch.was_typed(signal) {
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
