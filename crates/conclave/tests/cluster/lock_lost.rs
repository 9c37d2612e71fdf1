//! A lock that is lost while a program needs it: by force, with its session, with the cluster, in a pause.

use conclave_testkit::CommandLine;

use crate::lock_program::{SERVICE, holder, shown};
use crate::running::{Running, signal};
use crate::stage::{one, three};

/// Who is to be told.
async fn lost(running: &mut Running) -> String {
    assert_eq!(running.line().await, "ends", "it is told to end");
    assert_eq!(running.code().await, Some(125));
    running.said().await
}

async fn session_of(cli: &CommandLine, lock: &str) -> String {
    shown(cli, lock).await["holders"][0]["session_id"].as_str().expect("it is a text").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn by_force() {
    let cluster = one().await;
    let cli = cluster.command_line();
    let mut running = holder(&cli, &["orders/42"], SERVICE).await;
    let taken = ["lock", "release", "orders/42", "--force", "--author", "ada", "--reason", "it hangs"];
    assert_eq!(cli.run(&taken).await.done(), "orders/42: 1 grant taken by force\n");
    let said = lost(&mut running).await;
    assert!(said.contains("taken by force by \"ada\": it hangs"), "{said}");
    assert!(said.contains("conclave: lock \"orders/42\" was lost\nhint: "), "{said}");

    // One that does not listen is killed, and the code is the same.
    let mut stubborn =
        holder(&cli, &["orders/42", "--grace", "200ms"], "trap '' TERM; echo up; sleep 600").await;
    cli.run(&taken).await.done();
    assert_eq!(stubborn.code().await, Some(125));
    assert!(stubborn.said().await.contains("within 200 ms and is killed"));
    stubborn.nobody_is_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_its_session() {
    let cluster = one().await;
    let cli = cluster.command_line();
    let mut running = holder(&cli, &["orders/42"], SERVICE).await;
    let id = session_of(&cli, "orders/42").await;
    let closed = cli.run(&["session", "close", &id]).await.done();
    assert_eq!(closed, format!("{id}: closed; it held or waited for 1 lock\n"));
    let said = lost(&mut running).await;
    assert!(said.contains(&format!("session {id} is lost")), "{said}");
    cli.run(&["session", "close", &id]).await.failed(3);
}

#[tokio::test(flavor = "multi_thread")]
async fn not_with_a_node() {
    let mut cluster = three().await;
    let cli = cluster.command_line();
    let mut running = holder(&cli, &["orders/42", "--ttl", "10s"], SERVICE).await;
    let token = shown(&cli, "orders/42").await["holders"][0]["token"].to_string();
    // The one that is named first, to which it is connected.
    cluster.node(1).kill();
    cli.run(&["config", "put", "shop", "a=1", "--create-namespace", "--held", &format!("orders/42:{token}")])
        .await
        .done();
    cli.run(&["lock", "check", "orders/42", &token]).await.done();
    running.signal("TERM");
    assert_eq!((running.line().await.as_str(), running.code().await), ("ends", Some(0)));
    cli.run(&["lock", "show", "orders/42"]).await.failed(3);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_cluster() {
    let mut cluster = one().await;
    let cli = cluster.command_line();
    let mut running = holder(&cli, &["orders/42", "--ttl", "2s", "--timeout", "1s"], SERVICE).await;
    cluster.node(1).kill();
    let said = lost(&mut running).await;
    assert!(said.contains("no node has renewed it in time"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_pause() {
    let cluster = one().await;
    let cli = cluster.command_line();
    let mut running = holder(&cli, &["orders/42", "--ttl", "1s"], SERVICE).await;
    let token = shown(&cli, "orders/42").await["holders"][0]["token"].to_string();
    running.signal("STOP");
    let next = cli.run(&["lock", "orders/42", "--wait", "30s", "--", "echo", "mine"]).await.done();
    assert_eq!(next, "mine\n");
    let held = format!("orders/42:{token}");
    cli.run(&["config", "put", "shop", "a=1", "--create-namespace", "--held", &held]).await.failed(4);
    cli.run(&["lock", "check", "orders/42", &token]).await.failed(4);
    running.signal("CONT");
    let said = lost(&mut running).await;
    assert!(said.contains("lock \"orders/42\" was lost"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_outlives_a_conclave_that_is_killed_and_its_lock_does_not() {
    let cluster = one().await;
    let cli = cluster.command_line();
    let script = "echo up; echo $$; while :; do sleep 0.1; done";
    let mut running = holder(&cli, &["orders/42", "--ttl", "1s"], script).await;
    let program = running.line().await;
    running.signal("KILL");
    assert_eq!(running.code().await, None);
    let next = cli.run(&["lock", "orders/42", "--wait", "30s", "--", "echo", "mine"]).await.done();
    assert_eq!(next, "mine\n");
    signal(&program, "KILL");
    running.nobody_is_left().await;
}
