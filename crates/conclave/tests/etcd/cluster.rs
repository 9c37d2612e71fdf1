//! The members of the cluster.

use conclave_proto::etcd::etcdserverpb::MemberListRequest;

use crate::pair::Pair;

#[tokio::test]
async fn members_are_listed() {
    let mut pair = Pair::of_members(3).await;
    let told = pair.granted(MemberListRequest { linearizable: true }).await;
    let names: Vec<_> = told.members.iter().map(|member| member.name.as_str()).collect();
    assert_eq!(names, ["m0", "m1", "m2"]);
    assert!(told.members.iter().all(|member| member.id == 1 && !member.is_learner));
    pair.granted(MemberListRequest { linearizable: false }).await;
}
