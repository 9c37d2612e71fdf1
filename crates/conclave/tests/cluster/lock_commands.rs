//! A look at locks and sessions: list, show, watch, check.

use conclave_testkit::CommandLine;

use crate::lock_program::{SERVICE, holder, shown};
use crate::running::Running;
use crate::stage::one;

async fn json(cli: &CommandLine, arguments: &[&str]) -> serde_json::Value {
    let told = cli.run(&[arguments, &["--output", "json"]].concat()).await.done();
    serde_json::from_str(&told).expect("one report")
}

#[tokio::test(flavor = "multi_thread")]
async fn locks_and_sessions_are_listed_and_shown() {
    let cluster = one().await;
    let cli = cluster.command_line().with("CONCLAVE_AUTHOR", "ada");
    let ran = cli.run(&["lock", "list"]).await;
    assert_eq!((ran.stdout.as_str(), ran.code), ("", Some(0)));
    assert!(ran.stderr.contains("nobody holds a lock"), "{}", ran.stderr);

    let mut first = holder(&cli, &["orders/42", "--owner", "worker-7", "--ttl", "1m"], SERVICE).await;
    let mut other = holder(&cli, &["stock"], SERVICE).await;
    let mut waiter = Running::start(&cli, &["lock", "orders/42", "--owner", "worker-8", "--", "true"]);
    waiter.note().await;

    let listed = cli.run(&["lock", "list"]).await.done();
    let lines: Vec<Vec<&str>> = listed.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["LOCK", "HELD", "TOKEN", "SINCE", "OWNER", "WAITING"]);
    assert_eq!(
        (lines[1][0], lines[1][1], lines[1][4], lines[1][5]),
        ("orders/42", "exclusive", "worker-7", "1")
    );
    assert!((lines[2][0], lines[2][5]) == ("stock", "0") && lines[2][4].starts_with("ada@"), "{listed}");
    let some = json(&cli, &["lock", "list", "orders/"]).await;
    assert_eq!(
        (some["locks"].as_array().map(Vec::len), &some["locks"][0]["name"]),
        (Some(1), &"orders/42".into())
    );

    let told = cli.run(&["lock", "show", "orders/42"]).await.done();
    assert!(told.starts_with("orders/42: held by 1, 1 waiting\nHELD "), "{told}");
    let found = shown(&cli, "orders/42").await;
    assert_eq!(
        (&found["holders"][0]["owner"], &found["waiters"][0]["owner"]),
        (&"worker-7".into(), &"worker-8".into())
    );
    let told = cli.run(&["lock", "show", "nobody"]).await.failed(3);
    assert!(told.contains("`conclave lock list`"), "{told}");

    let sessions = json(&cli, &["session", "list"]).await;
    assert_eq!(sessions["sessions"].as_array().map(Vec::len), Some(3));
    let id = found["holders"][0]["session_id"].as_str().expect("it is a text");
    let session = json(&cli, &["session", "show", id]).await;
    assert_eq!(
        (&session["owner"], &session["ttl_ms"], &session["tickets"]),
        (&"worker-7".into(), &60_000.into(), &1.into())
    );
    assert!(session["metadata"]["pid"].is_string());
    assert!(cli.run(&["session", "list"]).await.done().contains(" worker-8\n"));
    assert!(
        cli.run(&["session", "show", id]).await.done().starts_with(&format!("{id}\nowner     worker-7\n"))
    );
    cli.run(&["session", "show", "1"]).await.failed(3);

    for running in [&mut first, &mut other] {
        running.signal("TERM");
        assert_eq!(running.code().await, Some(0));
    }
    assert_eq!(waiter.code().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_checked() {
    let cluster = one().await;
    let cli = cluster.command_line();
    let _first = holder(&cli, &["orders/42", "--owner", "worker-7"], SERVICE).await;
    let token = shown(&cli, "orders/42").await["holders"][0]["token"].to_string();
    let told = cli.run(&["lock", "check", "orders/42", &token]).await.done();
    assert!(
        told.starts_with(&format!("orders/42: held with token {token}, exclusive, by worker-7")),
        "{told}"
    );
    let told = cli.run(&["lock", "check", "orders/42", "1"]).await.failed(4);
    assert!(told.contains(&format!("its newest token is {token}")), "{told}");
    let told = cli.run(&["lock", "check", "nobody", &token]).await.failed(4);
    assert!(told.contains("nobody holds it"), "{told}");
    let ran = cli.run(&["lock", "check", "orders/42", "1", "--output", "json"]).await;
    let report: serde_json::Value =
        serde_json::from_str(&ran.stdout).expect("programs get a report all the same");
    assert_eq!((ran.code, &report["held"]), (Some(4), &false.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_is_told_as_it_happens() {
    let cluster = one().await;
    let cli = cluster.command_line();
    let mut watch = Running::start(&cli, &["lock", "watch", "orders/"]);
    let mut programs = Running::start(&cli, &["lock", "watch", "orders/42", "--exact", "--output", "json"]);
    assert!(watch.line().await.ends_with("state: no locks"));
    assert!(programs.line().await.contains("\"event\":\"state\""));
    cli.run(&["lock", "stock", "--", "true"]).await.done();

    let first = holder(&cli, &["orders/42", "--owner", "worker-7"], SERVICE).await;
    let granted = watch.line().await;
    assert!(granted.starts_with("orders/42  revision ") && granted.contains("granted: token "), "{granted}");
    assert!(granted.ends_with(", exclusive, worker-7"), "{granted}");
    let event: serde_json::Value = serde_json::from_str(&programs.line().await).expect("one object");
    assert_eq!((&event["event"], &event["holder"]["owner"]), (&"granted".into(), &"worker-7".into()));

    let mut second = Running::start(&cli, &["lock", "orders/42", "--owner", "worker-8", "--", "true"]);
    let queued = watch.line().await;
    assert!(queued.contains("queued: ticket ") && queued.ends_with(", exclusive, worker-8"), "{queued}");
    first.signal("TERM");
    let ended = watch.line().await;
    assert!(ended.contains("session ended: token ") || ended.contains("released: token "), "{ended}");
    assert!(watch.line().await.contains("granted: token "));
    assert_eq!(second.code().await, Some(0));
}
