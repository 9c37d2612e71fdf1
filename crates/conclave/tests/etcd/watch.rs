//! Watches: what they are told of changes as they happen.

use conclave_proto::etcd::etcdserverpb::watch_create_request::FilterType;
use conclave_proto::etcd::etcdserverpb::watch_request::RequestUnion;
use conclave_proto::etcd::etcdserverpb::{PutRequest, WatchCancelRequest, WatchCreateRequest};
use conclave_proto::etcd::mvccpb::Event;

use crate::pair::{Pair, revision};
use crate::requests::{ON, Operation as _, always, delete, put};
use crate::watching::Watching;

async fn open() -> (Pair, Watching) {
    let mut pair = Pair::start().await;
    let watching = Watching::open(&mut pair);
    (pair, watching)
}

fn watch(key: &str, end: &str) -> WatchCreateRequest {
    WatchCreateRequest {
        key: bytes::Bytes::copy_from_slice(key.as_bytes()),
        range_end: bytes::Bytes::copy_from_slice(end.as_bytes()),
        ..WatchCreateRequest::default()
    }
}

fn keys(events: &[Event]) -> Vec<String> {
    let key = |event: &Event| event.kv.as_ref().map(|kv| String::from_utf8_lossy(&kv.key).into_owned());
    events.iter().filter_map(key).collect()
}

#[tokio::test]
async fn a_watch_is_told_of_its_range_from_now_on() {
    let (mut pair, mut watching) = open().await;
    pair.granted(put("a", "before")).await;
    for (id, (key, end)) in (0..).zip([("a", ""), ("a", "c"), ("b", ON), ("\0", ON)]) {
        let told = watching.create(&mut pair, watch(key, end)).await;
        assert_eq!((told.watch_id, told.created), (id, true));
    }
    for key in ["\0", "a", "aa", "b", "c", "a"] {
        pair.granted(put(key, "1")).await;
    }
    assert_eq!(keys(&watching.events(&pair, 0, 2).await), ["a", "a"]);
    assert_eq!(keys(&watching.events(&pair, 1, 4).await), ["a", "aa", "b", "a"]);
    assert_eq!(keys(&watching.events(&pair, 2, 2).await), ["b", "c"]);
    watching.events(&pair, 3, 6).await;
}

#[tokio::test]
async fn a_range_of_nothing_cannot_be_watched() {
    let (mut pair, mut watching) = open().await;
    for (key, end) in [("c", "a"), ("a", "a")] {
        let told = watching.create(&mut pair, watch(key, end)).await;
        assert_eq!((told.watch_id, told.created, told.canceled), (-1, true, true));
    }
    assert_eq!(watching.create(&mut pair, watch("a", "b")).await.watch_id, 0);
}

#[tokio::test]
async fn a_transaction_is_told_as_it_was_done() {
    let (mut pair, mut watching) = open().await;
    watching.create(&mut pair, WatchCreateRequest { prev_kv: true, ..watch("\0", ON) }).await;
    pair.granted(always(vec![put("b", "1").op(), put("a", "1").op()])).await;
    pair.granted(always(vec![delete("a", "b").op(), put("c", "1").op(), delete("b", "").op()])).await;
    let events = watching.events(&pair, 0, 5).await;
    assert_eq!(keys(&events), ["b", "a", "a", "c", "b"]);
    assert_eq!(events[4].prev_kv.as_ref().expect("it was asked for").value, "1");
}

#[tokio::test]
async fn what_was_before_is_told_where_it_is_asked_for() {
    let (mut pair, mut watching) = open().await;
    watching.create(&mut pair, watch("a", "")).await;
    watching.create(&mut pair, WatchCreateRequest { prev_kv: true, ..watch("a", "") }).await;
    pair.granted(put("a", "1")).await;
    pair.granted(PutRequest { ignore_value: true, ..put("a", "") }).await;
    pair.granted(delete("a", "")).await;
    pair.granted(put("a", "2")).await;
    assert!(watching.events(&pair, 0, 4).await.iter().all(|event| event.prev_kv.is_none()));
    let before: Vec<_> =
        watching.events(&pair, 1, 4).await.iter().map(|event| event.prev_kv.is_some()).collect();
    assert_eq!(before, [false, true, true, false]);
}

