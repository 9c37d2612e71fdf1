//! Leases, and the keys that hang on them.

use conclave_proto::etcd::etcdserverpb::lease_client::LeaseClient;
use conclave_proto::etcd::etcdserverpb::{
    LeaseGrantRequest, LeaseKeepAliveRequest, LeaseLeasesRequest, LeaseRevokeRequest, LeaseTimeToLiveRequest,
    PutRequest, WatchCreateRequest,
};
use conclave_proto::etcd::mvccpb::event::EventType;
use tonic::Code;

use crate::pair::{Pair, revision};
use crate::requests::{Operation as _, all, always, delete, get, lease, put};
use crate::watching::Watching;

fn revoke(id: i64) -> LeaseRevokeRequest {
    LeaseRevokeRequest { id }
}

fn time_to_live(id: i64) -> LeaseTimeToLiveRequest {
    LeaseTimeToLiveRequest { id, keys: true }
}

fn under(id: i64, key: &str) -> PutRequest {
    PutRequest { lease: id, ..put(key, "1") }
}

#[tokio::test]
async fn an_id_is_given_once() {
    let mut pair = Pair::start().await;
    let told = pair.granted(lease(7)).await;
    assert_eq!((told.id, told.ttl, revision(told.header.as_ref())), (7, 600, 1));
    let refused = pair.refused(lease(7)).await;
    assert_eq!(refused, (Code::FailedPrecondition, "etcdserver: lease already exists".into()));
    pair.granted(revoke(7)).await;
    pair.granted(lease(7)).await;
    pair.granted(lease(i64::MAX)).await;
    pair.ask(lease(-5)).await.ok();
}

#[tokio::test]
async fn an_id_can_be_left_to_the_server() {
    let mut pair = Pair::start().await;
    let chosen = async |side: crate::pair::Side| {
        let mut client = LeaseClient::new(side.channel);
        let mut told = client.lease_grant(LeaseGrantRequest { id: 0, ttl: 60 }).await?;
        told.get_mut().id = i64::from(told.get_ref().id > 0);
        Ok(told)
    };
    let told = pair.both("grants a lease of any id", chosen).await.expect("it is granted");
    assert_eq!((told.id, told.ttl), (1, 60));
}

#[tokio::test]
async fn a_time_is_neither_too_short_nor_too_long() {
    let mut pair = Pair::start().await;
    for (id, ttl) in (1..).zip([-1, 0, 1, 2, 3, 1_000, 9_000_000_000]) {
        pair.granted(LeaseGrantRequest { id, ttl }).await;
    }
    let refused = pair.refused(LeaseGrantRequest { id: 99, ttl: 9_000_000_001 }).await;
    assert_eq!(refused, (Code::OutOfRange, "etcdserver: too large lease TTL".into()));
    pair.refused(LeaseGrantRequest { id: 99, ttl: i64::MAX }).await;
}

#[tokio::test]
async fn its_keys_go_with_it_in_one_revision() {
    let mut pair = Pair::start().await;
    pair.granted(lease(7)).await;
    for key in ["a", "b", "c"] {
        pair.granted(under(7, key)).await;
    }
    pair.granted(put("d", "1")).await;
    let told = pair.granted(revoke(7)).await;
    assert_eq!(revision(told.header.as_ref()), 6);
    let told = pair.granted(all()).await;
    assert_eq!((told.count, revision(told.header.as_ref())), (1, 6));
    pair.granted(lease(8)).await;
    pair.granted(revoke(8)).await;
    let refused = pair.refused(revoke(8)).await;
    assert_eq!(refused, (Code::NotFound, "etcdserver: requested lease not found".into()));
    pair.refused(revoke(0)).await;
}

#[tokio::test]
async fn its_keys_are_those_that_were_put_under_it_last() {
    let mut pair = Pair::start().await;
    pair.granted(lease(7)).await;
    pair.granted(lease(8)).await;
    for key in ["a", "b", "c", "d"] {
        pair.granted(under(7, key)).await;
    }
    pair.granted(under(8, "b")).await;
    pair.granted(put("c", "2")).await;
    pair.granted(delete("d", "")).await;
    let told = pair.granted(time_to_live(7)).await;
    assert_eq!(told.keys, ["a"]);
    pair.granted(time_to_live(8)).await;
    pair.granted(always(vec![under(8, "x").op(), under(7, "y").op(), delete("b", "").op()])).await;
    pair.granted(time_to_live(7)).await;
    pair.granted(time_to_live(8)).await;
    pair.granted(revoke(7)).await;
    pair.granted(all()).await;
}

#[tokio::test]
async fn its_time_can_be_asked_for() {
    let mut pair = Pair::start().await;
    let missing = pair.granted(time_to_live(7)).await;
    assert_eq!((missing.id, missing.ttl, missing.granted_ttl), (7, -1, 0));
    pair.granted(time_to_live(0)).await;
    pair.granted(lease(7)).await;
    pair.granted(under(7, "a")).await;
    let told = pair.granted(time_to_live(7)).await;
    assert_eq!((told.ttl, told.granted_ttl, told.keys.len()), (600, 600, 1));
    pair.granted(LeaseTimeToLiveRequest { keys: false, ..time_to_live(7) }).await;
}

#[tokio::test]
async fn a_renewal_tells_the_time_or_that_there_is_no_lease() {
    let mut pair = Pair::start().await;
    pair.granted(lease(7)).await;
    let told = pair.granted(LeaseKeepAliveRequest { id: 7 }).await;
    assert_eq!((told.id, told.ttl), (7, 600));
    let told = pair.granted(LeaseKeepAliveRequest { id: 8 }).await;
    assert_eq!((told.id, told.ttl), (8, 0));
    pair.granted(LeaseKeepAliveRequest { id: 0 }).await;
}

#[tokio::test]
async fn leases_are_listed() {
    let mut pair = Pair::start().await;
    assert_eq!(pair.granted(LeaseLeasesRequest {}).await.leases, []);
    for (id, ttl) in [(9, 1_000), (3, 3_000), (7, 2_000)] {
        pair.granted(LeaseGrantRequest { id, ttl }).await;
    }
    assert_eq!(pair.granted(LeaseLeasesRequest {}).await.leases.len(), 3);
    pair.granted(revoke(9)).await;
    pair.granted(LeaseLeasesRequest {}).await;
}

#[tokio::test]
async fn one_that_is_not_renewed_ends() {
    let mut pair = Pair::start().await;
    pair.granted(LeaseGrantRequest { id: 7, ttl: 1 }).await;
    for key in ["a", "b"] {
        pair.granted(under(7, key)).await;
    }
    let mut watching = Watching::open(&mut pair);
    let range =
        WatchCreateRequest { key: "a".into(), range_end: "z".into(), ..WatchCreateRequest::default() };
    watching.create(&mut pair, range).await;
    let mut events = watching.events(&pair, 0, 2).await;
    events
        .sort_by(|a, b| a.kv.as_ref().map(|kv| kv.key.clone()).cmp(&b.kv.as_ref().map(|kv| kv.key.clone())));
    assert!(events.iter().all(|event| event.r#type() == EventType::Delete));
    pair.granted(get("a")).await;
    assert_eq!(pair.granted(time_to_live(7)).await.ttl, -1);
}
