//! `member list`, `add`, `promote`, `update` and `remove`.

use std::time::Duration;

use conclave_testkit::wait;

use super::etcdctl::{Etcdctl, VERSIONS};
use super::three;

/// How long a node that was removed may take to stop.
const END_LIMIT: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn members_come_and_go() {
    let mut cluster = three().await;
    let client = cluster.client();
    for version in VERSIONS {
        let ctl = Etcdctl::new(version, &cluster);
        let listed = ctl.done(&["member", "list"]).await;
        assert_eq!(listed.matches(", started, node-").count(), 3, "{listed}");

        let id = cluster.add_node();
        let (peer, named) = (cluster.node(id).peer_address().to_string(), format!("db{id}"));
        let (number, at) = (id.to_string(), format!("--peer-urls=http://{peer}"));
        let added = ctl.done(&["member", "add", &named, "--learner", &at]).await;
        assert!(added.contains(&format!("{id} added to cluster ")), "{added}");
        let elsewhere = ["member", "update", &number, "--peer-urls=http://127.0.0.1:1"];
        assert!(ctl.refused(&elsewhere).await.contains("member not found"), "it has not come yet");
        let listed = ctl.done(&["member", "list"]).await;
        assert!(listed.contains(&format!("{id}, unstarted, , http://{peer}, , true")), "{listed}");
        let refused = ctl.refused(&["member", "promote", &number]).await;
        assert!(refused.contains("in sync with leader"), "{refused}");

        // etcdctl does not show the token; the same address names the same node.
        cluster.admit_node(&client, id).await;
        cluster.start_node(id);
        cluster.all_serve().await;
        wait::until("it has caught up", async || {
            (ctl.run(&["member", "promote", &number]).await.code == Some(0)).then_some(())
        })
        .await;
        let listed = ctl.done(&["member", "list"]).await;
        assert!(listed.contains(&format!("{id}, started, {named}, http://{peer}")), "{listed}");
        assert_eq!(listed.matches(", false").count(), 4, "nobody is a learner: {listed}");
        ctl.done(&["member", "update", &number, &at]).await;
        ctl.done(&["member", "remove", &number]).await;
        cluster.node(id).ended(END_LIMIT).await;
        assert_eq!(ctl.done(&["member", "list"]).await.lines().count(), 3);
    }
}
