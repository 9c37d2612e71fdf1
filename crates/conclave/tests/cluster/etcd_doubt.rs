//! Clients of etcd while a cluster cannot answer, or its answer is lost: they are told the truth, and nothing is done
//! twice.

use std::time::Duration;

use conclave_proto::etcd::etcdserverpb as pb;
use conclave_proto::etcd::v3electionpb::election_client::ElectionClient;
use conclave_proto::etcd::v3electionpb::{CampaignRequest, LeaderRequest, ProclaimRequest};
use conclave_testkit::{Cluster, Way, wait};
use pb::kv_client::KvClient;
use pb::lease_client::LeaseClient;
use pb::maintenance_client::MaintenanceClient;
use tonic::{Code, Request, Response, Status};

use crate::stage::{three, three_with_links};

/// How long a client waits.
const TIMEOUT: Duration = Duration::from_secs(2);

fn timed<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    // As metadata alone: the node is to be first, not the clock of the client.
    let header = format!("{}m", TIMEOUT.as_millis());
    request.metadata_mut().insert("grpc-timeout", header.parse().expect("it is ASCII"));
    request
}

fn put(key: &str) -> pb::PutRequest {
    pb::PutRequest { key: key.to_owned().into(), value: "v".into(), ..pb::PutRequest::default() }
}

fn get(key: &str) -> pb::RangeRequest {
    pb::RangeRequest { key: key.to_owned().into(), ..pb::RangeRequest::default() }
}

fn told<T: std::fmt::Debug>(answer: Result<Response<T>, Status>) -> (Code, String) {
    let status = answer.expect_err("nobody could know");
    (status.code(), status.message().to_owned())
}

/// How often a key was put.
async fn times_put(cluster: &Cluster, id: u64, key: &str) -> i64 {
    let read = async || KvClient::new(cluster.channel(id)).range(get(key)).await.ok();
    let told = wait::until("it answers", read).await.into_inner();
    told.kvs.first().map_or(0, |pair| pair.version)
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_majority_nothing_is_made_up() {
    let mut cluster = three().await;
    KvClient::new(cluster.channel(1)).put(put("before")).await.expect("it is put");
    let last = cluster.all_serve().await;
    for id in cluster.ids().into_iter().filter(|id| *id != last) {
        cluster.node(id).kill();
    }
    let mut kv = KvClient::new(cluster.channel(last));
    let no_leader = (Code::Unavailable, "etcdserver: no leader".to_owned());
    let doubt = (Code::DeadlineExceeded, "etcdserver: request timed out".to_owned());
    let late = (Code::DeadlineExceeded, "context deadline exceeded".to_owned());
    let mut refusals = Vec::new();
    for number in 0..4 {
        let written = told(kv.put(timed(put(&format!("alone-{number}")))).await);
        assert!(written == no_leader || written == doubt, "{written:?}");
        let read = told(kv.range(timed(get("before"))).await);
        assert!(read == no_leader || read == late, "{read:?}");
        refusals.push(written);
    }
    assert!(refusals.contains(&no_leader), "it does not take itself for the leader for ever: {refusals:?}");
    let local = pb::RangeRequest { serializable: true, ..get("before") };
    assert_eq!(kv.range(local).await.expect("it needs nobody").into_inner().count, 1);
    cluster.start_all();
    cluster.all_serve().await;
    for (number, refusal) in refusals.iter().enumerate() {
        let times = times_put(&cluster, last, &format!("alone-{number}")).await;
        assert!(times <= i64::from(*refusal == doubt), "{refusal:?} was put {times} times");
    }
}

/// The leader does what a follower hands over, and its answer is lost.
#[tokio::test(flavor = "multi_thread")]
async fn what_may_have_been_done_is_not_done_again() {
    let mut cluster = three_with_links().await;
    KvClient::new(cluster.channel(1)).put(put("before")).await.expect("it is put");
    let doubt = (Code::DeadlineExceeded, "etcdserver: request timed out".to_owned());
    let mut in_doubt = 0;
    for round in 0..4 {
        let leader = cluster.all_serve().await;
        let asked = leader % 3 + 1;
        let mut kv = KvClient::new(cluster.channel(asked));
        // So that the two are connected.
        kv.put(put("before")).await.expect("it is put");
        cluster.links().set(leader, asked, Way::Silent);
        let (one, compared) = (format!("put-{round}"), format!("txn-{round}"));
        let op = pb::RequestOp { request: Some(pb::request_op::Request::RequestPut(put(&compared))) };
        let txn = pb::TxnRequest { success: vec![op], ..pb::TxnRequest::default() };
        let mut again = kv.clone();
        let (first, second) = tokio::join!(kv.put(timed(put(&one))), again.txn(timed(txn)));
        for refusal in [told(first), told(second)] {
            // A follower that hears nothing for long knows no leader any more.
            let no_leader = refusal == (Code::Unavailable, "etcdserver: no leader".to_owned());
            assert!(refusal == doubt || no_leader, "{refusal:?}");
            in_doubt += i64::from(refusal == doubt);
        }
        cluster.links().heal();
        cluster.all_serve().await;
        // Whatever was under way is behind what is put now.
        let put_last = async || KvClient::new(cluster.channel(asked)).put(put("last")).await.ok();
        wait::until("it is put", put_last).await;
        for key in [one, compared] {
            assert!(times_put(&cluster, asked, &key).await <= 1, "{key} was put again");
        }
    }
    println!("{in_doubt} of 8 writes were in doubt");
    assert!(in_doubt > 0, "some answers were lost");
}

#[tokio::test(flavor = "multi_thread")]
async fn leadership_is_not_handed_to_who_does_not_answer() {
    let mut cluster = three().await;
    let leader = cluster.all_serve().await;
    let away = leader % 3 + 1;
    cluster.node(away).kill();
    let mut maintenance = MaintenanceClient::new(cluster.channel(leader));
    let refused = told(maintenance.move_leader(pb::MoveLeaderRequest { target_id: away }).await);
    let text = "etcdserver: request timed out, leader transfer took too long".to_owned();
    assert_eq!(refused, (Code::Unavailable, text));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_observer_is_told_on_when_the_leader_of_the_cluster_is_another() {
    let mut cluster = three().await;
    let leader = cluster.all_serve().await;
    let (here, there) = (leader % 3 + 1, (leader + 1) % 3 + 1);
    let mut leases = LeaseClient::new(cluster.channel(there));
    let granted = leases.lease_grant(pb::LeaseGrantRequest { ttl: 600, id: 0 }).await.expect("it is granted");
    let lease = granted.into_inner().id;
    let mut election = ElectionClient::new(cluster.channel(there));
    let campaign = CampaignRequest { name: "e".into(), lease, value: "0".into() };
    let elected = election.campaign(campaign).await.expect("nobody else wants to").into_inner().leader;
    let mut observer = ElectionClient::new(cluster.channel(here));
    let mut told =
        observer.observe(LeaderRequest { name: "e".into() }).await.expect("it begins").into_inner();
    let mut next = async || {
        let answer = tokio::time::timeout(wait::PATIENCE, told.message()).await.expect("it says something");
        answer.expect("it goes on").expect("it does not end").kv.expect("somebody leads").value
    };
    assert_eq!(next().await, "0");
    cluster.node(leader).kill();
    for value in ["1", "2", "3"] {
        let proclaim = ProclaimRequest { leader: elected.clone(), value: value.into() };
        let said = async || election.proclaim(proclaim.clone()).await.ok();
        wait::until("it is proclaimed", said).await;
        // What was said in doubt may be said again: it is the same.
        while next().await != value {}
    }
}
