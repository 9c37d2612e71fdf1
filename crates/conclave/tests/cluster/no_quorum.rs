//! Without a majority: every write and every linearizable read is refused within its deadline, never answered by
//! guesswork, and what was in doubt is settled by the same request id when the others are back.

use std::time::{Duration, Instant};

use conclave_client::cluster::Health;
use conclave_client::config::{Consistency, CreateNamespaceRequest, GetRequest, RollbackRequest};
use conclave_client::edits;
use conclave_testkit::{Told, wait, writers};
use tonic::{Code, Request, Response, Status};

use crate::stage::{commit_of, commit_under, create, items, put, three};

const DEADLINE: Duration = Duration::from_millis(1_500);

fn with_deadline<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(DEADLINE);
    request
}

/// The refusal that every call must get which needs a majority.
#[track_caller]
fn refused<T: std::fmt::Debug>(began: Instant, answer: Result<Response<T>, Status>) -> Told {
    let told = Told::from(answer.map(Response::into_inner).expect_err("nobody could confirm it"));
    assert!(
        began.elapsed() < DEADLINE + Duration::from_secs(1),
        "it came after {:?}: {told:?}",
        began.elapsed()
    );
    match (told.code, told.reason.as_str()) {
        (Code::Unavailable, "no-leader") => assert!(told.retry_after.is_some(), "{told:?}"),
        (Code::Unavailable, "outcome-unknown") | (Code::DeadlineExceeded, "deadline-exceeded" | "") => {}
        // The client's own clock may be first by a hair.
        (Code::Cancelled, _) if told.message.contains("Timeout expired") => {}
        other => panic!("{other:?}: {told:?}"),
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_node_of_three_makes_nothing_up() {
    let mut cluster = three().await;
    let client = cluster.client();
    create(&client, "shop").await;
    put(&client, "shop", "price", "1").await;
    cluster.agree().await;
    // The leader is left, which might believe for a while that it still leads; or a follower, on the other node.
    let last = cluster.all_serve().await;
    let others: Vec<_> = cluster.ids().into_iter().filter(|id| *id != last).collect();
    others.iter().for_each(|id| cluster.node(*id).kill());

    let mut service = cluster.service(last);
    let mut names = Vec::new();
    for number in 1..=4 {
        let name = format!("alone-{number}");
        let began = Instant::now();
        let told = refused(
            began,
            service
                .commit(with_deadline(commit_under(&name, "shop", vec![edits::put("price", &*name)])))
                .await,
        );
        names.push((name, told.reason == "no-leader"));
        let get = GetRequest { namespace: "shop".into(), key: "price".into(), ..Default::default() };
        let began = Instant::now();
        refused(began, service.get(with_deadline(get)).await);
        let rollback =
            RollbackRequest { namespace: "shop".into(), to_version: 1, dry_run: true, ..Default::default() };
        let began = Instant::now();
        refused(began, service.rollback(with_deadline(rollback)).await);
        let create = CreateNamespaceRequest { namespace: "new".into(), ..Default::default() };
        let began = Instant::now();
        refused(began, service.create_namespace(with_deadline(create)).await);
    }
    let local = Consistency::Local.into();
    let get = GetRequest { namespace: "shop".into(), key: "price".into(), consistency: local, at: None };
    let item =
        service.get(get).await.expect("a local read needs nobody").into_inner().item.expect("it is there");
    assert_eq!(&item.value[..], b"1");

    others.iter().for_each(|id| cluster.start_node(*id));
    cluster.all_serve().await;
    let made = writers::history(&client, "shop").await;
    for (name, surely_not) in &names {
        let applied = made.iter().filter(|version| version.message == *name).count();
        assert!(
            applied <= 1 && !(*surely_not && applied == 1),
            "{name} was applied {applied} times: {made:?}"
        );
        let again = commit_under(name, "shop", vec![edits::put("price", &**name)]);
        client.commit(again).await.expect("the same write under the same id settles it");
    }
    assert_eq!(writers::history(&client, "shop").await.len(), 5, "each of them once by now");
    cluster.agree().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_alone_says_so_and_the_command_line_too() {
    let mut cluster = three().await;
    let client = cluster.client();
    create(&client, "shop").await;
    put(&client, "shop", "price", "1").await;
    let leader = cluster.all_serve().await;
    let last = cluster.ids().into_iter().find(|id| *id != leader).expect("there are three");
    cluster.agree().await;
    cluster.ids().into_iter().filter(|id| *id != last).for_each(|id| cluster.node(id).kill());

    let cli = cluster.command_line();
    let told = wait::until("it notices that it is alone", async || {
        let status = cli.run(&["cluster", "status"]).await;
        (status.code == Some(5)).then_some(status.stderr)
    })
    .await;
    assert!(told.contains("there is no quorum") || told.contains("knows no leader"), "{told}");
    wait::until("it takes the leader for gone", async || {
        let status = cluster.status_of(last).await?;
        let own = status.members.iter().find(|member| member.id == last)?;
        (status.leader_id == 0 && own.health() == Health::NoLeader).then_some(())
    })
    .await;
    let own = cli.with("CONCLAVE_ENDPOINTS", cluster.node(last).client_address().to_string());
    for arguments in
        [&["config", "get", "shop"][..], &["config", "list"], &["config", "diff", "shop", "0", "1"]]
    {
        let told = own.run(&[arguments, &["--timeout", "2s"]].concat()).await.failed(5);
        assert!(told.contains("leader") || told.contains("no answer within"), "{told}");
        assert!(told.contains("hint: "), "{told}");
    }
    let write = own.run(&["config", "put", "shop", "price=2", "--timeout", "2s"]).await;
    assert!(matches!(write.code, Some(5 | 6)), "{write:?}");
    assert_eq!(own.run(&["config", "get", "shop", "price", "--local"]).await.done(), "1");

    let error =
        cluster.client_of(last, 1_000).commit(commit_of("shop", vec![edits::put("price", "2")])).await;
    assert!(matches!(error.expect_err("nobody to agree").code(), Code::Unavailable | Code::DeadlineExceeded));
    cluster.start_all();
    cluster.all_serve().await;
    if write.code == Some(5) {
        assert_eq!(items(&client, "shop").await["price"], "1", "exit code 5 says that nothing was changed");
    }
    put(&client, "shop", "price", "3").await;
    cluster.agree().await;
}
