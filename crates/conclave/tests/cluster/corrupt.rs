//! A node whose data is not that of the others serves nothing, leads no longer, and is told by name.

use std::path::Path;

use conclave_client::Code;
use conclave_client::cluster::{Agreement, Health, Member};
use conclave_client::config::{Consistency, GetRequest};
use conclave_core::{EntryContext, EntryKind, applied_index, apply};
use conclave_mvcc::{Batch, ReadMap};
use conclave_storage::{Claim, StateStore};
use conclave_testkit::{Cluster, wait};

use crate::stage::{create, put, three};

/// As if the node had applied something that the others have not.
fn damage(data_dir: &Path) {
    let claim = Claim::take(data_dir).expect("no node runs on it");
    let identity = claim.identity().expect("it can be read").expect("it is a node's");
    let state = StateStore::open(&claim.open(identity).expect("it can be opened")).expect("it is whole");
    let apply_twice = |view: &dyn ReadMap| {
        let mut batch = Batch::new(view);
        let index = applied_index(view).expect("it can be read");
        apply(&mut batch, EntryContext { index, term: u64::MAX }, EntryKind::Other).expect("it is nothing");
        batch.into_writes()
    };
    state.write(&state.read(apply_twice), None).expect("there is room");
    state.flush().expect("there is room");
}

async fn member(cluster: &Cluster, asked: u64, id: u64) -> Option<Member> {
    let status = cluster.status_of(asked).await?;
    status.members.into_iter().find(|member| member.id == id)
}

#[tokio::test(flavor = "multi_thread")]
async fn it_serves_nothing_and_is_told_by_name() {
    let mut cluster = three().await;
    let client = cluster.client();
    create(&client, "shop").await;
    put(&client, "shop", "price", "1").await;
    let leader = cluster.all_serve().await;
    let wrong = cluster.ids().into_iter().find(|id| *id != leader).expect("there are three");
    cluster.agree().await;
    cluster.node(wrong).kill();
    damage(&cluster.node(wrong).data_dir());
    cluster.start_node(wrong);

    let is_told = async || {
        let told = member(&cluster, leader, wrong).await?;
        (told.health() == Health::Corrupt && told.agreement() == Agreement::Differs).then_some(told)
    };
    let told = wait::until("it is told", is_told).await;
    assert_eq!(told.alarms, ["corrupt"]);
    let well = member(&cluster, leader, leader).await.expect("it answers");
    assert_eq!((well.health(), well.agreement()), (Health::Ok, Agreement::Agrees));

    let own = cluster.client_of(wrong, 2_000);
    let consistency = Consistency::Local.into();
    let get = GetRequest { namespace: "shop".into(), key: "price".into(), consistency, at: None };
    let refused = own.get(get.clone()).await.expect_err("it serves nothing");
    assert_eq!((refused.code(), refused.reason()), (Code::Unavailable, "corrupt"));
    let all = cluster.client();
    assert_eq!(&all.get(get).await.expect("others serve").item.expect("it is there").value[..], b"1");

    let cli = cluster.command_line();
    let ran = cli.run(&["cluster", "doctor"]).await;
    assert_eq!(ran.code, Some(1), "{}{}", ran.stdout, ran.stderr);
    let line = format!("fault    digests       node {wrong} has not applied what most others have");
    assert!(ran.stdout.contains(&line), "{}", ran.stdout);
    assert!(ran.stdout.contains(&format!("conclave cluster replace {wrong} NEW")), "{}", ran.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_does_not_go_on_to_lead() {
    let mut cluster = three().await;
    let client = cluster.client();
    create(&client, "shop").await;
    let leader = cluster.all_serve().await;
    cluster.agree().await;
    cluster.node(leader).kill();
    damage(&cluster.node(leader).data_dir());
    cluster.start_node(leader);
    let is_told = async || {
        let told = member(&cluster, leader, leader).await?;
        (told.health() == Health::Corrupt).then_some(())
    };
    wait::until("it finds out itself", is_told).await;
    // Whoever asks for it: it hands leadership back, and writes go on.
    let asked = cluster.client().transfer_leader(leader).await;
    println!("asked to lead: {asked:?}");
    let another_leads = async || {
        let status = cluster.status_of(leader).await?;
        (status.leader_id != 0 && status.leader_id != leader).then_some(())
    };
    wait::until("another one leads", another_leads).await;
    put(&client, "shop", "price", "2").await;
}