#[tokio::test]
async fn puts_or_deletions_can_be_left_out() {
    let (mut pair, mut watching) = open().await;
    let filtered = |filters: &[FilterType]| WatchCreateRequest {
        filters: filters.iter().map(|filter| i32::from(*filter)).collect(),
        ..watch("a", "")
    };
    watching.create(&mut pair, filtered(&[FilterType::Noput])).await;
    watching.create(&mut pair, filtered(&[FilterType::Nodelete])).await;
    watching.create(&mut pair, filtered(&[FilterType::Nodelete, FilterType::Noput])).await;
    watching.create(&mut pair, watch("a", "")).await;
    for value in ["1", "2"] {
        pair.granted(put("a", value)).await;
        pair.granted(delete("a", "")).await;
    }
    watching.events(&pair, 0, 2).await;
    watching.events(&pair, 1, 2).await;
    watching.events(&pair, 3, 4).await;
}

#[tokio::test]
async fn a_watch_can_have_a_number_of_its_own() {
    let (mut pair, mut watching) = open().await;
    let numbered = |watch_id| WatchCreateRequest { watch_id, ..watch("a", "") };
    assert_eq!(watching.create(&mut pair, numbered(1)).await.watch_id, 1);
    assert_eq!(watching.create(&mut pair, numbered(0)).await.watch_id, 0);
    assert_eq!(watching.create(&mut pair, numbered(0)).await.watch_id, 2, "1 is taken");
    pair.granted(put("a", "1")).await;
    for watch_id in [0, 1, 2] {
        watching.events(&pair, watch_id, 1).await;
    }
    watching.create(&mut pair, numbered(1)).await;
}

#[tokio::test]
async fn a_watch_that_has_ended_is_told_nothing_more() {
    let (mut pair, mut watching) = open().await;
    watching.create(&mut pair, watch("a", "")).await;
    watching.create(&mut pair, watch("a", "")).await;
    pair.granted(put("a", "1")).await;
    watching.events(&pair, 0, 1).await;
    watching.events(&pair, 1, 1).await;
    let told = watching.cancel(&mut pair, 0).await;
    assert_eq!((told.watch_id, told.canceled), (0, true));
    pair.granted(put("a", "2")).await;
    watching.events(&pair, 1, 1).await;
    // That nobody is told of the end of a watch that is not there shows in what comes next.
    let missing = RequestUnion::CancelRequest(WatchCancelRequest { watch_id: 77 });
    watching.send(&mut pair, missing).await;
    let told = watching.create(&mut pair, watch("b", "")).await;
    assert!(told.created);
}

#[tokio::test]
async fn how_far_it_is_can_be_asked_for() {
    let (mut pair, mut watching) = open().await;
    watching.create(&mut pair, watch("a", "")).await;
    pair.granted(put("b", "1")).await;
    let told = watching.progress(&mut pair).await;
    assert_eq!((told.watch_id, revision(told.header.as_ref())), (-1, 2));
    pair.granted(put("a", "1")).await;
    watching.events(&pair, 0, 1).await;
    watching.progress(&mut pair).await;
}

#[tokio::test]
async fn streams_know_nothing_of_one_another() {
    let (mut pair, mut first) = open().await;
    let mut second = Watching::open(&mut pair);
    assert_eq!(first.create(&mut pair, watch("a", "")).await.watch_id, 0);
    assert_eq!(second.create(&mut pair, watch("a", "b")).await.watch_id, 0);
    pair.granted(put("a", "1")).await;
    first.events(&pair, 0, 1).await;
    first.cancel(&mut pair, 0).await;
    pair.granted(put("aa", "1")).await;
    second.events(&pair, 0, 2).await;
}

#[tokio::test]
async fn a_watch_without_a_key() {
    let (mut pair, mut watching) = open().await;
    // An empty key without an end stands for the key of one zero byte; with the end of all, for all.
    watching.create(&mut pair, watch("", "")).await;
    watching.create(&mut pair, watch("", ON)).await;
    for key in ["\0", "a"] {
        pair.granted(put(key, "1")).await;
    }
    watching.events(&pair, 0, 1).await;
    watching.events(&pair, 1, 2).await;
}
