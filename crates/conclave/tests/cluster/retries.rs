//! The same write again under the same request id: whatever happened to the attempts before, it is applied once,
//! and every answer is the first one.

use conclave_client::config::{CommitRequest, NamespaceEdits};
use conclave_client::{Code, edits, new_request_id, reason};
use conclave_testkit::writers;

use crate::stage::{commit_under, create, items, put, three};

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_is_answered_as_the_first_attempt_by_every_node_and_after_every_fault() {
    let mut cluster = three().await;
    let client = cluster.client();
    create(&client, "shop").await;
    let commit = commit_under("once", "shop", vec![edits::put("price", "1")]);
    let first = client.commit(commit.clone()).await.expect("it is acknowledged");
    put(&client, "shop", "price", "2").await;

    for id in cluster.ids() {
        let again = cluster.client_of(id, 10_000).commit(commit.clone()).await.expect("it is answered");
        assert_eq!(again, first, "by node {id}");
    }
    let leader = cluster.leader().await;
    cluster.node(leader).kill();
    assert_eq!(client.commit(commit.clone()).await.expect("it is answered"), first, "by the next leader");
    cluster.kill_all();
    cluster.start_all();
    assert_eq!(client.commit(commit).await.expect("it is answered"), first, "after a restart of all");
    assert_eq!(items(&client, "shop").await["price"], "2", "nothing was applied again");
    assert_eq!(writers::history(&client, "shop").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_remembered_too() {
    let mut cluster = three().await;
    let client = cluster.client();
    create(&client, "shop").await;
    let mut stale = commit_under("stale", "shop", vec![edits::put("price", "1")]);
    stale.namespaces[0].expected_version = Some(1);
    let error = client.commit(stale.clone()).await.expect_err("the namespace is at version 0");
    assert_eq!(error.reason(), reason::VERSION_MISMATCH);
    put(&client, "shop", "price", "2").await;
    // By now the condition holds; but a first attempt that was delayed must never take effect after its
    // retry was refused.
    let error = client.commit(stale).await.expect_err("the answer stands");
    assert_eq!(error.reason(), reason::VERSION_MISMATCH);
    assert_eq!(error.metadata()["found"], "0");
    assert_eq!(items(&client, "shop").await["price"], "2");
    cluster.agree().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_is_good_for_one_write() {
    let cluster = three().await;
    let client = cluster.client();
    create(&client, "shop").await;
    client
        .commit(commit_under("once", "shop", vec![edits::put("a", "1")]))
        .await
        .expect("it is acknowledged");
    let other = commit_under("once", "shop", vec![edits::put("a", "2")]);
    let error = client.commit(other).await.expect_err("the id was used");
    assert_eq!((error.code(), error.reason()), (Code::FailedPrecondition, reason::REQUEST_ID_REUSED));
    assert_eq!(items(&client, "shop").await["a"], "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn deadlines_too_short_for_an_answer_leave_nothing_open_for_ever() {
    let mut cluster = three().await;
    let client = cluster.client();
    create(&client, "shop").await;
    let (mut in_doubt, mut first) = (0, 0);
    for number in 1..=60_u64 {
        let request = CommitRequest {
            namespaces: vec![NamespaceEdits {
                namespace: "shop".into(),
                edits: vec![edits::put("n", number.to_string())],
                expected_version: Some(number - 1),
                ..Default::default()
            }],
            ..commit_under(&new_request_id(), "shop", Vec::new())
        };
        // From no time at all to enough of it: some attempts are cut short on their way, some on the way back.
        let hasty = cluster.client_of(1 + number % 3, 1 + number / 3);
        match hasty.commit(request.clone()).await {
            Ok(_) => first += 1,
            Err(error) => {
                assert!(matches!(error.code(), Code::Unavailable | Code::DeadlineExceeded), "{error}");
                in_doubt += 1;
            }
        }
        let settled = client.commit(request).await.expect("the retry settles it");
        assert_eq!(settled.versions[0].version, number, "each write is applied once");
    }
    println!("{in_doubt} of 60 attempts were cut short, {first} were answered in time");
    assert!(in_doubt > 0, "the test cut attempts short");
    assert_eq!(writers::history(&client, "shop").await.len(), 60);
    cluster.agree().await;
}
