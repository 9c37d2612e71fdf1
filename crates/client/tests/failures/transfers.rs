//! Handing leadership over "to whoever has come furthest", which asked twice moves it twice.

use std::time::Duration;

use conclave_client::cluster::TransferLeaderResponse;
use conclave_client::{Code, reason};
use tonic::Status;
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::fake_cluster::FakeCluster;
use crate::fake_node::{Reply, client_of, nobody};

fn refusal(reason: &str) -> Reply<TransferLeaderResponse> {
    let details = ErrorDetails::with_error_info(reason, "conclave", []);
    Reply::Refuse(Status::with_error_details(Code::Unavailable, "no", details))
}

fn led_by(leader_id: u64) -> Reply<TransferLeaderResponse> {
    Reply::Answer(TransferLeaderResponse { leader_id })
}

#[tokio::test]
async fn what_may_have_been_done_is_told_and_not_done_again() {
    for open in [refusal(reason::OUTCOME_UNKNOWN), Reply::Silence] {
        let (first, second) = (FakeCluster::start([open]).await, FakeCluster::start([led_by(3)]).await);
        let client = client_of(&[first.address(), second.address()]).with_timeout(Duration::from_millis(400));
        let error = client.transfer_leader(0).await.unwrap_err();
        assert!(error.is_outcome_unknown(), "{error:?}");
        assert_eq!((first.asked(), second.asked()), (1, 0));
    }
}

#[tokio::test]
async fn what_was_surely_not_done_is_tried_elsewhere() {
    let first = FakeCluster::start([refusal(reason::NO_LEADER)]).await;
    let second = FakeCluster::start([led_by(3)]).await;
    let client = client_of(&[&nobody().await, first.address(), second.address()]);
    assert_eq!(client.transfer_leader(0).await.unwrap().leader_id, 3);
    assert_eq!((first.asked(), second.asked()), (1, 1));
}

#[tokio::test]
async fn to_a_node_that_is_named_it_is_asked_for_until_it_is_known() {
    let first = FakeCluster::start([refusal(reason::OUTCOME_UNKNOWN)]).await;
    let second = FakeCluster::start([led_by(3)]).await;
    let client = client_of(&[first.address(), second.address()]);
    assert_eq!(client.transfer_leader(3).await.unwrap().leader_id, 3);
    assert_eq!((first.asked(), second.asked()), (1, 1));
}
