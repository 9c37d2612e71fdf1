//! Runs of the `conclave` binary as a command: arguments in, output and exit code out.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::process::Child;

use crate::node::quiet;

/// How long a command may take.
const RUN_LIMIT: Duration = Duration::from_secs(60);

/// Runs commands in one folder, against some nodes.
#[derive(Debug, Clone)]
pub struct CommandLine {
    binary: PathBuf,
    folder: PathBuf,
    variables: Vec<(String, String)>,
}

/// How a command ended and what it said.
#[derive(Debug, Clone)]
pub struct Ran {
    /// The exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl CommandLine {
    /// Runs commands in `folder`, which is also the home directory, so that no file of the user is read.
    pub fn new(binary: &Path, folder: &Path) -> Self {
        let home = folder.display().to_string();
        let variables = vec![("HOME".to_owned(), home.clone()), ("XDG_CONFIG_HOME".to_owned(), home)];
        Self { binary: binary.into(), folder: folder.into(), variables }
    }

    /// Sets a variable of the environment.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// Runs a command to its end.
    ///
    /// # Panics
    /// If it does not end within a minute.
    pub async fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with_input(arguments, b"").await
    }

    /// Runs a command that reads `input` from its standard input.
    ///
    /// # Panics
    /// If it does not end within a minute.
    pub async fn run_with_input(&self, arguments: &[&str], input: &[u8]) -> Ran {
        let mut child = self.start(arguments, Stdio::piped());
        let mut stdin = child.stdin.take().expect("it was asked for");
        // A command that does not read its input closes it; that is no failure of the test.
        let _ = stdin.write_all(input).await;
        drop(stdin);
        let ran = tokio::time::timeout(RUN_LIMIT, child.wait_with_output()).await;
        let output = ran.expect("the command ends within a minute").expect("it is our child");
        Ran {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Starts a command that goes on until it is ended, with pipes for its output. Dropping it kills it.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn spawn(&self, arguments: &[&str]) -> Child {
        self.spawn_with(arguments, Stdio::null())
    }

    /// The same, with something to read from.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn spawn_with(&self, arguments: &[&str], stdin: impl Into<Stdio>) -> Child {
        self.start(arguments, stdin.into())
    }

    fn start(&self, arguments: &[&str], stdin: Stdio) -> Child {
        let mut command = tokio::process::Command::from(quiet(&self.binary));
        command.args(arguments).current_dir(&self.folder).envs(self.variables.iter().cloned());
        command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command.spawn().expect("the binary can be started")
    }
}

impl Ran {
    /// The standard output of a command that must have succeeded.
    ///
    /// # Panics
    /// If it did not.
    #[track_caller]
    pub fn done(self) -> String {
        assert_eq!(self.code, Some(0), "the command succeeds\n{}{}", self.stdout, self.stderr);
        self.stdout
    }

    /// What a command that must have failed with `code` said on its standard error.
    ///
    /// # Panics
    /// If it ended otherwise, or said anything on its standard output.
    #[track_caller]
    pub fn failed(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "the exit code\n{}{}", self.stdout, self.stderr);
        assert_eq!(self.stdout, "", "what fails says so on standard error");
        self.stderr
    }
}
