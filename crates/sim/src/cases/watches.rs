//! Watchers are told all, in order, and of progress only what they were told.

use std::sync::Arc;

use conclave_proto::etcd::etcdserverpb::kv_client::KvClient;
use conclave_proto::etcd::etcdserverpb::request_op::Request;
use conclave_proto::etcd::etcdserverpb::watch_client::WatchClient;
use conclave_proto::etcd::etcdserverpb::watch_request::RequestUnion;
use conclave_proto::etcd::etcdserverpb::{
    CompactionRequest, PutRequest, RangeRequest, RequestOp, TxnRequest, WatchCreateRequest,
    WatchProgressRequest, WatchRequest, WatchResponse,
};
use futures::{StreamExt as _, stream};
use parking_lot::Mutex;

use super::{SETTLED_MS, Stage};
use crate::machine::client_address;
use crate::net::Channel;

/// A host of its own, so that it can stand still.
const WATCHER: u32 = 120;

type Told = Arc<Mutex<Vec<WatchResponse>>>;

/// Watches all keys from a revision on; asks for progress all the time if it is to.
fn watch(stage: &mut Stage, node: u64, from: i64, asks_for_progress: bool) -> Told {
    let told = Told::default();
    let (net, tells) = (stage.cluster.world.start_host(WATCHER), Arc::clone(&told));
    let create = WatchCreateRequest {
        key: "key".into(),
        range_end: "kez".into(),
        start_revision: from,
        ..Default::default()
    };
    let request = |union| WatchRequest { request_union: Some(union) };
    let first = stream::iter([request(RequestUnion::CreateRequest(create))]);
    let progress = stream::unfold((), move |()| async move {
        if !asks_for_progress {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(3)).await;
        Some((
            WatchRequest { request_union: Some(RequestUnion::ProgressRequest(WatchProgressRequest {})) },
            (),
        ))
    });
    stage.cluster.world.spawn(WATCHER, async move {
        let mut client = WatchClient::new(net.connect(&client_address(node), &[]));
        let Ok(answers) = client.watch(first.chain(progress)).await else { return };
        let mut answers = answers.into_inner();
        while let Ok(Some(answer)) = answers.message().await {
            tells.lock().push(answer);
        }
    });
    told
}

fn revisions(told: &Told) -> Vec<i64> {
    let told = told.lock();
    let events = told.iter().flat_map(|answer| &answer.events);
    events.filter_map(|event| Some(event.kv.as_ref()?.mod_revision)).collect()
}

fn change(stage: &mut Stage, count: u32) -> Vec<i64> {
    (0..count)
        .map(|number| stage.put(1, &format!("key-{}", number % 7), &number.to_string()).unwrap())
        .collect()
}

fn compact(stage: &mut Stage, revision: i64) {
    let compact = CompactionRequest { revision, physical: true };
    stage.ask(2, async move |channel: Channel| KvClient::new(channel).compact(compact).await).unwrap();
}

#[test]
fn lost_watch_events_under_starvation_and_around_a_compaction() {
    for seed in 0..4 {
        let mut stage = Stage::new(seed, 100_000);
        let first = change(&mut stage, 5);
        let told = watch(&mut stage, 2, first[0], false);
        stage.until(SETTLED_MS, |_| revisions(&told).len() == 5);
        // It stands still while far more passes than is kept for it, and half of that is given up.
        if let Some(host) = stage.cluster.world.host(WATCHER) {
            host.set_paused(true);
        }
        let missed = change(&mut stage, 300);
        compact(&mut stage, missed[150]);
        if let Some(host) = stage.cluster.world.host(WATCHER) {
            host.set_paused(false);
        }
        let last = change(&mut stage, 1)[0];
        stage.until(SETTLED_MS, |_| {
            revisions(&told).last() == Some(&last) || told.lock().iter().any(|answer| answer.canceled)
        });
        let expected: Vec<_> = first.iter().chain(&missed).copied().chain([last]).collect();
        let seen = revisions(&told);
        assert_eq!(seen, expected[..seen.len()], "seed {seed}: all, once and in order");
        if seen.len() < expected.len() {
            let cancelled = told.lock().iter().find(|answer| answer.canceled).cloned().unwrap();
            assert!(
                cancelled.compact_revision > seen[seen.len() - 1],
                "seed {seed}: it is told what is gone"
            );
        }
    }
}

#[test]
fn progress_ahead_of_its_events() {
    for seed in 0..4 {
        let mut stage = Stage::new(seed, 100_000);
        let told = watch(&mut stage, 2, 1, true);
        let written = change(&mut stage, 60);
        stage.until(SETTLED_MS, |_| revisions(&told).last() == written.last());
        let (mut seen, mut progressed) = (0, 0);
        for answer in told.lock().iter() {
            if answer.events.is_empty() && !answer.created {
                let up_to = answer.header.as_ref().map_or(0, |header| header.revision);
                let due = written.iter().filter(|revision| **revision <= up_to).count();
                assert_eq!(seen, due, "seed {seed}: progress to {up_to}");
                progressed += 1;
            }
            seen += answer.events.len();
        }
        assert!(progressed > 10, "seed {seed}: {progressed} times");
    }
}

#[test]
fn a_txn_that_reads_a_compacted_revision_diverges_members() {
    let mut stage = Stage::new(1, 100_000);
    let written = change(&mut stage, 20);
    compact(&mut stage, written[10]);
    let read = RangeRequest { key: "key-1".into(), revision: written[3], ..Default::default() };
    let put = PutRequest { key: "key-x".into(), value: "y".into(), ..Default::default() };
    let step = |request| RequestOp { request: Some(request) };
    let txn = TxnRequest {
        success: vec![step(Request::RequestPut(put)), step(Request::RequestRange(read))],
        ..Default::default()
    };
    let status =
        stage.ask(3, async move |channel: Channel| KvClient::new(channel).txn(txn).await).unwrap_err();
    assert!(status.message().contains("compacted"), "{status}");
    assert_eq!(stage.get(1, "key-x").unwrap(), None, "nothing of it was done");
    // What the nodes have applied is compared as the stage goes on.
    change(&mut stage, 20);
    stage.go(500);
}
