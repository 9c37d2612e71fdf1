//! The members of the cluster.

use conclave_proto::etcd::etcdserverpb::cluster_client::ClusterClient;
use conclave_proto::etcd::etcdserverpb::{MemberAddRequest, MemberListRequest, MemberPromoteRequest};
use conclave_testkit::wait;
use tonic::Code;

use crate::pair::{Pair, Side};

#[tokio::test]
async fn members_are_listed() {
    let mut pair = Pair::of_members(3).await;
    let told = pair.granted(MemberListRequest { linearizable: true }).await;
    let names: Vec<_> = told.members.iter().map(|member| member.name.as_str()).collect();
    assert_eq!(names, ["named", "named", "named"]);
    assert!(told.members.iter().all(|member| member.id == 1 && !member.is_learner));
    pair.granted(MemberListRequest { linearizable: false }).await;
}

/// An etcd may forget a change of the members that comes soon after its start: what it need not agree on is asked for.
#[tokio::test]
async fn who_is_no_member_cannot_be_promoted() {
    let mut pair = Pair::start().await;
    let unknown = (Code::NotFound, "etcdserver: member not found".to_owned());
    assert_eq!(pair.refused(MemberPromoteRequest { id: 99 }).await, unknown);
}

#[tokio::test]
async fn a_learner_is_added_and_must_come_before_it_is_promoted() {
    let mut pair = Pair::of_members(3).await;
    for peer_url in ["", "127.0.0.1:1", "http://127.0.0.1", "http://127.0.0.1:1/x"] {
        let bad = MemberAddRequest { peer_ur_ls: vec![peer_url.to_owned()], is_learner: true };
        assert_eq!(pair.refused(bad).await.0, Code::InvalidArgument, "{peer_url:?}");
    }
    pair.refused(MemberAddRequest { peer_ur_ls: Vec::new(), is_learner: true }).await;
    let add = async |side: Side| {
        let client = ClusterClient::new(side.channel);
        let request =
            MemberAddRequest { peer_ur_ls: vec!["http://127.0.0.1:1".to_owned()], is_learner: true };
        wait::until("members may be changed", async || {
            match client.clone().member_add(request.clone()).await {
                // An etcd takes none before its members have been connected for five seconds.
                Err(status) if status.message() == "etcdserver: unhealthy cluster" => None,
                told => Some(told),
            }
        })
        .await
    };
    let told = pair.both("a learner is added", add).await.expect("it is granted");
    let member = told.member.expect("it is told");
    assert!(member.is_learner && member.name.is_empty() && told.members.len() == 4);
    let listed = pair.granted(MemberListRequest { linearizable: true }).await.members;
    assert_eq!(listed.iter().filter(|member| member.name.is_empty()).count(), 1);
}
