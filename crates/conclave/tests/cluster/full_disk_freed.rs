//! A disk with little room: what gives some back is still done, so that a store can be made smaller.

use std::time::Duration;

use conclave_proto::etcd::etcdserverpb as pb;
use conclave_testkit::{Cluster, ClusterOptions, wait};
use pb::kv_client::KvClient;
use pb::lease_client::LeaseClient;
use tonic::{Code, Request};

use crate::small_disk::SmallDisk;
use crate::stage::BINARY;

const SIZE_MIB: u32 = 64;
const RESERVE_BYTES: u64 = 8 << 20;
const NO_SPACE: &str = "etcdserver: mvcc: database space exceeded";

fn put(key: &str) -> pb::PutRequest {
    pb::PutRequest { key: key.to_owned().into(), value: "v".into(), ..pb::PutRequest::default() }
}

fn delete(key: &str) -> pb::DeleteRangeRequest {
    pb::DeleteRangeRequest { key: key.to_owned().into(), ..pb::DeleteRangeRequest::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_gives_room_back_is_done_until_half_of_the_reserve_is_used() {
    let options = ClusterOptions::new(BINARY, 1).set("space_reserve_bytes", RESERVE_BYTES);
    let mut cluster = Cluster::prepare(options).await;
    let Some(disk) = SmallDisk::mount(&cluster.folder().join("small"), SIZE_MIB) else {
        println!("skipped: mounting a small tmpfs needs root");
        return;
    };
    cluster.node(1).set("data_dir", disk.path().join("data").display());
    cluster.start_node(1);
    cluster.all_serve().await;
    let mut kv = KvClient::new(cluster.channel(1));
    let mut leases = LeaseClient::new(cluster.channel(1));
    for key in ["a", "b", "c"] {
        kv.put(put(key)).await.expect("there is room");
    }
    let granted = leases.lease_grant(pb::LeaseGrantRequest { ttl: 3_600, id: 0 }).await.expect("likewise");

    disk.take_but(RESERVE_BYTES * 3 / 4);
    let refused = wait::until("a put is refused", async || kv.clone().put(put("a")).await.err()).await;
    assert_eq!((refused.code(), refused.message()), (Code::ResourceExhausted, NO_SPACE));
    let deleted = kv.delete_range(delete("a")).await.expect("it gives room back").into_inner();
    assert_eq!(deleted.deleted, 1);
    let revision = deleted.header.expect("there is one").revision;
    kv.compact(pb::CompactionRequest { revision, physical: false }).await.expect("it gives room back");
    let id = granted.into_inner().id;
    leases.lease_revoke(pb::LeaseRevokeRequest { id }).await.expect("it gives room back");
    let refused =
        leases.lease_grant(pb::LeaseGrantRequest { ttl: 60, id: 0 }).await.expect_err("it takes some");
    assert_eq!(refused.message(), NO_SPACE);

    disk.clear();
    disk.take_but(RESERVE_BYTES / 4);
    let nothing = async || {
        // Of a key that is not there: asked as often as it takes, it changes nothing.
        let mut request = Request::new(delete("none"));
        request.set_timeout(Duration::from_secs(5));
        kv.clone().delete_range(request).await.err()
    };
    let refused = wait::until("a deletion is refused as well", nothing).await;
    assert_eq!((refused.code(), refused.message()), (Code::ResourceExhausted, NO_SPACE));
    let read = pb::RangeRequest { key: "b".into(), ..pb::RangeRequest::default() };
    assert_eq!(kv.range(read).await.expect("reads go on").into_inner().count, 1);
    disk.clear();
    wait::until("writes go on by themselves", async || kv.clone().put(put("a")).await.ok()).await;
}
