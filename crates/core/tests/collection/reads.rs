//! What is asked of both stores, and which answers may differ.

use std::collections::BTreeMap;
use std::fmt::Debug;

use bytes::Bytes;
use conclave_core::config::{
    At, DiffQuery, HistoryQuery, ItemPage, ItemQuery, NamespaceQuery, Read, VersionInfo, diff, history,
    list_items, list_namespaces, list_snapshots, list_tags, snapshot_namespaces, watch_ranges,
};
use conclave_core::{NamespaceName, Rejection, Version};
use conclave_mvcc::{ChangeLimits, KeyRange, MemoryMap, Record, Revision, changes_since, newest_revision};

use crate::steps::{NAMESPACES, PINS, namespace, pin};
use crate::twins::{Twins, info_without_oldest, is_of_dropped};

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// Whatever is read is the same in both, or told to be dropped; and what is to be kept is not.
pub(crate) fn check(twins: &Twins) {
    check_lists(twins);
    for name in NAMESPACES.map(namespace) {
        let versions = all_versions(&twins.whole, &name);
        let kept = kept(twins, &name, &versions);
        check_versions(twins, &name, &versions, &kept);
        check_moments(twins, &name, &versions, &kept);
        check_replay(twins, &name);
    }
}

/// Whatever is not to be kept is gone.
pub(crate) fn check_gone(twins: &Twins) {
    for name in NAMESPACES.map(namespace) {
        let versions = all_versions(&twins.whole, &name);
        let kept = kept(twins, &name, &versions);
        let left: Vec<_> = all_versions(&twins.swept, &name).into_keys().collect();
        let is_left = |version: &Version| left.contains(version);
        assert!(kept.iter().all(is_left), "{left:?} of {name}, and not {kept:?}");
        // What could have gone when the namespace was deleted is kept like all else if it came back before.
        let may_be_left = all_kept(twins, &name, &versions, Version::ZERO);
        assert!(left.iter().all(|version| may_be_left.contains(version)), "{left:?} of {name}");
        for version in versions.keys().filter(|version| !left.contains(version)) {
            let refused = items(&twins.swept, &name, At::Version(*version)).unwrap().unwrap_err();
            assert!(matches!(refused, Rejection::VersionDropped { .. }), "{name} {version}: {refused}");
        }
    }
}

fn check_lists(twins: &Twins) {
    let (whole, swept) = (&twins.whole, &twins.swept);
    let namespaces = |map| {
        let query = NamespaceQuery {
            prefix: "",
            after: None,
            at: Revision::MAX,
            namespaces_max: 99,
            size_bytes_max: usize::MAX,
        };
        let page = list_namespaces(map, &query).unwrap();
        page.namespaces.into_iter().map(info_without_oldest).collect::<Vec<_>>()
    };
    assert_eq!(namespaces(swept), namespaces(whole));
    assert_eq!(list_snapshots(swept, None, 99), list_snapshots(whole, None, 99));
    for snapshot in PINS.map(pin) {
        let held = |map| snapshot_namespaces(map, &snapshot, None, 99).unwrap();
        assert_eq!(held(swept), held(whole), "namespaces of snapshot {snapshot}");
        for name in NAMESPACES.map(namespace) {
            let read = |map| items(map, &name, At::Snapshot(snapshot.clone())).unwrap();
            assert_eq!(read(swept), read(whole), "{name} in {snapshot}");
            // A page is read on at the revision that it names.
            if let Ok(page) = read(swept) {
                let again = items(swept, &name, At::Revision(page.revision)).unwrap();
                assert_eq!(again.unwrap().items, page.items, "{name} at the revision of {snapshot}");
            }
        }
    }
}

