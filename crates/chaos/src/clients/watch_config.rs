//! Watchers of configuration by the SDK: all namespaces from the beginning.

use std::collections::BTreeMap;

use conclave_checker::watch::{Account, Change, Entry};
use conclave_client::config::Version;
use conclave_client::{Client as Sdk, ClientError, VersionChange, WatchEvent, WatchOptions};
use futures::TryStreamExt as _;

use super::Client;
use super::config::ITEM;

const HEARTBEAT_MS: u32 = 1_000;
/// After so many percent of the events a watcher begins anew, where it was.
const LEAVES_PERCENT: u64 = 2;
/// The message of the version that is committed last, to the first namespace.
pub(crate) const LAST: &str = "last";

/// Watches namespaces, until it was told of the last version.
pub(crate) async fn watch(mut client: Client, namespaces: Vec<String>) -> anyhow::Result<Account> {
    let mut told = Told { from: 1, ..Told::default() };
    while !told.is_complete {
        let options = WatchOptions::of(namespaces.clone()).from_revision(told.from);
        let options = WatchOptions { heartbeat_interval_ms: HEARTBEAT_MS, ..options };
        let mut watch = client.sdk().watch(options);
        while !told.is_complete && !client.dice.happens(LEAVES_PERCENT) {
            told.add(watch.next().await?);
        }
    }
    let Told { entries, from, .. } = told;
    let watcher = format!("watcher {} of configuration", client.id);
    Ok(Account { watcher, from_revision: 1, entries, complete_to: Some(from - 1) })
}

/// What a watcher was told.
#[derive(Default)]
struct Told {
    entries: Vec<Entry>,
    /// What each namespace held last: a version may change nothing.
    contents: BTreeMap<String, String>,
    from: u64,
    is_complete: bool,
}

impl Told {
    fn add(&mut self, event: WatchEvent) {
        match event {
            WatchEvent::Version(change) => self.add_version(change),
            WatchEvent::Progress { revision } => {
                self.entries.push(Entry::Progress { revision });
                self.from = self.from.max(revision + 1);
            }
            // Nothing is dropped in a run. The check says what it stands for, if anything.
            WatchEvent::Reset(reset) => self.entries.push(Entry::Reset { revision: reset.revision }),
            WatchEvent::Interrupted { .. } => {}
        }
    }

    fn add_version(&mut self, change: VersionChange) {
        let VersionChange { namespace, version, changes } = change;
        let item = changes.into_iter().find(|item| item.key == ITEM).and_then(|item| item.after);
        if let Some(item) = item {
            let content = String::from_utf8_lossy(&item.value).into_owned();
            self.contents.insert(namespace.clone(), content);
        }
        let value = self.contents.get(&namespace).cloned();
        self.entries.push(Entry::Change(Change { revision: version.revision, key: namespace, value }));
        // Each commit of a run is of one namespace.
        self.from = version.revision + 1;
        self.is_complete |= version.message == LAST;
    }
}

/// All versions of these namespaces, as the cluster tells them afterwards, by namespace and number.
pub(crate) async fn all_versions(
    sdk: &Sdk,
    namespaces: &[String],
) -> Result<BTreeMap<(String, u64), Made>, ClientError> {
    let mut made = BTreeMap::new();
    for namespace in namespaces {
        let request = conclave_client::config::HistoryRequest {
            namespace: namespace.clone(),
            page_size: 1_000,
            ..Default::default()
        };
        let mut versions: Vec<Version> = sdk.history_stream(request).try_collect().await?;
        versions.sort_by_key(|version| version.version);
        for version in versions {
            let content = match version.rollback_of {
                0 => version.message,
                of => made
                    .get(&(namespace.clone(), of))
                    .map_or_else(String::new, |made: &Made| made.content.clone()),
            };
            made.insert((namespace.clone(), version.version), Made { revision: version.revision, content });
        }
    }
    Ok(made)
}

/// A version that was made. Its message is its content, unless it is a rollback.
pub(crate) struct Made {
    pub(crate) revision: u64,
    pub(crate) content: String,
}
