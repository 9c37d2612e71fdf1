//! `lease grant`, `keep-alive`, `timetolive`, `list` and `revoke`.

use super::etcdctl::Etcdctl;
use super::keys::from_here;
use super::three;

/// Grants a lease of so many seconds; tells its id as etcdctl writes it.
pub(super) async fn grant(ctl: &Etcdctl, ttl_s: &str) -> String {
    let told = ctl.done(&["lease", "grant", ttl_s]).await;
    let id = told.split(' ').nth(1).expect("its id is told").to_owned();
    assert_eq!(told, format!("lease {id} granted with TTL({ttl_s}s)\n"));
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn leases_live_as_long_as_they_are_kept_and_take_their_keys_along() {
    let cluster = three().await;
    for ctl in Etcdctl::of_all_versions(&cluster) {
        let id = grant(&ctl, "100").await;
        let hangs = format!("--lease={id}");
        ctl.done(&["put", "leased", "1", &hangs]).await;
        let told = ctl.done(&["lease", "timetolive", &id, "--keys"]).await;
        assert!(told.starts_with(&format!("lease {id} granted with TTL(100s), remaining(")), "{told}");
        assert!(told.ends_with("attached keys([leased])\n"), "{told}");
        let kept = format!("lease {id} keepalived with TTL(100)");
        assert_eq!(ctl.done(&["lease", "keep-alive", "--once", &id]).await.trim_end(), kept);
        let mut keeper = ctl.start(&["lease", "keep-alive", &id]);
        assert_eq!(keeper.line().await, kept);
        keeper.interrupt().await;
        assert_eq!(ctl.done(&["lease", "list"]).await, format!("found 1 leases\n{id}\n"));
        assert_eq!(ctl.done(&["lease", "revoke", &id]).await, format!("lease {id} revoked\n"));
        assert_eq!(ctl.done(&["get", "leased"]).await, "");
        assert_eq!(ctl.done(&["lease", "timetolive", &id]).await, format!("lease {id} already expired\n"));
        assert!(ctl.refused(&["lease", "revoke", &id]).await.contains("requested lease not found"));

        let short = grant(&ctl, "2").await;
        let mut watch = ctl.start(&["watch", "short", &from_here(&ctl).await]);
        ctl.done(&["put", "short", "1", &format!("--lease={short}")]).await;
        assert_eq!(watch.told(3).await, ["PUT", "short", "1"]);
        assert_eq!(watch.told(3).await, ["DELETE", "short", ""], "nobody keeps it");
        watch.interrupt().await;
    }
}
