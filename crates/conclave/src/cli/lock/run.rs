//! `conclave lock NAME -- COMMAND`: a program that runs while a lock is held.

use std::ffi::OsString;
use std::process::ExitCode;

use conclave_client::{ClientError, LockGuard, LockRequest, Session as WorkerSession};

use super::arguments::{self, HoldArgs, Permits};
use super::hold::{hold, waiting};
use super::supervise::Supervisor;
use crate::cli::errors::Failure;
use crate::cli::program::Launch;
use crate::cli::session::Session;

// What is said of the command is said where it is one: see the parent module.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct RunArgs {
    /// Name of the lock: segments of letters, digits, '.', '_' and '-' joined by '/'
    // There is none only where a command of locks stands in its place.
    #[arg(value_name = "NAME", required = true)]
    name: Option<String>,
    /// Others may hold it as well, shared
    #[arg(long, conflicts_with = "permits")]
    shared: bool,
    /// N of CAPACITY permits; all that use the lock give it the same capacity
    #[arg(long, value_name = "N/CAPACITY", value_parser = arguments::permits)]
    permits: Option<Permits>,
    #[command(flatten)]
    hold: HoldArgs,
    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl RunArgs {
    /// The lock, if one was named.
    pub(super) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Runs the program to its end, and tells its exit code.
    pub(super) async fn run(self, session: &mut Session) -> Result<ExitCode, Failure> {
        let supervisor = Supervisor { launch: Launch::of(self.command.clone()), grace: self.hold.grace };
        let ask = async |worker: &WorkerSession| self.acquire(worker).await;
        let act = async |holding: super::hold::Holding<'_, LockGuard>, session: &mut Session| {
            supervisor.run(holding, &mut session.output).await
        };
        hold(&self.hold, session, ask, act).await
    }

    async fn acquire(&self, worker: &WorkerSession) -> Result<LockGuard, ClientError> {
        let name =
            self.name.as_deref().expect("without a name there is a command of locks, and this is not run");
        let request = self.in_mode(worker.lock(name)).on_waiting(waiting(format!("for lock {name:?}")));
        let request = match self.hold.wait() {
            Some(wait) => request.wait(wait),
            None => request,
        };
        request.acquire().await
    }

    fn in_mode<'s>(&self, request: LockRequest<'s>) -> LockRequest<'s> {
        match self.permits {
            Some(Permits { count, capacity }) => request.permits(count, capacity),
            None if self.shared => request.shared(),
            None => request,
        }
    }
}
