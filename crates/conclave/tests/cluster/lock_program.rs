//! `conclave lock NAME -- COMMAND`: what the program learns, who waits, and how it ends.

use conclave_testkit::{Cluster, CommandLine};

use crate::running::Running;
use crate::stage::{BINARY, one};

/// Says that it runs, waits, and says so when it is asked to end.
pub(crate) const SERVICE: &str = "trap 'echo ends; exit 0' TERM; echo up; while :; do sleep 0.1; done";

async fn alone() -> (Cluster, CommandLine) {
    let cluster = one().await;
    let cli = cluster.command_line();
    (cluster, cli)
}

/// A program that runs under a lock by now.
pub(crate) async fn holder(cli: &CommandLine, arguments: &[&str], script: &str) -> Running {
    let mut running = Running::start(cli, &[&["lock"], arguments, &["--", "sh", "-c", script]].concat());
    assert_eq!(running.line().await, "up");
    running
}

/// What is told of a lock.
pub(crate) async fn shown(cli: &CommandLine, name: &str) -> serde_json::Value {
    let told = cli.run(&["lock", "show", name, "--output", "json"]).await.done();
    serde_json::from_str(&told).expect("one report")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_learns_its_token_and_its_code_is_told() {
    let (_cluster, cli) = alone().await;
    let script = "echo \"$CONCLAVE_LOCK_NAME $CONCLAVE_FENCING_TOKEN $CONCLAVE_SESSION_ID\"; exit 7";
    let mut tokens = Vec::new();
    for _ in 0..2 {
        let ran = cli.run(&["lock", "orders/42", "--", "sh", "-c", script]).await;
        assert_eq!(ran.code, Some(7), "{}", ran.stderr);
        let words: Vec<&str> = ran.stdout.split_whitespace().collect();
        assert_eq!((words[0], words.len()), ("orders/42", 3));
        tokens.push(words[1].parse::<u64>().expect("a token is a number"));
        assert_ne!(words[2].parse::<u64>().expect("a session is a number"), 0);
    }
    assert!(0 < tokens[0] && tokens[0] < tokens[1], "{tokens:?}");
    cli.run(&["lock", "show", "orders/42"]).await.failed(3);
    let sessions = cli.run(&["session", "list", "--output", "json"]).await.done();
    assert!(sessions.contains("\"sessions\": []"), "each was closed: {sessions}");

    let ran = cli.run(&["lock", "run", "list", "--", "sh", "-c", "kill -9 $$"]).await;
    assert_eq!(ran.code, Some(137), "{}", ran.stderr);
    let told = cli.run(&["lock", "orders/42", "--", "/no/such/program"]).await.failed(127);
    assert!(told.contains("/no/such/program cannot be started"), "{told}");
    cli.run(&["lock", "no name", "--", "true"]).await.failed(7);
    let told = cli.run(&["lock", "orders/42", "list"]).await.failed(2);
    assert!(told.contains("\"orders/42\" is no command of locks"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_can_use_its_token_with_the_same_program() {
    let (_cluster, cli) = alone().await;
    let held = "\"$CONCLAVE_LOCK_NAME:$CONCLAVE_FENCING_TOKEN\"";
    let script = format!(
        "{BINARY} lock check $CONCLAVE_LOCK_NAME $CONCLAVE_FENCING_TOKEN >&2 && \
         {BINARY} config put orders done=1 --create-namespace --held {held} >&2 && echo {held}"
    );
    let told = cli.run(&["lock", "orders/42", "--", "sh", "-c", &script]).await.done();
    let held = told.trim();

    // Now it is over, no write that depends on it takes place.
    for write in [
        &["config", "put", "orders", "done=2"][..],
        &["config", "delete", "orders", "done"],
        &["config", "delete", "orders", "--namespace", "--yes"],
        &["config", "rollback", "orders", "--to", "1"],
    ] {
        let told = cli.run(&[write, &["--held", held]].concat()).await.failed(4);
        assert!(told.contains("orders/42"), "{told}");
    }
    assert_eq!(cli.run(&["config", "get", "orders", "done"]).await.done().trim(), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_is_not_to_be_had_before_its_holder_has_ended() {
    let (_cluster, cli) = alone().await;
    let mut first = holder(&cli, &["orders/42", "--owner", "worker-7"], SERVICE).await;
    let told = cli.run(&["lock", "orders/42", "--no-wait", "--", "true"]).await.failed(124);
    assert!(told.contains("orders/42") && told.contains("`conclave lock show orders/42`"), "{told}");
    let told = cli.run(&["lock", "orders/42", "--wait", "200ms", "--", "true"]).await.failed(124);
    assert!(told.contains("waiting for lock \"orders/42\""), "{told}");

    let mut second = Running::start(&cli, &["lock", "orders/42", "--", "echo", "mine"]);
    assert!(second.note().await.contains("waiting for lock \"orders/42\""));
    first.signal("TERM");
    assert_eq!((first.line().await.as_str(), first.code().await), ("ends", Some(0)));
    assert_eq!((second.line().await.as_str(), second.code().await), ("mine", Some(0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiter_that_is_told_to_end_leaves_nothing_behind() {
    let (_cluster, cli) = alone().await;
    let mut first = holder(&cli, &["orders/42"], SERVICE).await;
    for (signal, code) in [("TERM", 143), ("INT", 130)] {
        let mut second = Running::start(&cli, &["lock", "orders/42", "--", "echo", "mine"]);
        second.note().await;
        assert_eq!(shown(&cli, "orders/42").await["waiter_count"], 1);
        second.signal(signal);
        assert_eq!(second.code().await, Some(code));
        second.nobody_is_left().await;
        let found = shown(&cli, "orders/42").await;
        assert_eq!((&found["waiter_count"], &found["holder_count"]), (&0.into(), &1.into()));
    }
    first.signal("TERM");
    assert_eq!(first.code().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn shared_locks_and_permits_are_held_by_several() {
    let (_cluster, cli) = alone().await;
    let mut readers = [
        holder(&cli, &["cache", "--shared"], SERVICE).await,
        holder(&cli, &["cache", "--shared"], SERVICE).await,
    ];
    cli.run(&["lock", "cache", "--no-wait", "--", "true"]).await.failed(124);
    let mut solvers = [
        holder(&cli, &["licences", "--permits", "1/3"], SERVICE).await,
        holder(&cli, &["licences", "--permits", "1/3"], SERVICE).await,
    ];
    cli.run(&["lock", "licences", "--permits", "2/3", "--no-wait", "--", "true"]).await.failed(124);
    cli.run(&["lock", "licences", "--permits", "1/3", "--no-wait", "--", "true"]).await.done();
    let told = cli.run(&["lock", "licences", "--permits", "1/4", "--", "true"]).await.failed(4);
    assert!(told.contains('3') && told.contains('4'), "{told}");
    cli.run(&["lock", "licences", "--", "true"]).await.failed(4);
    for running in readers.iter_mut().chain(&mut solvers) {
        running.signal("TERM");
        assert_eq!(running.code().await, Some(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_has_ended_when_nothing_of_it_is_left() {
    let (_cluster, cli) = alone().await;
    // The shell ends at once, what it has started does not.
    let stubborn = "(trap '' TERM; sleep 600) & echo up; wait";
    let mut first = holder(&cli, &["orders/42", "--grace", "300ms"], stubborn).await;
    let mut second = Running::start(&cli, &["lock", "orders/42", "--", "echo", "mine"]);
    second.note().await;
    first.signal("TERM");
    assert_eq!(first.code().await, Some(143));
    assert!(first.said().await.contains("within 300 ms and is killed"));
    first.nobody_is_left().await;
    assert_eq!(second.line().await, "mine");

    // Nothing is left of one that ends when it is told to.
    let mut obedient = holder(&cli, &["orders/42"], "sleep 600 & echo up; wait").await;
    obedient.signal("TERM");
    assert_eq!(obedient.code().await, Some(143));
    obedient.nobody_is_left().await;
    assert_eq!(obedient.said().await, "");
}
