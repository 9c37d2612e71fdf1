//! Versions and resets as messages of bounded size.

use std::vec::IntoIter;

use conclave_core::config::{At, ItemChange, ItemPage, ItemQuery, Read, VersionInfo, list_items};
use conclave_door::Limits;
use conclave_mvcc::{ReadMap, Revision};
use conclave_proto::config::v1 as wire;
use prost::Message as _;

use super::query::Target;
use super::survey::Standing;
use crate::config_wire::{item, item_change, version};

/// Most items in one message of a reset, however small they are.
const RESET_ITEMS_MAX: usize = 4_096;

/// The messages of one version: cut before the changes in one exceed the bound, but at least one in each.
pub(super) struct VersionChunks {
    version: wire::Version,
    namespace: String,
    changes: IntoIter<ItemChange>,
    size_bytes_max: usize,
    begun: bool,
    /// A change that no longer fitted.
    kept: Option<wire::ItemChange>,
}

impl VersionChunks {
    pub(super) fn new(info: VersionInfo, changes: Vec<ItemChange>) -> Self {
        Self {
            namespace: info.namespace.to_string(),
            version: version(info, Vec::new()),
            changes: changes.into_iter(),
            size_bytes_max: Limits::WATCH_CHUNK_SIZE_BYTES_MAX,
            begun: false,
            kept: None,
        }
    }

    fn next_changes(&mut self) -> Vec<wire::ItemChange> {
        let mut chunk: Vec<wire::ItemChange> = Vec::new();
        let mut size_bytes = 0;
        while let Some(change) = self.kept.take().or_else(|| self.changes.next().map(item_change)) {
            size_bytes += change.encoded_len();
            if !chunk.is_empty() && size_bytes > self.size_bytes_max {
                self.kept = Some(change);
                break;
            }
            chunk.push(change);
        }
        chunk
    }

    fn has_more(&self) -> bool {
        self.kept.is_some() || !self.changes.as_slice().is_empty()
    }
}

impl Iterator for VersionChunks {
    type Item = wire::WatchVersion;

    fn next(&mut self) -> Option<wire::WatchVersion> {
        // A version without changes is told too.
        if self.begun && !self.has_more() {
            return None;
        }
        self.begun = true;
        let changes = self.next_changes();
        Some(wire::WatchVersion {
            namespace: self.namespace.clone(),
            version: Some(self.version.clone()),
            changes,
            more: self.has_more(),
        })
    }
}

/// A reset that is being told: which message comes next.
#[derive(Debug, Clone)]
pub(super) struct ResetPlace {
    pub(super) revision: Revision,
    /// Number of the target.
    pub(super) target: usize,
    /// Its last item that was told.
    pub(super) after: Option<String>,
}

/// A message of a reset, and the key after which more of its target's items follow, if some do.
#[derive(Debug)]
pub(super) struct ResetChunk {
    pub(super) message: wire::WatchReset,
    pub(super) next: Option<String>,
}

impl ResetPlace {
    /// The place before the first message.
    pub(super) fn first(revision: Revision) -> Self {
        Self { revision, target: 0, after: None }
    }

    /// The place after a message, if it was not the last one.
    pub(super) fn next(self, told: &ResetChunk) -> Option<Self> {
        if let Some(after) = &told.next {
            return Some(Self { after: Some(after.clone()), ..self });
        }
        told.message.more.then(|| Self { target: self.target + 1, after: None, ..self })
    }

    /// Reads the message at this place. Refused if the history that it is read from was collected meanwhile.
    pub(super) fn read(
        &self,
        view: &dyn ReadMap,
        targets: &[Target],
        standing: Standing,
    ) -> Read<ResetChunk> {
        let target = &targets[self.target];
        let page =
            if standing.deleted { Ok(empty(standing, self.revision)) } else { self.page(view, target)? };
        Ok(page.map(|page| {
            let is_last_target = self.target + 1 == targets.len();
            let message = wire::WatchReset {
                namespace: target.namespace.to_string(),
                version: standing.version.get(),
                revision: self.revision.get(),
                more: page.next.is_some() || !is_last_target,
                deleted: standing.deleted,
                items: page.items.into_iter().map(item).collect(),
            };
            ResetChunk { message, next: page.next }
        }))
    }

    fn page(&self, view: &dyn ReadMap, target: &Target) -> Read<ItemPage> {
        let query = ItemQuery {
            namespace: &target.namespace,
            key_prefix: &target.key_prefix,
            after: self.after.as_deref(),
            at: At::Revision(self.revision),
            records_max: RESET_ITEMS_MAX,
            size_bytes_max: Limits::WATCH_CHUNK_SIZE_BYTES_MAX,
            keys_only: false,
        };
        list_items(view, &query)
    }
}

fn empty(standing: Standing, revision: Revision) -> ItemPage {
    ItemPage { items: Vec::new(), next: None, version: standing.version, revision }
}

#[cfg(test)]
mod tests {
    use conclave_core::config::{Item, ItemContent};
    use conclave_core::{NamespaceName, Version};
    use conclave_mvcc::ChangeKind;

