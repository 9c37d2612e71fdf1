//! What an operator sees: the status again and again, what the doctor finds, and what the nodes log.

use conclave_testkit::wait;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::stage::{create, put, three};

#[tokio::test(flavor = "multi_thread")]
async fn the_status_is_shown_until_interrupted() {
    let mut cluster = three().await;
    let leader = cluster.all_serve().await;
    let cli = cluster.command_line();
    let mut child = cli.spawn(&["cluster", "status", "--watch", "--interval", "1", "--output", "json"]);
    let mut lines = BufReader::new(child.stdout.take().expect("it was asked for")).lines();
    let mut next = async || -> Value {
        let line = lines.next_line().await.expect("it can be read").expect("it goes on");
        serde_json::from_str(&line).expect("one object a line")
    };
    let first = next().await;
    assert_eq!(first["leader_id"], leader);
    let member = &first["members"][0];
    assert!(member["disk"]["total_bytes"].as_u64() > Some(0), "{member}");
    assert!(member["disk"]["fsync_p99_us"].as_u64() > Some(0), "{member}");
    assert_eq!(member["alarms"], json!([]));
    let away = cluster.ids().into_iter().find(|id| *id != leader).expect("there are three");
    cluster.node(away).kill();
    let seen = async || {
        let status = next().await;
        let members = status["members"].as_array()?.clone();
        members.iter().any(|member| member["id"] == away && member["health"] == "unreachable").then_some(())
    };
    wait::until("it is seen to be away", seen).await;
    child.kill().await.expect("it is our child");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_slower_than_it_should_be_is_told_and_serves() {
    let mut cluster = three().await;
    cluster.all_serve().await;
    cluster.node(2).kill();
    // No disk is that fast.
    cluster.node(2).set("slow_fsync_ms", 0);
    cluster.start_node(2);
    cluster.all_serve().await;
    let client = cluster.client_of(2, 10_000);
    create(&client, "shop").await;
    let cli = cluster.command_line();
    let slow = async || {
        let status = cli.run(&["cluster", "status", "--output", "json"]).await.done();
        let status: Value = serde_json::from_str(&status).expect("it is an object");
        let alarms: Vec<_> =
            status["members"].as_array()?.iter().map(|member| member["alarms"].clone()).collect();
        (alarms == [json!([]), json!(["slow-disk"]), json!([])]).then_some(())
    };
    wait::until("node 2's disk is told to be slow", slow).await;
    let ran = cli.run(&["cluster", "doctor"]).await;
    let told = ran.stdout;
    assert_eq!(ran.code, Some(1), "{told}");
    assert!(told.contains("slow-disk") && told.contains("the log wants a disk of its own"), "{told}");
    assert!(cluster.node(2).log().contains("slow-disk"), "it says so itself");
    put(&client, "shop", "price", "1").await;
    cluster.agree().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_says_what_is_wrong_and_what_to_do() {
    let mut cluster = three().await;
    let client = cluster.client();
    create(&client, "shop").await;
    cluster.agree().await;
    let cli = cluster.command_line();
    let equal = async || {
        let told = cli.run(&["cluster", "doctor"]).await.done();
        told.contains("ok       digests       those of 3 members are equal").then_some(told)
    };
    let told = wait::until("all digests are compared", equal).await;
    for well in ["3 of 3 voters answer, 2 are needed: 1 may fail", "alarms        none is raised", "all run "]
    {
        assert!(told.contains(well), "{told}");
    }
    cli.run(&["config", "update", "shop", "--max-items", "1"]).await.done();
    cli.run(&["config", "put", "shop", "price=1"]).await.done();
    let told = cli.run(&["cluster", "doctor"]).await.done();
    assert!(told.contains("warning  limits        shop holds 1 of 1 items"), "{told}");

    let leader = cluster.all_serve().await;
    let away = cluster.ids().into_iter().find(|id| *id != leader).expect("there are three");
    cluster.node(away).kill();
    let ran = cli.run(&["cluster", "doctor", "--output", "json"]).await;
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let told: Value = serde_json::from_str(&ran.stdout).expect("it is JSON");
    let findings = told["findings"].as_array().expect("a list");
    let found =
        |check: &str| findings.iter().find(|finding| finding["check"] == check).expect("it is checked");
    assert_eq!(found("members")["seen"], format!("node {away} does not answer"));
    assert_eq!(
        (&found("members")["severity"], &found("quorum")["severity"]),
        (&"fault".into(), &"warning".into())
    );
    assert!(found("members")["advice"].as_str().expect("a text").contains("conclave cluster replace"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nodes_log_is_changed_while_they_run() {
    let mut cluster = three().await;
    let cli = cluster.command_line();
    let levels = cli.run(&["cluster", "log-level"]).await.done();
    assert_eq!(levels.matches("info").count(), 3, "{levels}");
    let told = cli.run(&["cluster", "log-level", "debug,conclave_raft=trace", "--node", "2"]).await.done();
    assert_eq!(told, "ID  LEVEL\n 2  debug,conclave_raft=trace\n");
    create(&cluster.client_of(2, 10_000), "shop").await;
    let says_more = async || cluster.node(2).log().contains("DEBUG").then_some(());
    wait::until("node 2 tells more", says_more).await;
    assert!(!cluster.node(1).log().contains("DEBUG"), "only node 2 was asked");
    let told = cli.run(&["cluster", "log-level", "--reset"]).await.done();
    assert_eq!(told.matches("info").count(), 3, "{told}");
    let told = cli.run(&["cluster", "log-level", "conclave=loud"]).await.failed(7);
    assert!(told.contains("level") && told.contains("conclave=loud"), "{told}");
    let told = cli.run(&["cluster", "log-level", "debug", "--node", "9"]).await.failed(3);
    assert!(told.contains("node 9 is not a member"), "{told}");
}
