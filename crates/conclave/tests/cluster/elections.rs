//! `conclave elect`: one leads, the others wait, and all are told.

use crate::lock_program::{SERVICE, shown};
use crate::running::Running;
use crate::stage::one;

#[tokio::test(flavor = "multi_thread")]
async fn one_leads_and_the_next_follows() {
    let cluster = one().await;
    let cli = cluster.command_line();
    let mut observer = Running::start(&cli, &["elect", "scheduler", "--observe"]);
    assert_eq!(observer.line().await, "scheduler: nobody leads");

    let mut first = Running::start(&cli, &["elect", "scheduler", "node-a", "--owner", "ada"]);
    let told = first.line().await;
    let token = told.strip_prefix("scheduler: node-a leads with token ").expect(&told);
    let seen = observer.line().await;
    assert!(seen.starts_with(&format!("{told}, ada, since ")), "{seen}");
    cli.run(&["lock", "check", "scheduler", token]).await.done();
    cli.run(&["elect", "scheduler", "node-c", "--no-wait"]).await.failed(124);

    let mut second = Running::start(&cli, &["elect", "scheduler", "node-b", "--output", "json"]);
    assert_eq!(second.note().await, "note: waiting to lead \"scheduler\": 0 before it in the queue\n");
    assert_eq!(shown(&cli, "scheduler").await["waiter_count"], 1);
    first.signal("TERM");
    assert_eq!(first.code().await, Some(0));
    let leads: serde_json::Value = serde_json::from_str(&second.line().await).expect("one object");
    assert_eq!((&leads["election"], &leads["value"]), (&"scheduler".into(), &"node-b".into()));
    assert!(leads["token"].as_u64() > token.parse().ok(), "{leads}");
    // Between the two nobody may have been seen.
    let mut seen = observer.line().await;
    if seen == "scheduler: nobody leads" {
        seen = observer.line().await;
    }
    assert!(seen.starts_with("scheduler: node-b leads with token "), "{seen}");

    // Leadership is a lock, and can be taken.
    cli.run(&["lock", "release", "scheduler", "--force", "--reason", "it hangs"]).await.done();
    assert_eq!(second.code().await, Some(125));
    let said = second.said().await;
    assert!(said.contains("the leadership of \"scheduler\" was lost"), "{said}");
    assert_eq!(observer.line().await, "scheduler: nobody leads");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_runs_while_it_leads() {
    let cluster = one().await;
    let cli = cluster.command_line();
    let script = format!("echo \"$CONCLAVE_LOCK_NAME ${{CONCLAVE_FENCING_TOKEN:?}}\" >&2; {SERVICE}");
    let mut leader = Running::start(&cli, &["elect", "scheduler", "node-a", "--", "sh", "-c", &script]);
    assert_eq!(leader.line().await, "up");
    assert!(leader.note().await.starts_with("scheduler "));
    let mut observer = Running::start(&cli, &["elect", "scheduler", "--observe", "--output", "json"]);
    let seen: serde_json::Value = serde_json::from_str(&observer.line().await).expect("one object");
    assert_eq!(seen["leader"]["value"], "node-a");
    leader.signal("TERM");
    assert_eq!((leader.line().await.as_str(), leader.code().await), ("ends", Some(0)));
    let seen: serde_json::Value = serde_json::from_str(&observer.line().await).expect("one object");
    assert!(seen["leader"].is_null(), "{seen}");
    let ran = cli.run(&["elect", "scheduler", "node-a", "--", "sh", "-c", "exit 9"]).await;
    assert_eq!(ran.code, Some(9), "{}", ran.stderr);
}
