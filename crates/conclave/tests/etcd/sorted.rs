//! Ranges sorted by what a key tells, and bounded by its revisions.

use conclave_proto::etcd::etcdserverpb::RangeRequest;
use conclave_proto::etcd::etcdserverpb::range_request::{SortOrder, SortTarget};

use crate::pair::Pair;
use crate::requests::{all, delete, put, range};

const ORDERS: [SortOrder; 3] = [SortOrder::None, SortOrder::Ascend, SortOrder::Descend];
const TARGETS: [SortTarget; 5] =
    [SortTarget::Key, SortTarget::Version, SortTarget::Create, SortTarget::Mod, SortTarget::Value];

/// Six keys, some of which are alike in something.
async fn filled() -> Pair {
    let mut pair = Pair::start().await;
    for (key, value) in [("e", "1"), ("b", "3"), ("d", "2"), ("a", "2"), ("c", ""), ("f", "1")] {
        pair.granted(put(key, value)).await;
    }
    for (key, value) in [("b", "4"), ("e", "0"), ("b", "1")] {
        pair.granted(put(key, value)).await;
    }
    pair.granted(delete("c", "")).await;
    pair.granted(put("c", "9")).await;
    pair
}

fn sorted(order: SortOrder, target: SortTarget, request: RangeRequest) -> RangeRequest {
    RangeRequest { sort_order: order.into(), sort_target: target.into(), ..request }
}

fn keys(told: &conclave_proto::etcd::etcdserverpb::RangeResponse) -> String {
    told.kvs.iter().map(|kv| String::from_utf8_lossy(&kv.key).into_owned()).collect()
}

#[tokio::test]
async fn every_target_sorts_both_ways() {
    let mut pair = filled().await;
    for (order, target) in ORDERS.into_iter().flat_map(|order| TARGETS.map(|target| (order, target))) {
        for limit in [0, 1, 4, 6, 7] {
            pair.granted(sorted(order, target, RangeRequest { limit, ..all() })).await;
            pair.granted(sorted(order, target, RangeRequest { limit, ..range("b", "e") })).await;
        }
        pair.granted(sorted(order, target, RangeRequest { keys_only: true, limit: 3, ..all() })).await;
        pair.granted(sorted(order, target, RangeRequest { count_only: true, limit: 3, ..all() })).await;
        pair.granted(sorted(order, target, RangeRequest { revision: 8, limit: 3, ..all() })).await;
    }
    let told = pair.granted(sorted(SortOrder::Descend, SortTarget::Mod, all())).await;
    assert_eq!(keys(&told), "cbefad");
    let told = pair.granted(sorted(SortOrder::Ascend, SortTarget::Version, all())).await;
    assert_eq!(keys(&told), "acdfeb", "what is alike keeps the order of keys");
}

#[tokio::test]
async fn a_target_without_an_order_sorts_upward_unless_it_is_the_key() {
    let mut pair = filled().await;
    let told = pair.granted(sorted(SortOrder::None, SortTarget::Mod, all())).await;
    assert_eq!(keys(&told), "dafebc");
}

#[tokio::test]
async fn bounds_of_revisions_filter_keys_and_not_the_count() {
    let mut pair = filled().await;
    for bound in [-1, 1, 2, 5, 9, 12, 100] {
        for limit in [0, 2] {
            let request = RangeRequest { limit, ..all() };
            pair.granted(RangeRequest { min_mod_revision: bound, ..request.clone() }).await;
            pair.granted(RangeRequest { max_mod_revision: bound, ..request.clone() }).await;
            pair.granted(RangeRequest { min_create_revision: bound, ..request.clone() }).await;
            pair.granted(RangeRequest { max_create_revision: bound, ..request }).await;
        }
    }
    let between = RangeRequest { min_mod_revision: 5, max_mod_revision: 9, ..all() };
    let told = pair.granted(between.clone()).await;
    assert_eq!((keys(&told).as_str(), told.count), ("aef", 6));
    pair.granted(sorted(SortOrder::Descend, SortTarget::Key, RangeRequest { limit: 2, ..between })).await;
    pair.granted(RangeRequest { min_create_revision: 4, max_mod_revision: 7, ..all() }).await;
    pair.granted(RangeRequest { min_mod_revision: 9, max_mod_revision: 5, limit: 1, ..all() }).await;
}
