//! The service of locks.

use conclave_proto::etcd::etcdserverpb::LeaseRevokeRequest;
use conclave_proto::etcd::etcdserverpb::kv_client::KvClient;
use conclave_proto::etcd::etcdserverpb::lease_client::LeaseClient;
use conclave_proto::etcd::v3lockpb::lock_client::LockClient;
use conclave_proto::etcd::v3lockpb::{LockRequest, UnlockRequest};
use conclave_testkit::wait;
use tonic::Code;

use crate::pair::{Pair, Side};
use crate::requests::{all, get, lease};

fn lock(name: &'static str, lease: i64) -> LockRequest {
    LockRequest { name: name.into(), lease }
}

#[tokio::test]
async fn a_lock_is_a_key_under_the_lease_of_its_holder() {
    let mut pair = Pair::start().await;
    pair.granted(lease(7)).await;
    let told = pair.granted(lock("l", 7)).await;
    assert_eq!(told.key, "l/7");
    pair.granted(get("l/7")).await;
    assert_eq!(pair.granted(lock("l", 7)).await.key, "l/7", "asking twice is asking once");
    pair.granted(UnlockRequest { key: told.key.clone() }).await;
    pair.granted(all()).await;
    pair.granted(UnlockRequest { key: told.key }).await;
    pair.granted(lock("l", 7)).await;
}

#[tokio::test]
async fn ids_of_leases_are_written_in_hexadecimal() {
    let mut pair = Pair::start().await;
    pair.granted(lease(0x1234_abcd)).await;
    assert_eq!(pair.granted(lock("a/b", 0x1234_abcd)).await.key, "a/b/1234abcd");
}

#[tokio::test]
async fn a_lock_needs_a_lease_that_is_there() {
    let mut pair = Pair::start().await;
    let (code, _) = pair.refused(lock("l", 7)).await;
    assert_eq!(code, Code::Unknown, "as etcd has it: the service is a client of its own server");
    pair.ask(UnlockRequest { key: "never".into() }).await.ok();
    pair.ask(UnlockRequest { key: "".into() }).await.ok();
}

#[tokio::test]
async fn the_next_one_waits_until_it_is_released() {
    let mut pair = Pair::start().await;
    pair.granted(lease(7)).await;
    pair.granted(lease(8)).await;
    let held = pair.granted(lock("l", 7)).await.key;
    let hand_over = async |side: Side| {
        let (mut waiter, mut holder) =
            (LockClient::new(side.channel.clone()), LockClient::new(side.channel.clone()));
        let release = async {
            let mut kv = KvClient::new(side.channel.clone());
            wait::until("the next one stands in line", async || {
                let told = kv.range(get("l/8")).await.expect("it answers");
                (told.into_inner().count == 1).then_some(())
            })
            .await;
            holder.unlock(UnlockRequest { key: held.clone() }).await
        };
        let (locked, released) = tokio::join!(waiter.lock(lock("l", 8)), release);
        released.and(locked)
    };
    let told = pair.both("waits for the lock and is given it", hand_over).await.expect("it is held");
    assert_eq!(told.key, "l/8");
    pair.granted(all()).await;
}

#[tokio::test]
async fn whose_lease_ends_while_they_wait_has_no_lock() {
    let mut pair = Pair::start().await;
    pair.granted(lease(7)).await;
    pair.granted(lease(8)).await;
    let held = pair.granted(lock("l", 7)).await.key;
    let too_late = async |side: Side| {
        let (mut waiter, mut holder) =
            (LockClient::new(side.channel.clone()), LockClient::new(side.channel.clone()));
        let ends = async {
            let mut kv = KvClient::new(side.channel.clone());
            wait::until("the next one stands in line", async || {
                let told = kv.range(get("l/8")).await.expect("it answers");
                (told.into_inner().count == 1).then_some(())
            })
            .await;
            LeaseClient::new(side.channel.clone()).lease_revoke(LeaseRevokeRequest { id: 8 }).await?;
            holder.unlock(UnlockRequest { key: held.clone() }).await
        };
        let (locked, released) = tokio::join!(waiter.lock(lock("l", 8)), ends);
        released.and(locked)
    };
    let refused = pair.both("waits for the lock, and its lease ends", too_late).await.expect_err("too late");
    assert_eq!((refused.code, refused.message.as_str()), (Code::Unknown, "mutex: session is expired"));
    pair.granted(all()).await;
}

#[tokio::test]
async fn whoever_waits_no_longer_leaves_the_line() {
    let mut pair = Pair::start().await;
    pair.granted(lease(7)).await;
    pair.granted(lease(8)).await;
    pair.granted(lock("l", 7)).await;
    for side in pair.sides() {
        let mut kv = KvClient::new(side.channel.clone());
        let mut waiter = LockClient::new(side.channel.clone());
        let mut stands = async |count: i64| {
            wait::until("the line is as long as it should be", async || {
                let told = kv.range(get("l/8")).await.expect("it answers");
                (told.into_inner().count == count).then_some(())
            })
            .await;
        };
        tokio::select! {
            told = waiter.lock(lock("l", 8)) => panic!("it is held: {told:?}"),
            () = stands(1) => {}
        }
        stands(0).await;
    }
    pair.granted(all()).await;
}