    use super::*;
    use crate::config_wire::tests::Store;
    use crate::watch::survey::Survey;

    fn info() -> VersionInfo {
        VersionInfo {
            namespace: NamespaceName::parse("a").unwrap(),
            version: Version::new(3),
            revision: Revision::new(9),
            author: "ann".into(),
            message: "why".into(),
            time_ms: 1,
            rollback_of: Version::ZERO,
            deleted_namespace: false,
            added: 1,
            changed: 0,
            deleted: 0,
        }
    }

    fn change(key: &str, size_bytes: usize) -> ItemChange {
        let item = Item {
            key: key.into(),
            content: ItemContent { value: vec![b'v'; size_bytes].into(), ..Default::default() },
            create_revision: Revision::new(9),
            mod_revision: Revision::new(9),
            change_count: 1,
        };
        ItemChange { key: key.into(), kind: ChangeKind::Added, before: None, after: Some(item) }
    }

    /// The keys of each message, and whether it says that more follow.
    fn chunks(changes: Vec<ItemChange>, size_bytes_max: usize) -> Vec<(String, bool)> {
        let chunks = VersionChunks { size_bytes_max, ..VersionChunks::new(info(), changes) };
        let told = chunks.map(|chunk| {
            let version = chunk.version.expect("each message tells its version");
            assert_eq!((chunk.namespace.as_str(), version.version, version.revision), ("a", 3, 9));
            let keys: String = chunk.changes.iter().map(|change| change.key.as_str()).collect();
            (keys, chunk.more)
        });
        told.collect()
    }

    #[test]
    fn a_version_is_cut_by_size_and_the_last_message_says_so() {
        let changes = || ["a", "b", "c"].map(|key| change(key, 100)).to_vec();
        let one = |keys: &str, more| (keys.to_owned(), more);
        assert_eq!(chunks(changes(), 10_000), [one("abc", false)]);
        assert_eq!(chunks(changes(), 250), [one("ab", true), one("c", false)]);
        assert_eq!(chunks(changes(), 1), [one("a", true), one("b", true), one("c", false)]);
        assert_eq!(chunks(Vec::new(), 1), [one("", false)]);
    }

    #[test]
    fn no_message_of_small_changes_exceeds_the_bound() {
        let changes: Vec<_> = (0..1_000).map(|number| change(&format!("key{number:04}"), 5_000)).collect();
        let chunks: Vec<_> = VersionChunks::new(info(), changes).collect();
        let sizes = chunks.iter().map(wire::WatchVersion::encoded_len);
        assert!(sizes.clone().all(|size| size <= Limits::WATCH_CHUNK_SIZE_BYTES_MAX + 4_096));
        assert_eq!(chunks.len(), 5);
        assert_eq!(chunks.iter().map(|chunk| chunk.changes.len()).sum::<usize>(), 1_000);
    }

    fn target(namespace: &str, key_prefix: &str) -> Target {
        Target { namespace: NamespaceName::parse(namespace).unwrap(), key_prefix: key_prefix.into() }
    }

    /// All messages of a reset: namespace, number of items, more.
    fn reset(store: &Store, survey: &Survey, targets: &[Target]) -> Vec<(String, Vec<String>, bool)> {
        let mut told = Vec::new();
        let mut next = Some(ResetPlace::first(survey.revision));
        while let Some(place) = next {
            let chunk = place.read(&store.map, targets, survey.standings[place.target]).unwrap().unwrap();
            assert_eq!(chunk.message.revision, survey.revision.get());
            let keys = chunk.message.items.iter().map(|item| item.key.clone()).collect();
            told.push((chunk.message.namespace.clone(), keys, chunk.message.more));
            next = place.next(&chunk);
        }
        told
    }

    #[test]
    fn a_reset_tells_every_target_at_one_revision_and_ends() {
        let mut store = Store::default();
        store.put("a", "k1", "v");
        store.put("a", "x", "v");
        store.create("empty");
        store.put("gone", "k", "v");
        store.delete("gone");
        let targets = [target("a", "k"), target("gone", ""), target("empty", "")];
        let survey = Survey::of(&store.map, &targets).unwrap().unwrap();
        store.put("a", "k2", "later");
        let told = reset(&store, &survey, &targets);
        let message = |name: &str, keys: &[&str], more| {
            (name.to_owned(), keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>(), more)
        };
        assert_eq!(
            told,
            [message("a", &["k1"], true), message("gone", &[], true), message("empty", &[], false)]
        );
    }

    #[test]
    fn a_large_namespace_takes_several_messages() {
        let mut store = Store::default();
        for number in 0..5 {
            store.put("a", &format!("k{number}"), &"v".repeat(400_000));
        }
        store.put("b", "k", "v");
        let targets = [target("a", ""), target("b", "")];
        let survey = Survey::of(&store.map, &targets).unwrap().unwrap();
        let told = reset(&store, &survey, &targets);
        let counts: Vec<_> =
            told.iter().map(|(name, keys, more)| (name.as_str(), keys.len(), *more)).collect();
        assert_eq!(counts, [("a", 3, true), ("a", 2, true), ("b", 1, false)]);
    }
}
