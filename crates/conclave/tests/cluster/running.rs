//! A command that goes on for as long as it is wanted, of which each line is heard.

use std::time::Duration;

use conclave_testkit::CommandLine;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdout};

/// How long anything may take to be heard.
const HEARD_MAX: Duration = Duration::from_secs(30);

/// A command that runs. Dropping it kills it.
pub(crate) struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    notes: BufReader<ChildStderr>,
}

impl Running {
    pub(crate) fn start(cli: &CommandLine, arguments: &[&str]) -> Self {
        Self::of(cli.spawn(arguments))
    }

    pub(crate) fn of(mut child: Child) -> Self {
        let lines = BufReader::new(child.stdout.take().expect("it was asked for")).lines();
        let notes = BufReader::new(child.stderr.take().expect("it was asked for"));
        Self { child, lines, notes }
    }

    /// The next line of its standard output.
    pub(crate) async fn line(&mut self) -> String {
        let line = tokio::time::timeout(HEARD_MAX, self.lines.next_line()).await.expect("a line comes");
        line.expect("it can be read").expect("the program goes on")
    }

    /// Waits until nobody holds its standard output any more; no line may come.
    pub(crate) async fn nobody_is_left(&mut self) {
        let end = tokio::time::timeout(HEARD_MAX, self.lines.next_line()).await;
        assert_eq!(end.expect("nobody holds the pipe").expect("it can be read"), None);
    }

    /// The next line of its standard error.
    pub(crate) async fn note(&mut self) -> String {
        let mut note = String::new();
        let heard = tokio::time::timeout(HEARD_MAX, self.notes.read_line(&mut note)).await;
        let size_bytes = heard.expect("a note comes").expect("it is text");
        assert!(size_bytes > 0, "it ended without a word");
        note
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().expect("it runs").to_string();
        signal(&id, name);
    }

    pub(crate) async fn code(&mut self) -> Option<i32> {
        let ended = tokio::time::timeout(HEARD_MAX, self.child.wait()).await.expect("it ends");
        ended.expect("it is our child").code()
    }

    /// What was said on standard error and not heard yet, after the end.
    pub(crate) async fn said(&mut self) -> String {
        let mut said = String::new();
        self.notes.read_to_string(&mut said).await.expect("it is text");
        said
    }
}

/// Sends a signal to a process.
pub(crate) fn signal(id: &str, name: &str) {
    let sent = std::process::Command::new("kill").args([&format!("-{name}"), id]).status();
    assert!(sent.expect("kill is there").success());
}
