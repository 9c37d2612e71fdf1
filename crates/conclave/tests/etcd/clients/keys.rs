//! `put`, `get`, `del`, `txn`, `compaction` and `watch`.

use serde_json::Value;

use super::etcdctl::Etcdctl;
use super::three;

/// What the answer to a read tells as the newest revision.
async fn revision(ctl: &Etcdctl) -> i64 {
    let told = ctl.done(&["get", "x", "--write-out", "json"]).await;
    let told: Value = serde_json::from_str(&told).expect("it is JSON");
    told["header"]["revision"].as_i64().expect("it is told")
}

/// The option by which a watch tells what comes after this.
pub(super) async fn from_here(ctl: &Etcdctl) -> String {
    format!("--rev={}", revision(ctl).await + 1)
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_put_read_changed_together_and_compacted() {
    let cluster = three().await;
    for ctl in Etcdctl::of_all_versions(&cluster) {
        assert!(ctl.done(&["version"]).await.contains(&format!("etcdctl version: {}", ctl.version)));
        ctl.done(&["del", "", "--from-key"]).await;
        let first = revision(&ctl).await;
        assert_eq!(ctl.done(&["put", "a", "1"]).await, "OK\n");
        assert_eq!(ctl.done(&["put", "a", "2", "--prev-kv"]).await, "OK\na\n1\n");
        ctl.done(&["put", "ab", "1"]).await;
        assert_eq!(ctl.done(&["get", "a"]).await, "a\n2\n");
        assert_eq!(ctl.done(&["get", "a", "--prefix", "--keys-only"]).await, "a\n\nab\n\n");
        assert_eq!(ctl.done(&["get", "a", "b", "--order=DESCEND", "--limit=1"]).await, "ab\n1\n");
        let sorted = ["get", "a", "--prefix", "--sort-by=VALUE", "--order=ASCEND", "--print-value-only"];
        assert_eq!(ctl.done(&sorted).await, "1\n2\n");
        let before = format!("--rev={}", first + 1);
        assert_eq!(ctl.done(&["get", "a", &before]).await, "a\n1\n");
        assert_eq!(ctl.done(&["get", "a", "--consistency=s", "--hex"]).await, "\\x61\n\\x32\n");

        let script = "value(\"a\") = \"2\"\n\nput b \"3\"\nget a\n\nput b \"4\"\n\n";
        assert_eq!(ctl.done_with(&["txn"], script).await, "SUCCESS\n\nOK\n\na\n2\n");
        let script = "mod(\"none\") > \"0\"\n\nput b \"3\"\n\nget b\ndel ab\n\n";
        assert_eq!(ctl.done_with(&["txn"], script).await, "FAILURE\n\nb\n3\n\n1\n");

        assert_eq!(ctl.done(&["del", "a", "--prev-kv"]).await, "1\na\n2\n");
        assert_eq!(ctl.done(&["del", "a", "--prefix"]).await, "0\n");
        let newest = revision(&ctl).await.to_string();
        let compacted = ctl.done(&["compaction", &newest, "--physical"]).await;
        assert_eq!(compacted, format!("compacted revision {newest}\n"));
        let refused = ctl.refused(&["get", "a", &before]).await;
        assert!(refused.contains("mvcc: required revision has been compacted"), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn watches_tell_what_was_and_what_comes() {
    let cluster = three().await;
    for ctl in Etcdctl::of_all_versions(&cluster) {
        ctl.done(&["put", "w/1", "old"]).await;
        let from = format!("--rev={}", revision(&ctl).await);
        let mut watch = ctl.start(&["watch", "w/", "--prefix", "--prev-kv", &from]);
        ctl.done(&["put", "w/1", "new"]).await;
        ctl.done(&["del", "w/1"]).await;
        assert_eq!(watch.told(3).await, ["PUT", "w/1", "old"]);
        assert_eq!(watch.told(5).await, ["PUT", "w/1", "old", "w/1", "new"]);
        assert_eq!(watch.told(5).await, ["DELETE", "w/1", "new", "w/1", ""]);
        watch.interrupt().await;

        let tell = "echo $ETCD_WATCH_EVENT_TYPE $ETCD_WATCH_KEY";
        let mut watch = ctl.start(&["watch", "w/1", &from, "--", "sh", "-c", tell]);
        assert_eq!(watch.told(4).await, ["PUT", "w/1", "old", "\"PUT\" \"w/1\""]);
        watch.interrupt().await;

        let mut watch = ctl.start(&["watch", "--interactive"]);
        watch.say(&format!("watch w/1 {from}")).await;
        assert_eq!(watch.told(3).await, ["PUT", "w/1", "old"]);
        assert_eq!(watch.told(6).await, ["PUT", "w/1", "new", "DELETE", "w/1", ""]);
        watch.say("progress").await;
        assert!(watch.line().await.starts_with("progress notify: "));
        watch.interrupt().await;
    }
}
