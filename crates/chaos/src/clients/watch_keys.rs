//! Watchers of plain keys: they follow all changes from the beginning, at one node after the other.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use conclave_checker::watch::{Account, Change, Entry};
use conclave_proto::etcd::etcdserverpb::watch_client::WatchClient;
use conclave_proto::etcd::etcdserverpb::watch_request::RequestUnion;
use conclave_proto::etcd::etcdserverpb::{WatchCreateRequest, WatchRequest, WatchResponse};
use conclave_proto::etcd::mvccpb::event::EventType;
use futures::StreamExt as _;
use futures::stream;
use tokio::time::timeout;
use tonic::Streaming;
use tonic::transport::Channel;

use super::Client;

/// The key that is written last: whoever was told of it was told all.
pub(crate) const LAST_KEY: &str = "k~last";
/// A node that says nothing for so long is left.
const SILENCE_MAX: Duration = Duration::from_secs(2);
const SILENT: &str = "the node says nothing";
/// Of so many percent of the answers a watcher goes elsewhere by itself.
const LEAVES_PERCENT: u64 = 2;

/// Watches all keys of a run, until it was told of the last one.
pub(crate) async fn watch(mut client: Client) -> Account {
    let mut told = Told::default();
    while !told.is_complete {
        let node = client.any_node();
        // Whatever ended the stream: it goes on elsewhere.
        let _ = follow(&mut client, node, &mut told).await;
        client.pause(1..=300).await;
    }
    told.account(format!("watcher {} of keys", client.id))
}

/// All changes of keys, as one node tells them afterwards.
pub(crate) async fn all_changes(node: Channel) -> anyhow::Result<Vec<Change>> {
    let mut told = Told::default();
    let mut answers = open(node, 1).await?;
    while !told.is_complete {
        told.add(&next(&mut answers).await?)?;
    }
    Ok(told.changes)
}

/// What a watcher was told.
#[derive(Default)]
struct Told {
    changes: Vec<Change>,
    is_complete: bool,
}

impl Told {
    /// From where it goes on.
    fn next_revision(&self) -> u64 {
        self.changes.last().map_or(1, |last| last.revision + 1)
    }

    fn add(&mut self, response: &WatchResponse) -> anyhow::Result<()> {
        ensure!(!response.canceled, "the watch was cancelled: {}", response.cancel_reason);
        for event in &response.events {
            let Some(entry) = &event.kv else { continue };
            let is_deletion = event.r#type() == EventType::Delete;
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let change = Change {
                revision: entry.mod_revision.unsigned_abs(),
                key: text(&entry.key),
                value: (!is_deletion).then(|| text(&entry.value)),
            };
            self.is_complete |= change.key == LAST_KEY;
            self.changes.push(change);
        }
        Ok(())
    }

    fn account(self, watcher: String) -> Account {
        let complete_to = self.changes.last().map(|last| last.revision);
        let entries = self.changes.into_iter().map(Entry::Change).collect();
        Account { watcher, from_revision: 1, entries, complete_to }
    }
}

async fn follow(client: &mut Client, node: Channel, told: &mut Told) -> anyhow::Result<()> {
    let mut answers = open(node, told.next_revision()).await?;
    while !told.is_complete {
        told.add(&next(&mut answers).await?)?;
        if client.dice.happens(LEAVES_PERCENT) {
            return Ok(());
        }
    }
    Ok(())
}

async fn open(node: Channel, from: u64) -> anyhow::Result<Streaming<WatchResponse>> {
    let create = WatchCreateRequest {
        key: "k".into(),
        range_end: "l".into(),
        start_revision: i64::try_from(from).expect("revisions of a run are small"),
        ..Default::default()
    };
    let create = WatchRequest { request_union: Some(RequestUnion::CreateRequest(create)) };
    // The stream of requests stays open: its end would end the watch.
    let requests = stream::iter([create]).chain(stream::pending());
    let opened = timeout(SILENCE_MAX, WatchClient::new(node).watch(requests)).await;
    Ok(opened.context(SILENT)??.into_inner())
}

async fn next(answers: &mut Streaming<WatchResponse>) -> anyhow::Result<WatchResponse> {
    let answer = timeout(SILENCE_MAX, answers.message()).await.context(SILENT)?;
    answer?.context("the stream has ended")
}