fn check_versions(twins: &Twins, name: &NamespaceName, versions: &Versions, kept: &[Version]) {
    let (whole, swept) = (&twins.whole, &twins.swept);
    for (version, info) in versions {
        let is_kept = kept.contains(version);
        for at in [At::Version(*version), At::Revision(info.revision)] {
            // The revision of a version that deleted the namespace is refused by both.
            let read = |map| items(map, name, at.clone());
            same(read(swept), read(whole), is_kept, &(name, &at));
        }
        if is_kept {
            assert_eq!(all_versions(swept, name).get(version), Some(info), "{name} in its history");
        }
        // Of what a deletion deleted nothing need be left.
        if is_kept && *version > over_at(twins, name) {
            let told = |map| changed(map, name, *version);
            assert_eq!(told(swept), told(whole), "what {name} {version} changed");
        }
    }
    for pair in kept.windows(2) {
        let differences = |map| differences(map, name, (pair[0], pair[1]));
        same(differences(swept), differences(whole), true, &(name, pair));
    }
    for tag in PINS.map(pin) {
        let read = |map| items(map, name, At::Tag(tag.clone()));
        same(read(swept), read(whole), true, &(name, &tag));
    }
    assert_eq!(list_tags(swept, name, None, 99), list_tags(whole, name, None, 99));
}

fn check_moments(twins: &Twins, name: &NamespaceName, versions: &Versions, kept: &[Version]) {
    let (whole, swept) = (&twins.whole, &twins.swept);
    let oldest = floor_at(twins, name).max(floor(twins, versions)).max(over_at(twins, name));
    let oldest_revision = versions.get(&oldest).map_or(Revision::ZERO, |info| info.revision);
    for revision in (1..=newest_revision(whole).unwrap().get()).map(Revision::new) {
        let read = |map| items(map, name, At::Revision(revision));
        same(read(swept), read(whole), revision >= oldest_revision, &(name, revision));
    }
    for version in kept {
        let info = &versions[version];
        let read = |map| items(map, name, At::Time(info.time_ms));
        same(read(swept), read(whole), *version >= oldest, &(name, info.time_ms));
    }
}

/// What is replayed above the floor is whole.
fn check_replay(twins: &Twins, name: &NamespaceName) {
    for range in watch_ranges(name, "") {
        let from = conclave_mvcc::floor_of(&twins.swept, &range).unwrap().next();
        assert_eq!(replay(&twins.swept, &range, from), replay(&twins.whole, &range, from), "{name}");
    }
}

fn same<T: PartialEq + Debug>(swept: Read<T>, whole: Read<T>, must_be_kept: bool, asked: &dyn Debug) {
    let (swept, whole) = (swept.unwrap(), whole.unwrap());
    if !must_be_kept && swept.as_ref().is_err_and(is_of_dropped) {
        return;
    }
    assert_eq!(swept, whole, "{asked:?}");
}

type Versions = BTreeMap<Version, VersionInfo>;

fn all_versions(map: &MemoryMap, name: &NamespaceName) -> Versions {
    let query = HistoryQuery { namespace: name, before: None, page_max: 999, changes_max: None };
    let found = history(map, &query).unwrap().map_or(Vec::new(), |(page, _)| page);
    found.into_iter().map(|(info, _)| (info.version, info)).collect()
}

fn changed(map: &MemoryMap, name: &NamespaceName, version: Version) -> impl PartialEq + Debug + use<> {
    let query =
        HistoryQuery { namespace: name, before: Some(version.next()), page_max: 1, changes_max: Some(99) };
    let (page, _) = history(map, &query).unwrap().unwrap();
    page
}

/// The oldest version that is to be kept whether it is named or not, told from what never was collected.
fn floor(twins: &Twins, versions: &Versions) -> Version {
    let newest = versions.last_key_value().map_or(0, |(version, _)| version.get());
    let by_count = (newest + 1).saturating_sub(twins.terms.versions).max(1);
    let cutoff_ms = twins.time_ms - i64::from(twins.terms.days) * DAY_MS;
    let by_time =
        versions.values().filter(|info| info.time_ms <= cutoff_ms).map(|info| info.version.get()).max();
    Version::new(by_count.min(by_time.unwrap_or(1)))
}

