//! Reads, puts and deletions.

use conclave_proto::etcd::etcdserverpb::{DeleteRangeRequest, PutRequest, RangeRequest};
use tonic::Code;

use crate::pair::{Pair, revision};
use crate::requests::{ON, all, compact, delete, get, lease, put, range};

/// Keys around every boundary of a range.
const KEYS: [&str; 8] = ["\0", "a", "a\0", "aa", "ab", "b", "b\u{7f}", "c"];

async fn filled() -> Pair {
    let mut pair = Pair::start().await;
    for key in KEYS {
        pair.granted(put(key, &format!("value of {key}"))).await;
    }
    pair
}

/// Every range over the keys, and some that have none.
fn ranges() -> Vec<(&'static str, &'static str)> {
    let firsts = ["\0", "a", "a\0", "aa", "b", "b\u{7f}", "c", "zz"];
    let ends = ["", ON, "a", "a\0", "aa", "ab", "b", "c", "d"];
    firsts.into_iter().flat_map(|first| ends.map(|end| (first, end))).collect()
}

#[tokio::test]
async fn a_range_is_one_key_a_half_open_range_or_all_from_the_key_on() {
    let mut pair = filled().await;
    for (first, end) in ranges() {
        pair.granted(range(first, end)).await;
    }
    assert_eq!(pair.granted(all()).await.count, 8);
    assert_eq!(pair.granted(range("a", "b")).await.count, 4);
    assert_eq!(pair.granted(range("b", "a")).await.count, 0);
}

#[tokio::test]
async fn a_limit_cuts_the_keys_and_not_the_count() {
    let mut pair = filled().await;
    for limit in [-1, 0, 1, 3, 4, 5, 100] {
        pair.granted(RangeRequest { limit, ..range("a", "b") }).await;
        pair.granted(RangeRequest { limit, revision: 4, ..range("a", "b") }).await;
        pair.granted(RangeRequest { limit, keys_only: true, ..range("a", "b") }).await;
        pair.granted(RangeRequest { limit, count_only: true, ..range("a", "b") }).await;
    }
    let told = pair.granted(RangeRequest { limit: 3, ..range("a", "b") }).await;
    assert_eq!((told.kvs.len(), told.more, told.count), (3, true, 4));
}

#[tokio::test]
async fn keys_or_the_count_alone_can_be_asked_for() {
    let mut pair = filled().await;
    for (keys_only, count_only, serializable) in [
        (true, false, false),
        (false, true, false),
        (true, true, false),
        (true, false, true),
        (false, true, true),
    ] {
        for (first, end) in [("a", ""), ("a", "b"), ("zz", ""), ("\0", ON)] {
            pair.granted(RangeRequest { keys_only, count_only, serializable, ..range(first, end) }).await;
        }
    }
    let counted = pair.granted(RangeRequest { count_only: true, ..all() }).await;
    assert_eq!((counted.kvs.len(), counted.count), (0, 8));
}

#[tokio::test]
async fn the_past_is_read_as_it_was() {
    let mut pair = Pair::start().await;
    pair.granted(put("a", "1")).await;
    pair.granted(put("b", "1")).await;
    pair.granted(put("a", "2")).await;
    pair.granted(delete("a", "")).await;
    pair.granted(put("a", "3")).await;
    for revision in -1..=6 {
        pair.granted(RangeRequest { revision, ..get("a") }).await;
        pair.granted(RangeRequest { revision, ..all() }).await;
        pair.granted(RangeRequest { revision, serializable: true, ..all() }).await;
    }
    let old = pair.granted(RangeRequest { revision: 4, ..get("a") }).await;
    assert_eq!(
        (old.kvs[0].value.as_ref(), old.kvs[0].version, revision(old.header.as_ref())),
        (&b"2"[..], 2, 6)
    );
    let future = pair.refused(RangeRequest { revision: 7, ..all() }).await;
    assert_eq!(future, (Code::OutOfRange, "etcdserver: mvcc: required revision is a future revision".into()));
    pair.refused(RangeRequest { revision: 7, serializable: true, count_only: true, ..all() }).await;
    pair.granted(compact(4)).await;
    let compacted = pair.refused(RangeRequest { revision: 3, ..all() }).await;
    assert_eq!(
        compacted,
        (Code::OutOfRange, "etcdserver: mvcc: required revision has been compacted".into())
    );
}

