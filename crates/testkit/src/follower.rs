//! A watch that keeps what it saw, and the check that it saw every version once, in order.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use conclave_client::config::Version;
use conclave_client::{Client, Watch, WatchEvent, WatchOptions};
use tokio::task::JoinSet;

use crate::wait;

/// What a follower has seen so far.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// The versions in the order in which they came.
    pub versions: Vec<SeenVersion>,
    /// How often the stream was lost.
    pub interruptions: u32,
    /// How often the whole state came in place of the changes.
    pub resets: u32,
}

/// A version as a watch told it.
#[derive(Debug, Clone, Default)]
pub struct SeenVersion {
    /// What is known of it.
    pub version: Version,
    /// The items that it changed, with their values after; nothing where one was deleted.
    pub after: BTreeMap<String, Option<Bytes>>,
}

/// A watch on one namespace, followed by a task. Dropping it ends the task.
#[derive(Debug)]
pub struct Follower {
    seen: Arc<Mutex<Seen>>,
    tasks: JoinSet<()>,
}

impl Follower {
    /// Follows a namespace from a revision on.
    pub fn begin(client: &Client, namespace: &str, start_revision: u64) -> Self {
        let options = WatchOptions::of([namespace]).from_revision(start_revision);
        let watch = client.watch(WatchOptions { heartbeat_interval_ms: 500, ..options });
        let seen = Arc::new(Mutex::new(Seen::default()));
        let mut tasks = JoinSet::new();
        tasks.spawn(follow(watch, Arc::clone(&seen)));
        Self { seen, tasks }
    }

    /// What it has seen so far.
    pub fn seen(&self) -> Seen {
        self.seen.lock().expect("nobody panics with it").clone()
    }

    /// Waits until it has seen this version; tells all that it saw.
    ///
    /// # Panics
    /// If that takes too long, or the watch ended.
    pub async fn sees(&mut self, version: u64) -> Seen {
        wait::until(&format!("the watch sees version {version}"), async || {
            if let Some(ended) = self.tasks.try_join_next() {
                ended.expect("the watch goes on");
            }
            let seen = self.seen();
            let newest = seen.versions.iter().map(|seen| seen.version.version).max();
            (newest >= Some(version)).then_some(seen)
        })
        .await
    }
}

impl Seen {
    /// Holds what was seen against the history, which has the newest version first: every version from
    /// `first` on, once, in order, as it is in the history.
    ///
    /// # Panics
    /// If something is missing, came twice or out of order, or had to be made up for by a reset.
    pub fn check(&self, history: &[Version], first: u64) {
        assert_eq!(self.resets, 0, "the history was there: no reset was needed");
        let expected: Vec<_> = history.iter().rev().filter(|it| it.version >= first).collect();
        let seen: Vec<_> = self.versions.iter().map(|seen| &seen.version).collect();
        let numbers = |versions: &[&Version]| versions.iter().map(|it| it.version).collect::<Vec<_>>();
        assert_eq!(numbers(&seen), numbers(&expected), "every version once, in order");
        assert_eq!(seen, expected, "each version is as in the history");
    }
}

async fn follow(mut watch: Watch, seen: Arc<Mutex<Seen>>) {
    loop {
        let event = watch.next().await.expect("the watch goes on");
        let mut seen = seen.lock().expect("nobody panics with it");
        match event {
            WatchEvent::Version(change) => {
                let after = change.changes.into_iter().map(|it| (it.key, it.after.map(|item| item.value)));
                seen.versions.push(SeenVersion { version: change.version, after: after.collect() });
            }
            WatchEvent::Reset(_) => seen.resets += 1,
            WatchEvent::Interrupted { .. } => seen.interruptions += 1,
            WatchEvent::Progress { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(number: u64) -> Version {
        Version { version: number, revision: number * 2, ..Default::default() }
    }

    fn seen(numbers: &[u64]) -> Seen {
        let versions = numbers
            .iter()
            .map(|number| SeenVersion { version: version(*number), ..Default::default() })
            .collect();
        Seen { versions, ..Seen::default() }
    }

    #[test]
    fn what_was_seen_whole_passes() {
        seen(&[2, 3]).check(&[version(3), version(2), version(1)], 2);
    }

    #[test]
    #[should_panic(expected = "every version once, in order")]
    fn a_gap_is_noticed() {
        seen(&[1, 3]).check(&[version(3), version(2), version(1)], 1);
    }

    #[test]
    #[should_panic(expected = "every version once, in order")]
    fn a_repetition_is_noticed() {
        seen(&[1, 2, 2]).check(&[version(2), version(1)], 1);
    }

    #[test]
    #[should_panic(expected = "no reset was needed")]
    fn a_reset_is_noticed() {
        Seen { resets: 1, ..seen(&[1]) }.check(&[version(1)], 1);
    }
}
