//! What operators do with the tools of etcd: snapshots, members, leadership.

use std::fs;
use std::path::Path;

use conclave_proto::etcd::etcdserverpb as pb;
use conclave_testkit::{Cluster, Port, wait};
use pb::cluster_client::ClusterClient;
use pb::kv_client::KvClient;
use pb::maintenance_client::MaintenanceClient;
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::backup::{destroy, restore_all};
use crate::stage::three;

/// All keys.
fn all() -> pb::RangeRequest {
    pb::RangeRequest { key: "\0".into(), range_end: "\0".into(), ..pb::RangeRequest::default() }
}

async fn keys(channel: Channel) -> Vec<conclave_proto::etcd::mvccpb::KeyValue> {
    KvClient::new(channel).range(all()).await.expect("it answers").into_inner().kvs
}

/// Saves a snapshot as etcdctl does: all pieces, one behind the other.
async fn save(channel: Channel, path: &Path) {
    let mut client = MaintenanceClient::new(channel).max_decoding_message_size(usize::MAX);
    let mut pieces = client.snapshot(pb::SnapshotRequest {}).await.expect("it begins").into_inner();
    let (mut saved, mut remaining) = (Vec::new(), None);
    while let Some(piece) = pieces.message().await.expect("it goes on") {
        assert_eq!(piece.version, "3.5.21");
        let expected = remaining.map(|remaining: u64| remaining - piece.blob.len() as u64);
        assert!(expected.is_none_or(|expected| expected == piece.remaining_bytes), "what is left is known");
        remaining = Some(piece.remaining_bytes);
        saved.extend_from_slice(&piece.blob);
    }
    assert_eq!(remaining, Some(0));
    fs::write(path, saved).expect("the folder is ours");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_is_restored_into_a_cluster_of_its_own() {
    let mut cluster = three().await;
    let mut kv = KvClient::new(cluster.channel(1));
    let lease = pb::lease_client::LeaseClient::new(cluster.channel(1))
        .lease_grant(pb::LeaseGrantRequest { ttl: 3_600, id: 0 })
        .await
        .expect("it is granted")
        .into_inner()
        .id;
    for number in 0..300 {
        let key = format!("key/{}", number % 100).into_bytes().into();
        let value = vec![b'v'; number * 10].into();
        let lease = if number % 3 == 0 { lease } else { 0 };
        kv.put(pb::PutRequest { key, value, lease, ..pb::PutRequest::default() }).await.expect("it is put");
    }
    let before = keys(cluster.channel(2)).await;
    assert_eq!(before.len(), 100);
    let path = cluster.folder().join("snap.db");
    save(cluster.channel(2), &path).await;
    let late = pb::PutRequest { key: "key/late".into(), ..pb::PutRequest::default() };
    kv.put(late).await.expect("it is put");
    let verified = cluster.command_line().run(&["backup", "verify", "snap.db"]).await.done();
    assert!(verified.contains(": intact, "), "{verified}");

    destroy(&mut cluster);
    restore_all(&mut cluster, &["snap.db"]).await;

    assert_eq!(keys(cluster.channel(3)).await, before);
    let mut damaged = fs::read(&path).expect("it is there");
    *damaged.last_mut().expect("it is not empty") ^= 1;
    fs::write(&path, damaged).expect("the folder is ours");
    let refused = cluster.command_line().run(&["backup", "verify", "snap.db"]).await;
    assert!(refused.code == Some(7) && refused.stderr.contains("SHA-256"), "{refused:?}");
}

fn told<T>(answer: Result<tonic::Response<T>, Status>) -> Result<T, (Code, String)> {
    answer.map(tonic::Response::into_inner).map_err(|status| (status.code(), status.message().to_owned()))
}

async fn members(channel: Channel) -> Vec<pb::Member> {
    let request = pb::MemberListRequest { linearizable: true };
    ClusterClient::new(channel).member_list(request).await.expect("it answers").into_inner().members
}

async fn add(cluster: &mut Cluster, id: u64) -> tonic::Response<pb::MemberAddResponse> {
    let url = format!("http://{}", cluster.node(id).peer_address());
    let request = pb::MemberAddRequest { peer_ur_ls: vec![url], is_learner: true };
    ClusterClient::new(cluster.channel(1)).member_add(request).await.expect("it is added")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_is_added_joins_is_promoted_and_removed() {
    let mut cluster = three().await;
    let id = cluster.add_node();
    let added = add(&mut cluster, id).await;
    let member = added.get_ref().member.clone().expect("it is told");
    assert_eq!((member.id, member.name.as_str(), member.is_learner), (id, "", true));
    let mut client = ClusterClient::new(cluster.channel(2));
    let promote = pb::MemberPromoteRequest { id };
    let not_ready = "etcdserver: can only promote a learner member which is in sync with leader";
    let refused = told(client.member_promote(promote).await);
    assert_eq!(refused.unwrap_err(), (Code::FailedPrecondition, not_ready.to_owned()));
    let again = pb::MemberAddRequest { peer_ur_ls: member.peer_ur_ls, is_learner: false };
    let exists = (Code::FailedPrecondition, "etcdserver: Peer URLs already exists".to_owned());
    assert_eq!(told(client.member_add(again).await).unwrap_err(), exists);

    let value =
        |key: &str| added.metadata().get(key).expect("it is told").to_str().expect("it is text").to_owned();
    cluster.node(id).set("token", value("conclave-join-token"));
    cluster.node(id).set("join", value("conclave-join"));
    cluster.start_node(id);
    cluster.all_serve().await;
    let joined = members(cluster.channel(3)).await.pop().expect("there are some");
    assert_eq!((joined.id, joined.name.as_str(), joined.is_learner), (id, "node-4", true));
    client.member_promote(promote).await.expect("it has caught up");
    let told_of = told(client.member_promote(promote).await).unwrap_err();
    assert_eq!(
        told_of,
        (Code::FailedPrecondition, "etcdserver: can only promote a learner member".to_owned())
    );
    let members_now = client.member_remove(pb::MemberRemoveRequest { id }).await.expect("it goes");
    assert_eq!(members_now.into_inner().members.len(), 3);
    let gone = told(client.member_remove(pb::MemberRemoveRequest { id }).await).unwrap_err();
    assert_eq!(gone, (Code::NotFound, "etcdserver: member not found".to_owned()));
    cluster.node(id).kill();
}

/// The token that nobody saw: the same node is admitted once more, and gets another one.
#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_was_added_is_given_its_name_and_token_by_the_command_line() {
    let mut cluster = three().await;
    let id = cluster.add_node();
    add(&mut cluster, id).await;
    let client = cluster.client();
    cluster.admit_node(&client, id).await;
    cluster.start_node(id);
    cluster.all_serve().await;
    let joined = members(cluster.channel(1)).await.pop().expect("there are some");
    assert_eq!((joined.id, joined.name.as_str(), joined.is_learner), (id, "db4", true));
}

#[tokio::test(flavor = "multi_thread")]
async fn members_that_are_needed_stay() {
    let mut cluster = three().await;
    cluster.node(3).kill();
    let mut client = ClusterClient::new(cluster.channel(1));
    cluster.leader().await;
    let text = "etcdserver: re-configuration failed due to not enough started members".to_owned();
    let refused = told(client.member_remove(pb::MemberRemoveRequest { id: 2 }).await).unwrap_err();
    assert_eq!(refused, (Code::Unknown, text));
    client.member_remove(pb::MemberRemoveRequest { id: 3 }).await.expect("the others are enough");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_moves_is_found_where_it_is() {
    let mut cluster = three().await;
    let leader = cluster.all_serve().await;
    let moved = if leader == 3 { 2 } else { 3 };
    cluster.node(moved).kill();
    let port = Port::take();
    let mut client = ClusterClient::new(cluster.channel(leader));
    let update = |url: String| pb::MemberUpdateRequest { id: moved, peer_ur_ls: vec![url] };
    let taken = format!("http://{}", cluster.node(leader).peer_address());
    let refused = told(client.member_update(update(taken)).await).unwrap_err();
    assert_eq!(refused, (Code::FailedPrecondition, "etcdserver: Peer URLs already exists".to_owned()));
    let url = format!("http://{}", port.address());
    let updated = client.member_update(update(url.clone())).await.expect("it is moved").into_inner();
    let told_of = updated.members.into_iter().find(|member| member.id == moved).expect("it is one");
    assert_eq!(told_of.peer_ur_ls, [url]);

    let was_at = cluster.node(moved).peer_address().to_string();
    let all = cluster.node(moved).setting("initial_cluster").replace(&was_at, &port.address().to_string());
    cluster.node(moved).set("initial_cluster", all);
    cluster.node(moved).set("peer_listen", port.address());
    cluster.start_node(moved);
    assert_eq!(cluster.all_serve().await, leader, "the leader that was there sends to the new address");
}

#[tokio::test(flavor = "multi_thread")]
async fn leadership_is_moved_by_the_leader_to_a_voter() {
    let mut cluster = three().await;
    let leader = cluster.all_serve().await;
    let other = leader % 3 + 1;
    let mut at_leader = MaintenanceClient::new(cluster.channel(leader));
    let mut at_other = MaintenanceClient::new(cluster.channel(other));
    let to = |target_id| pb::MoveLeaderRequest { target_id };
    let refused = told(at_other.move_leader(to(other)).await).unwrap_err();
    assert_eq!(refused, (Code::FailedPrecondition, "etcdserver: not leader".to_owned()));
    let refused = told(at_leader.move_leader(to(9)).await).unwrap_err();
    assert_eq!(refused, (Code::FailedPrecondition, "etcdserver: bad leader transferee".to_owned()));
    at_leader.move_leader(to(other)).await.expect("it leads");
    let leads = async || {
        let told = MaintenanceClient::new(cluster.channel(leader)).status(pb::StatusRequest {}).await.ok()?;
        (told.into_inner().leader == other).then_some(())
    };
    wait::until("the other one leads", leads).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alarm_that_is_raised_by_hand_stands_on_all_members() {
    let mut cluster = three().await;
    let alarm = |action: pb::alarm_request::AlarmAction| pb::AlarmRequest {
        action: action.into(),
        member_id: 2,
        alarm: pb::AlarmType::Nospace.into(),
    };
    let mut first = MaintenanceClient::new(cluster.channel(1));
    let put = pb::PutRequest { key: "a".into(), ..pb::PutRequest::default() };
    first.alarm(alarm(pb::alarm_request::AlarmAction::Activate)).await.expect("it is raised");
    let full = (Code::ResourceExhausted, "etcdserver: mvcc: database space exceeded".to_owned());
    for id in [1, 2, 3] {
        let refused = told(KvClient::new(cluster.channel(id)).put(put.clone()).await).unwrap_err();
        assert_eq!(refused, full);
    }
    cluster.kill_all();
    cluster.start_all();
    cluster.all_serve().await;
    let asked = alarm(pb::alarm_request::AlarmAction::Get);
    let listed = MaintenanceClient::new(cluster.channel(3)).alarm(asked).await.expect("they are told");
    assert_eq!(listed.into_inner().alarms, [pb::AlarmMember { member_id: 2, alarm: 1 }]);
    let delete = pb::DeleteRangeRequest { key: "a".into(), ..pb::DeleteRangeRequest::default() };
    let mut kv = KvClient::new(cluster.channel(3));
    kv.delete_range(delete).await.expect("it takes no room");
    let mut third = MaintenanceClient::new(cluster.channel(3));
    third.alarm(alarm(pb::alarm_request::AlarmAction::Deactivate)).await.expect("it is taken back");
    kv.put(put).await.expect("there is room");
}