/// The version that deleted the namespace, if that was so long ago that only what is named is kept.
pub(crate) fn over(twins: &Twins, name: &NamespaceName) -> Option<Version> {
    let cutoff_ms = twins.time_ms - i64::from(twins.terms.days.max(1)) * DAY_MS;
    let (_, newest) = all_versions(&twins.whole, name).pop_last()?;
    (newest.deleted_namespace && newest.time_ms <= cutoff_ms).then_some(newest.version)
}

/// The version before which the namespace was over once.
fn over_at(twins: &Twins, name: &NamespaceName) -> Version {
    twins.over.get(name).copied().unwrap_or(Version::ZERO)
}

/// The oldest version that is to be kept now, and is to be kept since, whatever is kept later.
pub(crate) fn floor_of(twins: &Twins, name: &NamespaceName) -> Version {
    floor_at(twins, name).max(floor(twins, &all_versions(&twins.whole, name)))
}

/// The newest that this ever was when something was collected.
fn floor_at(twins: &Twins, name: &NamespaceName) -> Version {
    twins.floors.get(name).copied().unwrap_or(Version::ZERO)
}

/// The versions that are to be kept.
fn kept(twins: &Twins, name: &NamespaceName, versions: &Versions) -> Vec<Version> {
    all_kept(twins, name, versions, floor_at(twins, name).max(over_at(twins, name)))
}

/// The versions that are to be kept if those before `over` need not be.
fn all_kept(twins: &Twins, name: &NamespaceName, versions: &Versions, over: Version) -> Vec<Version> {
    let (tags, _) = list_tags(&twins.whole, name, None, 99).unwrap().unwrap_or_default();
    let tagged = |version: Version| tags.iter().any(|tag| tag.version == version);
    let (snapshots, _) = list_snapshots(&twins.whole, None, 99).unwrap();
    let current_at =
        |revision| versions.values().filter(|info| info.revision <= revision).max_by_key(|info| info.version);
    let in_snapshot = |version: Version| {
        snapshots.iter().any(|snapshot| {
            let is_of = snapshot.all_namespaces
                || items(&twins.whole, name, At::Snapshot(snapshot.name.clone())).unwrap().is_ok();
            is_of && current_at(snapshot.revision).is_some_and(|info| info.version == version)
        })
    };
    let floor = floor(twins, versions).max(over);
    let kept = |version: &Version| *version >= floor || tagged(*version) || in_snapshot(*version);
    versions.keys().copied().filter(kept).collect()
}

fn items(map: &MemoryMap, namespace: &NamespaceName, at: At) -> Read<ItemPage> {
    list_items(
        map,
        &ItemQuery {
            namespace,
            key_prefix: "",
            after: None,
            at,
            records_max: 99,
            size_bytes_max: usize::MAX,
            keys_only: false,
        },
    )
}

fn differences(
    map: &MemoryMap,
    namespace: &NamespaceName,
    between: (Version, Version),
) -> Read<impl PartialEq + Debug + use<>> {
    diff(
        map,
        &DiffQuery {
            namespace,
            from: between.0,
            to: between.1,
            key_prefix: "",
            after: None,
            changes_max: 99,
            size_bytes_max: usize::MAX,
        },
    )
}

type Told = (Revision, Bytes, Option<Record>, Option<Record>);

fn replay(map: &MemoryMap, range: &KeyRange, from: Revision) -> Vec<Told> {
    let limits = ChangeLimits { revisions_max: usize::MAX, size_bytes_max: usize::MAX };
    let revised = changes_since(map, from, limits).unwrap();
    let events = revised.iter().flat_map(|revised| {
        let within = revised.events.iter().filter(|event| range.contains(&event.key));
        within.map(|event| {
            (revised.revision, event.key.clone(), event.previous.clone(), event.record().cloned())
        })
    });
    events.collect()
}