#[tokio::test]
async fn each_life_of_a_key_counts_from_one() {
    let mut pair = Pair::start().await;
    for value in ["1", "2", "2"] {
        pair.granted(put("a", value)).await;
    }
    let told = pair.granted(get("a")).await.kvs.remove(0);
    assert_eq!((told.create_revision, told.mod_revision, told.version), (2, 4, 3));
    pair.granted(delete("a", "")).await;
    pair.granted(get("a")).await;
    pair.granted(put("a", "3")).await;
    let told = pair.granted(get("a")).await.kvs.remove(0);
    assert_eq!((told.create_revision, told.mod_revision, told.version), (6, 6, 1));
}

#[tokio::test]
async fn a_put_can_tell_what_was_there() {
    let mut pair = Pair::start().await;
    let asking = |value| PutRequest { prev_kv: true, ..put("a", value) };
    assert_eq!(pair.granted(asking("1")).await.prev_kv, None);
    assert_eq!(pair.granted(asking("")).await.prev_kv.expect("it was there").value, "1");
    pair.granted(asking("3")).await;
    pair.granted(delete("a", "")).await;
    pair.granted(asking("4")).await;
}

#[tokio::test]
async fn a_put_can_keep_the_value_or_the_lease() {
    let mut pair = Pair::start().await;
    let keeps_value = PutRequest { ignore_value: true, prev_kv: true, ..put("a", "") };
    let keeps_lease = PutRequest { ignore_lease: true, prev_kv: true, ..put("a", "2") };
    let keeps_both = PutRequest { ignore_lease: true, ..keeps_value.clone() };
    for request in [&keeps_value, &keeps_lease, &keeps_both] {
        let refused = pair.refused(request.clone()).await;
        assert_eq!(refused, (Code::InvalidArgument, "etcdserver: key not found".into()));
    }
    pair.granted(lease(7)).await;
    pair.granted(PutRequest { lease: 7, ..put("a", "1") }).await;
    pair.granted(keeps_lease.clone()).await;
    let kept = pair.granted(get("a")).await.kvs.remove(0);
    assert_eq!((kept.value.as_ref(), kept.lease, kept.version), (&b"2"[..], 7, 2));
    pair.granted(keeps_both).await;
    pair.granted(get("a")).await;
    // A lease that is not told is taken away.
    pair.granted(keeps_value.clone()).await;
    assert_eq!(pair.granted(get("a")).await.kvs[0].lease, 0);
    pair.refused(PutRequest { value: "x".into(), ..keeps_value }).await;
    pair.refused(PutRequest { lease: 7, ..keeps_lease }).await;
}

#[tokio::test]
async fn a_put_names_a_lease_that_is_there() {
    let mut pair = Pair::start().await;
    let refused = pair.refused(PutRequest { lease: 7, ..put("a", "1") }).await;
    assert_eq!(refused, (Code::NotFound, "etcdserver: requested lease not found".into()));
    pair.refused(PutRequest { lease: -7, ..put("a", "1") }).await;
    assert_eq!(revision(pair.granted(all()).await.header.as_ref()), 1, "nothing was written");
}

#[tokio::test]
async fn a_deletion_takes_a_range_in_one_revision() {
    let mut pair = Pair::start().await;
    for (first, end) in ranges() {
        pair.begin().await;
        for key in KEYS {
            pair.granted(put(key, "1")).await;
        }
        pair.granted(delete(first, end)).await;
        pair.granted(DeleteRangeRequest { prev_kv: false, ..delete(first, end) }).await;
        pair.granted(all()).await;
    }
}

#[tokio::test]
async fn a_deletion_of_nothing_is_no_revision() {
    let mut pair = filled().await;
    let told = pair.granted(delete("zz", "")).await;
    assert_eq!((told.deleted, revision(told.header.as_ref())), (0, 9));
    let told = pair.granted(delete("a", "b")).await;
    assert_eq!((told.deleted, told.prev_kvs.len(), revision(told.header.as_ref())), (4, 4, 10));
    let told = pair.granted(DeleteRangeRequest { prev_kv: false, ..delete("b", ON) }).await;
    assert_eq!((told.deleted, told.prev_kvs.len(), revision(told.header.as_ref())), (3, 0, 11));
}

#[tokio::test]
async fn a_key_is_never_empty() {
    let mut pair = filled().await;
    let expected = (Code::InvalidArgument, "etcdserver: key is not provided".to_owned());
    assert_eq!(pair.refused(put("", "1")).await, expected);
    for end in ["", ON, "b"] {
        assert_eq!(pair.refused(range("", end)).await, expected);
        assert_eq!(pair.refused(delete("", end)).await, expected);
    }
}
