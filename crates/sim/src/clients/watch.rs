//! Watchers of plain keys: they follow all changes from the beginning, over everything that goes wrong.

use std::sync::Arc;

use conclave_checker::watch::{Change, Entry};
use conclave_proto::etcd::etcdserverpb::watch_client::WatchClient;
use conclave_proto::etcd::etcdserverpb::watch_request::RequestUnion;
use conclave_proto::etcd::etcdserverpb::{WatchCreateRequest, WatchRequest, WatchResponse};
use conclave_proto::etcd::mvccpb::event::EventType;
use futures::StreamExt as _;
use futures::stream;
use parking_lot::Mutex;
use tonic::Status;

use super::Client;
use crate::net::Channel;

/// What a watcher was told. Clones are of the same watcher.
#[derive(Clone, Default)]
pub(crate) struct Told {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    changes: Vec<Change>,
    /// What was told that must never be.
    wrong: Option<String>,
}

impl Told {
    /// All changes, in the order in which they were told.
    pub(crate) fn changes(&self) -> Vec<Change> {
        self.inner.lock().changes.clone()
    }

    /// The same, as the account of a watcher.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        self.inner.lock().changes.iter().cloned().map(Entry::Change).collect()
    }

    /// Whether it was told of this key.
    pub(crate) fn knows(&self, key: &str) -> bool {
        self.inner.lock().changes.iter().rev().any(|change| change.key == key)
    }

    /// What was wrong with them by itself.
    pub(crate) fn wrong(&self) -> Option<String> {
        self.inner.lock().wrong.clone()
    }

    /// From where the watcher goes on.
    fn next_revision(&self) -> u64 {
        self.inner.lock().changes.last().map_or(1, |last| last.revision + 1)
    }

    fn add(&self, response: &WatchResponse, from: u64) {
        let inner = &mut *self.inner.lock();
        if response.canceled {
            let why = format!("a watch from revision {from} was cancelled: {}", response.cancel_reason);
            inner.wrong.get_or_insert(why);
        }
        let told_before = inner.changes.last().map_or(from.saturating_sub(1), |last| last.revision);
        for event in &response.events {
            let Some(entry) = &event.kv else { continue };
            let is_deletion = event.r#type() == EventType::Delete;
            let change = Change {
                revision: entry.mod_revision.unsigned_abs(),
                key: String::from_utf8_lossy(&entry.key).into_owned(),
                value: (!is_deletion).then(|| String::from_utf8_lossy(&entry.value).into_owned()),
            };
            if change.revision <= told_before {
                let why = format!("{change:?} was told after revision {told_before}");
                inner.wrong.get_or_insert(why);
            }
            inner.changes.push(change);
        }
    }
}

/// Watches all keys of a run, at one node after the other, until the host ends.
pub(crate) async fn watch(mut client: Client, told: Told) {
    loop {
        let from = told.next_revision();
        let node = client.any_node();
        // Whatever ended the stream: it goes on elsewhere.
        let _ = follow(&mut client, node, from, &told).await;
        client.pause(1..=300).await;
    }
}

async fn follow(client: &mut Client, node: Channel, from: u64, told: &Told) -> Result<(), Status> {
    let create = WatchCreateRequest {
        key: "k".into(),
        range_end: "l".into(),
        start_revision: i64::try_from(from).expect("revisions of a run are small"),
        ..Default::default()
    };
    let create = WatchRequest { request_union: Some(RequestUnion::CreateRequest(create)) };
    // The stream of requests stays open: its end would end the watch.
    let requests = stream::iter([create]).chain(stream::pending());
    let opening = async { WatchClient::new(node).watch(requests).await };
    let mut answers = client.in_time(opening).await?.into_inner();
    while let Some(answer) = answers.message().await? {
        told.add(&answer, from);
        if client.dice.happens(2) {
            // Sometimes a client goes elsewhere by itself.
            return Ok(());
        }
    }
    Ok(())
}
