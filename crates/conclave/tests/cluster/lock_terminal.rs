//! `conclave lock NAME -- COMMAND` where somebody sits at a terminal, in a script, and under whoever ends it all at once.

use std::fs::File;
use std::os::fd::OwnedFd;

use conclave_testkit::CommandLine;
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};

use crate::lock_program::{SERVICE, holder, shown};
use crate::running::{Running, signal};
use crate::stage::{BINARY, one};

/// A terminal at which nobody types.
struct Terminal {
    /// What is behind it: without that there is no terminal.
    _behind: OwnedFd,
    screen: File,
}

impl Terminal {
    fn open() -> Self {
        let behind = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("there are terminals");
        grantpt(&behind).expect("it is ours");
        unlockpt(&behind).expect("it is ours");
        let screen =
            ioctl_tiocgptpeer(&behind, OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("it is unlocked");
        Self { _behind: behind, screen: screen.into() }
    }

    /// A program that runs under a lock by now, started from here.
    async fn holder(&self, cli: &CommandLine, arguments: &[&str], script: &str) -> Running {
        let arguments = [&["lock"], arguments, &["--", "sh", "-c", script]].concat();
        let stdin = self.screen.try_clone().expect("there is room for a file");
        let mut running = Running::of(cli.spawn_with(&arguments, stdin));
        assert_eq!(running.line().await, "up");
        running
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_of_a_program_at_a_terminal() {
    let cluster = one().await;
    let cli = cluster.command_line();
    let terminal = Terminal::open();
    // The shell alone would end, and what it waits for go on.
    let script = "echo up; sleep 600; echo 'this is too late'";
    let taken = ["lock", "release", "orders/42", "--force", "--reason", "a test"];

    let mut told_to_end = terminal.holder(&cli, &["orders/42"], script).await;
    told_to_end.signal("TERM");
    assert_eq!(told_to_end.code().await, Some(143));
    told_to_end.nobody_is_left().await;

    let mut loses = terminal.holder(&cli, &["orders/42"], script).await;
    cli.run(&taken).await.done();
    assert_eq!(loses.code().await, Some(125));
    loses.nobody_is_left().await;

    let stubborn = "(trap '' TERM; sh -c 'sleep 600; true') & echo up; wait";
    let mut killed = terminal.holder(&cli, &["orders/42", "--grace", "300ms"], stubborn).await;
    cli.run(&taken).await.done();
    assert_eq!(killed.code().await, Some(125));
    assert!(killed.said().await.contains("within 300 ms and is killed"));
    killed.nobody_is_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_that_was_ignored_stays_so() {
    let cluster = one().await;
    let cli = cluster.command_line();
    // As under nohup: the shell becomes the inner `conclave lock`.
    let program = "trap 'echo heard' USR1; echo up; while :; do sleep 0.1; done";
    let script =
        format!("echo up; echo $$; trap '' HUP INT; exec {BINARY} lock inner -- sh -c \"{program}\"");
    let mut running = holder(&cli, &["outer"], &script).await;
    let inner = running.line().await;
    assert_eq!(running.line().await, "up");
    for name in ["HUP", "INT", "USR1"] {
        signal(&inner, name);
    }
    assert_eq!(running.line().await, "heard");
    assert_eq!(shown(&cli, "inner").await["holder_count"], 1);
    signal(&inner, "TERM");
    assert_eq!(running.code().await, Some(143));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_is_released_though_the_program_and_its_keeper_are_told_to_end_at_once() {
    let cluster = one().await;
    let cli = cluster.command_line();
    let script = format!("echo up; echo $$; {SERVICE}");
    let mut running = holder(&cli, &["orders/42", "--ttl", "1h"], &script).await;
    let program = running.line().await;
    assert_eq!(running.line().await, "up");
    // It learns at the same moment that its program has ended and that it is to end.
    running.signal("STOP");
    signal(&program, "KILL");
    running.signal("TERM");
    running.signal("CONT");
    assert_eq!(running.code().await, Some(137));
    assert_eq!(running.said().await, "");
    cli.run(&["lock", "show", "orders/42"]).await.failed(3);
}
