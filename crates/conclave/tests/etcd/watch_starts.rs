//! Where watches start: in the past, in the future, before what is left of history; and answers in pieces.
//!
//! Not asked for, as etcds before 3.6 answer it in one way or the other: a start below 0, and a start at a deletion up
//! to which history was dropped.

use bytes::Bytes;
use conclave_proto::etcd::etcdserverpb::{PutRequest, WatchCreateRequest};

use crate::pair::{Pair, revision};
use crate::requests::{ON, compact, delete, put};
use crate::watching::Watching;

/// How large the values are that make an answer too large for one piece, in bytes.
const LARGE_BYTES: usize = 1_000_000;

fn from(start_revision: i64) -> WatchCreateRequest {
    WatchCreateRequest {
        key: "\0".into(),
        range_end: ON.into(),
        start_revision,
        ..WatchCreateRequest::default()
    }
}

/// `a` at revisions 2, 3 and 5, deleted at 4; `b` at 6.
async fn filled() -> (Pair, Watching) {
    let mut pair = Pair::start().await;
    pair.granted(put("a", "1")).await;
    pair.granted(put("a", "2")).await;
    pair.granted(delete("a", "")).await;
    pair.granted(put("a", "3")).await;
    pair.granted(put("b", "1")).await;
    let watching = Watching::open(&mut pair);
    (pair, watching)
}

#[tokio::test]
async fn the_past_is_told_first() {
    let (mut pair, mut watching) = filled().await;
    for (id, start) in (0..).zip(1..=6) {
        watching.create(&mut pair, from(start)).await;
        let count = usize::try_from(7 - start.max(2)).expect("it is small");
        watching.events(&pair, id, count).await;
    }
    pair.granted(put("c", "1")).await;
    for id in 0..6 {
        watching.events(&pair, id, 1).await;
    }
}

#[tokio::test]
async fn the_past_is_told_with_what_was_before() {
    let (mut pair, mut watching) = filled().await;
    watching.create(&mut pair, WatchCreateRequest { prev_kv: true, ..from(2) }).await;
    let events = watching.events(&pair, 0, 5).await;
    let before: Vec<_> = events.iter().map(|event| event.prev_kv.is_some()).collect();
    assert_eq!(before, [false, true, true, false, false]);
    // What was before is not told where it is dropped.
    pair.granted(compact(3)).await;
    watching.create(&mut pair, WatchCreateRequest { prev_kv: true, ..from(3) }).await;
    watching.events(&pair, 1, 4).await;
}

#[tokio::test]
async fn the_future_is_waited_for() {
    let (mut pair, mut watching) = filled().await;
    let told = watching.create(&mut pair, from(9)).await;
    assert_eq!(revision(told.header.as_ref()), 6);
    for key in ["x", "y", "z"] {
        pair.granted(put(key, "1")).await;
    }
    let events = watching.events(&pair, 0, 1).await;
    assert_eq!(events[0].kv.as_ref().expect("it is told").key, "z");
}

#[tokio::test]
async fn what_is_dropped_cannot_be_watched() {
    let (mut pair, mut watching) = filled().await;
    pair.granted(compact(5)).await;
    let told = watching.create(&mut pair, from(4)).await;
    assert!(told.created);
    let told = watching.said(&pair).await;
    assert_eq!((told.canceled, told.compact_revision, told.watch_id), (true, 5, 0));
    // From the oldest revision that is left on, it can.
    watching.create(&mut pair, from(5)).await;
    watching.events(&pair, 1, 2).await;
}

#[tokio::test]
async fn a_watch_goes_on_when_history_is_dropped() {
    let (mut pair, mut watching) = filled().await;
    watching.create(&mut pair, from(2)).await;
    watching.events(&pair, 0, 5).await;
    pair.granted(compact(6)).await;
    pair.granted(put("a", "9")).await;
    watching.events(&pair, 0, 1).await;
}

#[tokio::test]
async fn a_large_answer_comes_in_pieces_where_that_is_asked_for() {
    let mut pair = Pair::start().await;
    for key in ["a", "b", "c", "d"] {
        let value = Bytes::from(vec![b'x'; LARGE_BYTES]);
        pair.granted(PutRequest { value, ..put(key, "") }).await;
    }
    // One change, which tells all four values: of several, a server may tell each by itself.
    pair.granted(delete("a", "e")).await;
    let mut watching = Watching::open(&mut pair);
    let large = WatchCreateRequest { prev_kv: true, ..from(6) };
    watching.create(&mut pair, large.clone()).await;
    assert_eq!(watching.pieces(&pair, 0, 4).await, [(4, false)]);
    watching.create(&mut pair, WatchCreateRequest { fragment: true, ..large }).await;
    let pieces = watching.pieces(&pair, 1, 4).await;
    assert!(pieces.len() > 1 && pieces[0].1, "{pieces:?}");
}
