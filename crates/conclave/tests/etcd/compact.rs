//! History that is dropped.

use conclave_proto::etcd::etcdserverpb::{CompactionRequest, RangeRequest};
use tonic::Code;

use crate::pair::{Pair, revision};
use crate::requests::{Operation as _, all, always, compact, delete, get, put};

/// `a` at revisions 2, 3 and 5, deleted at 6; `b` at 4; the present is 7.
async fn filled() -> Pair {
    let mut pair = Pair::start().await;
    for (key, value) in [("a", "1"), ("a", "2"), ("b", "1"), ("a", "3")] {
        pair.granted(put(key, value)).await;
    }
    pair.granted(delete("a", "")).await;
    pair.granted(put("c", "1")).await;
    pair
}

async fn read_all_revisions(pair: &mut Pair) {
    for revision in 1..=8 {
        pair.ask(RangeRequest { revision, ..all() }).await.ok();
        pair.ask(RangeRequest { revision, ..get("a") }).await.ok();
        pair.ask(RangeRequest { revision, count_only: true, serializable: true, ..all() }).await.ok();
    }
}

#[tokio::test]
async fn the_revision_itself_can_still_be_read() {
    for at in 1..=7 {
        let mut pair = filled().await;
        pair.granted(compact(at)).await;
        read_all_revisions(&mut pair).await;
        pair.granted(RangeRequest { revision: at, ..all() }).await;
        if at > 1 {
            pair.refused(RangeRequest { revision: at - 1, ..all() }).await;
        }
    }
}

#[tokio::test]
async fn history_is_dropped_once_and_not_ahead_of_time() {
    let mut pair = filled().await;
    let compacted = (Code::OutOfRange, "etcdserver: mvcc: required revision has been compacted".to_owned());
    let future = (Code::OutOfRange, "etcdserver: mvcc: required revision is a future revision".to_owned());
    assert_eq!(revision(pair.granted(compact(4)).await.header.as_ref()), 7);
    assert_eq!(pair.refused(compact(4)).await, compacted);
    assert_eq!(pair.refused(compact(3)).await, compacted);
    assert_eq!(pair.refused(compact(0)).await, compacted);
    assert_eq!(pair.refused(compact(-1)).await, compacted);
    assert_eq!(pair.refused(compact(8)).await, future);
    pair.granted(compact(7)).await;
    assert_eq!(pair.refused(compact(7)).await, compacted);
    pair.granted(all()).await;
}

#[tokio::test]
async fn nothing_to_drop_at_the_beginning() {
    let mut pair = Pair::start().await;
    pair.ask(compact(0)).await.ok();
    pair.ask(compact(-1)).await.ok();
    pair.ask(compact(1)).await.ok();
    pair.ask(compact(1)).await.ok();
    pair.ask(compact(2)).await.ok();
}

#[tokio::test]
async fn it_can_be_waited_for() {
    let mut pair = filled().await;
    pair.granted(CompactionRequest { revision: 5, physical: true }).await;
    read_all_revisions(&mut pair).await;
    pair.refused(CompactionRequest { revision: 5, physical: true }).await;
    pair.refused(CompactionRequest { revision: 50, physical: true }).await;
}

#[tokio::test]
async fn a_key_lives_on() {
    let mut pair = Pair::start().await;
    for value in ["1", "2", "3"] {
        pair.granted(put("a", value)).await;
    }
    pair.granted(compact(4)).await;
    let told = pair.granted(put("a", "4")).await;
    assert_eq!(revision(told.header.as_ref()), 5);
    let told = pair.granted(get("a")).await.kvs.remove(0);
    assert_eq!((told.create_revision, told.version), (2, 4));
    // A read within a transaction is bound by it too.
    pair.refused(always(vec![RangeRequest { revision: 3, ..get("a") }.op()])).await;
}
