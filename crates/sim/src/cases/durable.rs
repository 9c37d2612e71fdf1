//! What was acknowledged is there, whatever crashes.

use conclave_proto::etcd::etcdserverpb::CompactionRequest;
use conclave_proto::etcd::etcdserverpb::kv_client::KvClient;

use super::Stage;
use crate::disk::Fault;
use crate::net::{Channel, Death};

#[test]
fn acknowledged_before_fsync() {
    for seed in 0..12 {
        let mut stage = Stage::new(seed, 100_000);
        let mut acknowledged = Vec::new();
        // Many at once, so that some are under way when all machines lose power.
        let writes: Vec<_> = (0..20)
            .map(|number| {
                let (node, key) = (number % 3 + 1, format!("key-{number}"));
                let put = conclave_proto::etcd::etcdserverpb::PutRequest {
                    key: key.clone().into(),
                    value: "kept".into(),
                    ..Default::default()
                };
                let call = async move |channel: Channel| KvClient::new(channel).put(put).await;
                (key, stage.begin(node, call))
            })
            .collect();
        stage.go(2 + seed * 2);
        for (key, answer) in writes {
            if matches!(*answer.lock(), Some(Ok(_))) {
                acknowledged.push(key);
            }
        }
        for id in stage.cluster.ids() {
            stage.cluster.end_node(id, Death::PowerLost, false);
        }
        stage.settle();
        for key in acknowledged {
            assert_eq!(stage.get(1, &key).unwrap().as_deref(), Some("kept"), "seed {seed}, {key}");
        }
    }
}

#[test]
fn the_revision_goes_back_after_a_crash_in_a_compaction() {
    for seed in 0..12 {
        let mut stage = Stage::new(seed, 50);
        let mut newest = 0;
        for number in 0..60 {
            newest = stage.put(1, &format!("key-{}", number % 5), &number.to_string()).unwrap();
        }
        // The crash comes somewhere in what the compaction does on the disks.
        for id in stage.cluster.ids() {
            let fault = Fault { ends_after: Some(1 + seed * 3), ..Fault::default() };
            stage.cluster.node(id).disk.set_fault(fault);
        }
        let compact = CompactionRequest { revision: newest - 5, physical: true };
        let _begun =
            stage.begin(2, async move |channel: Channel| KvClient::new(channel).compact(compact).await);
        stage.go(3_000);
        for id in stage.cluster.ids() {
            stage.cluster.node(id).disk.set_fault(Fault::default());
        }
        stage.settle();
        assert_eq!(stage.get(3, "key-4").unwrap().as_deref(), Some("59"), "seed {seed}");
        assert!(stage.put(3, "after", "yes").unwrap() > newest, "seed {seed}");
    }
}
