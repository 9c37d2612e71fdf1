//! A child process that a command runs: its start, its signals, its end.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, IsTerminal as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitCode, ExitStatus};

use rustix::process::{Pid, Signal, kill_process, kill_process_group, test_kill_process_group};
use tokio::process::{Child, Command};

use super::descendants;
use super::errors::Failure;
use super::exit::Exit;
use super::output::Output;

/// Variables of the environment by name.
pub(super) type Variables = BTreeMap<String, OsString>;

/// What a shell answers if there is no such program, and if it cannot be run.
const NOT_FOUND: u8 = 127;
const NOT_EXECUTABLE: u8 = 126;
/// What a shell adds to the number of the signal that ended a program.
const SIGNALLED: i32 = 128;

/// How the program is started.
#[derive(Debug)]
pub(super) struct Launch {
    program: OsString,
    arguments: Vec<OsString>,
    /// Whether somebody sits at a terminal: the program then stays in the foreground with us, and gets
    /// from the terminal itself what is typed there. Otherwise it leads a group of processes.
    at_terminal: bool,
}

/// A program that could not be started: what a shell would answer.
#[derive(Debug)]
pub(super) struct NotStarted {
    code: ExitCode,
    failure: Failure,
}

/// A running program. Dropping it kills it.
#[derive(Debug)]
pub(super) struct Program {
    child: Child,
    /// The group of processes that it leads. It may outlive its leader.
    group: Option<Pid>,
}

impl Launch {
    /// The words of a command: a program and its arguments.
    pub(super) fn of(command: Vec<OsString>) -> Self {
        let mut words = command.into_iter();
        let program = words.next().unwrap_or_default();
        Self { program, arguments: words.collect(), at_terminal: io::stdin().is_terminal() }
    }

    /// Whether a signal was typed at the terminal: then the program has it from there.
    pub(super) fn was_typed(&self, signal: Signal) -> bool {
        self.at_terminal && [Signal::INT, Signal::QUIT].contains(&signal)
    }

    /// Starts the program in our environment with these variables on top.
    pub(super) fn start(&self, variables: &Variables) -> Result<Program, NotStarted> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).envs(variables).kill_on_drop(true);
        if !self.at_terminal {
            command.process_group(0);
        }
        let child = command.spawn().map_err(|error| self.not_started(&error))?;
        let group = pid_of(&child).filter(|_| !self.at_terminal);
        Ok(Program { child, group })
    }

    fn not_started(&self, error: &io::Error) -> NotStarted {
        let code = if error.kind() == io::ErrorKind::NotFound { NOT_FOUND } else { NOT_EXECUTABLE };
        let what = format!("{} cannot be started: {error}", self.program.display());
        let failure = Failure::new(Exit::Failed, what);
        let failure = match error.kind() {
            io::ErrorKind::ArgumentListTooLong => {
                failure.with_hint("the environment is too large: use templates and --no-env")
            }
            _ => failure,
        };
        NotStarted { code: code.into(), failure }
    }
}

impl NotStarted {
    /// Tells why, and what a shell would answer.
    pub(super) fn tell(&self, output: &mut Output) -> ExitCode {
        output.note(self.failure.to_string().trim_end());
        self.code
    }
}

impl Program {
    /// Waits for the end. Cancel-safe.
    pub(super) async fn ended(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Sends a signal to the program itself. If it has just ended, there is nobody to hear it.
    pub(super) fn signal(&self, signal: Signal) {
        if let Some(pid) = self.pid() {
            let _ = kill_process(pid, signal);
        }
    }

    /// Sends a signal to the program, and with it to the processes that it has started: those in its group, or, of
    /// one at a terminal, which is in ours, its descendants.
    pub(super) fn signal_all(&self, signal: Signal) {
        match self.group {
            Some(group) => drop(kill_process_group(group, signal)),
            None => descendants::signal_all(self.pid(), signal),
        }
    }

    /// Kills the program, and with it the processes that it has started.
    pub(super) fn kill(&self) {
        self.signal_all(Signal::KILL);
    }

    /// Whether processes that it has started are there, be it without the program itself. At a terminal these are
    /// known from the first signal to all of them on.
    pub(super) fn has_rest(&self) -> bool {
        match self.group {
            Some(group) => test_kill_process_group(group).is_ok(),
            None => descendants::are_there(),
        }
    }

    /// Its process id, until its end was seen.
    fn pid(&self) -> Option<Pid> {
        pid_of(&self.child)
    }
}

fn pid_of(child: &Child) -> Option<Pid> {
    child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw)
}

/// The exit code for the end of a program, as shells make it.
pub(super) fn exit_code(status: ExitStatus) -> ExitCode {
    let of_signal = || status.signal().map(|signal| SIGNALLED + signal);
    code_of(status.code().or_else(of_signal).unwrap_or(i32::MAX))
}

/// The exit code of a command that a signal ended, as shells make it.
pub(super) fn exit_code_of(signal: Signal) -> ExitCode {
    code_of(SIGNALLED + signal.as_raw())
}

fn code_of(number: i32) -> ExitCode {
    ExitCode::from(u8::try_from(number).unwrap_or(u8::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(words: &[&str]) -> impl Future<Output = ExitStatus> {
        let launch = Launch { at_terminal: false, ..Launch::of(words.iter().map(OsString::from).collect()) };
        let variables = Variables::from([("GREETING".to_owned(), "hello".into())]);
        let mut program = launch.start(&variables).expect("a shell is there");
        async move { program.ended().await.expect("it is our child") }
    }

    #[tokio::test]
    async fn it_gets_its_variables_and_tells_its_code() {
        let status = ended(&["sh", "-c", "test \"$GREETING\" = hello && test -n \"$PATH\" && exit 7"]).await;
        assert_eq!(exit_code(status), ExitCode::from(7));
        let status = ended(&["sh", "-c", "kill -9 $$"]).await;
        assert_eq!(exit_code(status), ExitCode::from(137));
        assert_eq!(exit_code_of(Signal::TERM), ExitCode::from(143));
    }

    #[tokio::test]
    async fn what_it_has_started_can_be_ended_after_it() {
        let launch = Launch::of(["sh", "-c", "sleep 600 & exit 3"].map(OsString::from).to_vec());
        let mut program =
            Launch { at_terminal: false, ..launch }.start(&Variables::new()).expect("a shell is there");
        let status = program.ended().await.expect("it is our child");
        assert_eq!(exit_code(status), ExitCode::from(3));
        assert!(program.has_rest());
        program.kill();
    }

    #[tokio::test]
    async fn what_cannot_be_started_is_told_as_a_shell_would() {
        let missing = Launch::of(vec!["/no/such/program".into()]).start(&Variables::new());
        let missing = missing.expect_err("there is none");
        assert_eq!(missing.code, ExitCode::from(127));
        assert!(missing.failure.to_string().contains("/no/such/program cannot be started"));
        let folder =
            Launch::of(vec!["/".into()]).start(&Variables::new()).expect_err("a folder is no program");
        assert_eq!(folder.code, ExitCode::from(126));
    }
}
