//! What operators ask of one member.

use conclave_proto::etcd::etcdserverpb::maintenance_client::MaintenanceClient;
use conclave_proto::etcd::etcdserverpb::{
    AlarmRequest, DefragmentRequest, HashKvRequest, MoveLeaderRequest, ResponseHeader, StatusRequest,
};

use crate::pair::{Pair, Side};
use crate::requests::{compact, put};

#[tokio::test]
async fn a_member_tells_how_it_is() {
    let mut pair = Pair::start().await;
    let told = pair.granted(StatusRequest {}).await;
    assert_eq!((told.leader, told.raft_index, told.is_learner, told.errors.len()), (1, 1, false, 0));
}

#[tokio::test]
async fn there_are_no_alarms() {
    let mut pair = Pair::start().await;
    let ask = async |side: Side| {
        let mut told = MaintenanceClient::new(side.channel).alarm(AlarmRequest::default()).await?;
        if side.name.starts_with("etcd 3.4.") {
            // It tells no header.
            let revision = 1 + side.ahead;
            told.get_mut().header =
                Some(ResponseHeader { cluster_id: 1, member_id: 1, revision, raft_term: 1 });
        }
        Ok(told)
    };
    assert_eq!(pair.both("alarms", ask).await.expect("they are told").alarms, []);
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
