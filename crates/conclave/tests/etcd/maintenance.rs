//! What operators ask of one member.

use conclave_proto::etcd::etcdserverpb::alarm_request::AlarmAction;
use conclave_proto::etcd::etcdserverpb::downgrade_request::DowngradeAction;
use conclave_proto::etcd::etcdserverpb::maintenance_client::MaintenanceClient;
use conclave_proto::etcd::etcdserverpb::{
    AlarmMember, AlarmRequest, AlarmType, DefragmentRequest, DowngradeRequest, HashKvRequest, HashRequest,
    LeaseRevokeRequest, MoveLeaderRequest, StatusRequest,
};

use tonic::Code;

use crate::pair::{Pair, Side};
use crate::requests::{compact, delete, get, lease, put};

#[tokio::test]
async fn a_member_tells_how_it_is() {
    let mut pair = Pair::start().await;
    let told = pair.granted(StatusRequest {}).await;
    assert_eq!((told.leader, told.raft_index, told.is_learner, told.errors.len()), (1, 1, false, 0));
}

/// What both answer to a request about alarms. An etcd of 3.4 tells no header there, in which alone it differs.
async fn alarms(pair: &mut Pair, request: AlarmRequest) -> Vec<AlarmMember> {
    let is_old = pair.sides().iter().any(|side| side.name.starts_with("etcd 3.4."));
    let ask = async |side: Side| {
        let mut told = MaintenanceClient::new(side.channel).alarm(request).await?;
        if is_old {
            told.get_mut().header = None;
        }
        Ok(told)
    };
    pair.both(&format!("{request:?}"), ask).await.expect("they are told").alarms
}

#[tokio::test]
async fn there_are_no_alarms() {
    let mut pair = Pair::start().await;
    assert_eq!(alarms(&mut pair, AlarmRequest::default()).await, []);
}

/// The alarm of space, of a member that there need not be.
fn alarm(action: AlarmAction) -> AlarmRequest {
    AlarmRequest { action: action.into(), member_id: 7, alarm: AlarmType::Nospace.into() }
}

#[tokio::test]
async fn an_alarm_that_is_raised_stops_what_takes_room() {
    let mut pair = Pair::start().await;
    pair.granted(put("a", "1")).await;
    let granted = pair.granted(lease(77)).await;
    let raised = [AlarmMember { member_id: 1, alarm: AlarmType::Nospace.into() }];
    assert_eq!(alarms(&mut pair, alarm(AlarmAction::Activate)).await, raised);
    assert_eq!(alarms(&mut pair, alarm(AlarmAction::Activate)).await, raised);
    assert_eq!(alarms(&mut pair, alarm(AlarmAction::Get)).await, raised);
    pair.refused(put("a", "2")).await;
    pair.refused(lease(78)).await;
    pair.granted(get("a")).await;
    let errors = pair.granted(StatusRequest {}).await.errors;
    assert_eq!(errors, ["memberID:7 alarm:NOSPACE "]);
    pair.granted(delete("a", "")).await;
    pair.granted(compact(3)).await;
    pair.granted(LeaseRevokeRequest { id: granted.id }).await;
    assert_eq!(alarms(&mut pair, alarm(AlarmAction::Deactivate)).await, raised);
    assert_eq!(alarms(&mut pair, alarm(AlarmAction::Deactivate)).await, []);
    assert_eq!(alarms(&mut pair, alarm(AlarmAction::Get)).await, []);
    pair.granted(put("a", "2")).await;
}

#[tokio::test]
async fn unused_space_can_be_given_back() {
    let mut pair = Pair::start().await;
    pair.granted(DefragmentRequest {}).await;
}

#[tokio::test]
async fn keys_are_hashed_up_to_a_revision() {
    let mut pair = Pair::start().await;
    for value in ["1", "2", "3"] {
        pair.granted(put("a", value)).await;
    }
    pair.granted(HashKvRequest { revision: 0 }).await;
    pair.granted(HashKvRequest { revision: 3 }).await;
    pair.refused(HashKvRequest { revision: 9 }).await;
    pair.granted(compact(3)).await;
    pair.refused(HashKvRequest { revision: 2 }).await;
    assert_eq!(pair.granted(HashKvRequest { revision: 4 }).await.compact_revision, 3);
}

#[tokio::test]
async fn leadership_goes_to_a_member_only() {
    let mut pair = Pair::start().await;
    pair.refused(MoveLeaderRequest { target_id: 99 }).await;
}

#[tokio::test]
async fn all_that_a_member_has_is_hashed() {
    let mut pair = Pair::start().await;
    assert_eq!(pair.granted(HashRequest {}).await.hash, 1);
}

/// An etcd of 3.4 has no such call.
#[tokio::test]
async fn a_step_down_that_cannot_be_is_refused() {
    let mut pair = Pair::start().await;
    if pair.sides().iter().any(|side| side.name.starts_with("etcd 3.4.")) {
        println!("skipped: an etcd of 3.4 does not step down");
        return;
    }
    let mut refused = async |action: DowngradeAction, version: &str| {
        pair.refused(DowngradeRequest { action: action.into(), version: version.into() }).await
    };
    refused(DowngradeAction::Cancel, "").await;
    refused(DowngradeAction::Validate, "x").await;
    refused(DowngradeAction::Validate, "3.3").await;
    refused(DowngradeAction::Validate, "3.6").await;
    refused(DowngradeAction::Enable, "").await;
    refused(DowngradeAction::Enable, "3.3").await;
    let unknown = pair.refused(DowngradeRequest { action: 9, version: "3.3".into() }).await;
    assert_eq!(unknown, (Code::Unknown, "etcdserver: unknown method".to_owned()));
}
