//! `lock` and `elect`.

use conclave_testkit::wait;

use super::etcdctl::{Etcdctl, VERSIONS};
use super::keys::from_here;
use super::three;

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_is_held_by_one_and_handed_on() {
    let cluster = three().await;
    let [newer, older] = Etcdctl::of_all_versions(&cluster);
    for (first, second) in [(&newer, &older), (&older, &newer)] {
        let from = from_here(first).await;
        let mut holder = first.start(&["lock", "orders"]);
        let held = holder.line().await;
        assert!(held.starts_with("orders/"), "{held}");
        let mut waiter = second.start(&["lock", "orders", "--", "sh", "-c", "echo $ETCD_LOCK_KEY"]);
        let mut line = first.start(&["watch", "orders/", "--prefix", &from]);
        // Both stand in line, the waiter behind.
        let told = line.told(6).await;
        assert_eq!((told[0].as_str(), &told[1], told[3].as_str()), ("PUT", &held, "PUT"));
        holder.interrupt().await;
        assert_eq!(line.told(2).await, ["DELETE", &held]);
        assert_eq!(waiter.line().await, told[4]);
        waiter.ends().await;
        line.interrupt().await;
        assert_eq!(first.done(&["get", "orders/", "--prefix"]).await, "");
    }
    let failed = newer.run(&["lock", "orders", "--", "sh", "-c", "exit 7"]).await;
    assert_eq!(failed.code, Some(7), "the code of the command: {failed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_is_elected_and_observed() {
    let cluster = three().await;
    let [newer, older] = Etcdctl::of_all_versions(&cluster);
    let mut observer = older.start(&["elect", "--listen", "boss"]);
    let mut first = newer.start(&["elect", "boss", "ada"]);
    let leads = first.told(2).await;
    assert!(leads[0].starts_with("boss/") && leads[1] == "ada", "{leads:?}");
    assert_eq!(observer.told(2).await, leads);
    let mut second = older.start(&["elect", "boss", "bob"]);
    first.interrupt().await;
    let leads = second.told(2).await;
    assert!(leads[0].starts_with("boss/") && leads[1] == "bob", "{leads:?}");
    assert_eq!(observer.told(2).await, leads);
    second.interrupt().await;
    observer.interrupt().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_outlives_the_leader() {
    let mut cluster = three().await;
    for version in VERSIONS {
        let ctl = Etcdctl::new(version, &cluster);
        let mut holder = ctl.start(&["lock", "lasting", "--ttl", "60"]);
        let held = holder.line().await;
        let mut waiter = ctl.start(&["lock", "lasting", "--", "echo", "next"]);
        let in_line = async || ctl.done(&["get", "lasting/", "--prefix", "--keys-only"]).await;
        wait::until("both stand in line", async || (in_line().await.lines().count() == 4).then_some(()))
            .await;
        let leader = cluster.all_serve().await;
        cluster.node(leader).kill();
        cluster.leader().await;
        assert!(in_line().await.contains(&held), "it is held as before");
        holder.interrupt().await;
        assert_eq!(waiter.line().await, "next");
        waiter.ends().await;
        cluster.start_node(leader);
        cluster.all_serve().await;
    }
}
