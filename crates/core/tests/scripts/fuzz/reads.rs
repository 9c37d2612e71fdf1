//! All that can be read of a state.

use conclave_core::config::{self, At, HistoryQuery, ItemQuery, NamespaceQuery, SearchQuery};
use conclave_core::kv::{self, RangeQuery, RevisionBounds};
use conclave_core::lock::{self, LocksQuery};
use conclave_core::{NamespaceName, auth, cluster, digest, lease};
use conclave_mvcc::{ChangeLimits, KeyRange, MapError, MemoryMap, Revision, changes_since};

use crate::locks;

const MANY: usize = usize::MAX;

/// Reads a part of it.
type Read = fn(&MemoryMap) -> Result<(), MapError>;

const EVERYWHERE: [Read; 6] = [namespaces, found, pins, of_locks, of_keys, of_the_cluster];

/// Reads everything, up to what cannot be read.
pub(super) fn all(map: &MemoryMap) -> Result<(), MapError> {
    EVERYWHERE.iter().try_for_each(|read| read(map))
}

/// Reads everything that can be read.
pub(super) fn each(map: &MemoryMap) {
    for read in EVERYWHERE {
        read(map).ok();
    }
}

fn namespaces(map: &MemoryMap) -> Result<(), MapError> {
    config::defaults(map)?;
    config::next_collection(map, i64::MAX, None, MANY)?;
    for name in names(map)? {
        config::list_items(map, &items(&name, At::Now))?.ok();
        config::list_items(map, &items(&name, At::Revision(Revision::new(4))))?.ok();
        let query = HistoryQuery { namespace: &name, before: None, page_max: MANY, changes_max: Some(9) };
        config::history(map, &query)?.ok();
        config::list_tags(map, &name, None, MANY)?.ok();
    }
    Ok(())
}

fn names(map: &MemoryMap) -> Result<Vec<NamespaceName>, MapError> {
    let query = NamespaceQuery {
        prefix: "",
        after: None,
        at: Revision::MAX,
        namespaces_max: MANY,
        size_bytes_max: MANY,
    };
    let page = config::list_namespaces(map, &query)?;
    Ok(page.namespaces.into_iter().map(|namespace| namespace.name).collect())
}

fn items(namespace: &NamespaceName, at: At) -> ItemQuery<'_> {
    ItemQuery {
        namespace,
        key_prefix: "",
        after: None,
        at,
        records_max: MANY,
        size_bytes_max: MANY,
        keys_only: false,
    }
}

fn found(map: &MemoryMap) -> Result<(), MapError> {
    let query = SearchQuery {
        text: "a",
        namespace_prefix: "",
        in_keys: true,
        in_values: true,
        ignore_case: true,
        after: None,
        at: Revision::MAX,
        matches_max: MANY,
        items_max: MANY,
        size_bytes_max: MANY,
    };
    config::search(map, &query)?;
    digest(map)?;
    let limits = ChangeLimits { revisions_max: MANY, size_bytes_max: MANY };
    changes_since(map, Revision::ZERO, limits)?;
    Ok(())
}

fn pins(map: &MemoryMap) -> Result<(), MapError> {
    for snapshot in config::list_snapshots(map, None, MANY)?.0 {
        config::snapshot_namespaces(map, &snapshot.name, None, MANY)?.ok();
    }
    Ok(())
}

fn of_locks(map: &MemoryMap) -> Result<(), MapError> {
    for lease in lease::list(map, None, MANY)?.0 {
        lock::tickets_of(map, lease.id)?;
        kv::keys_of(map, lease.id, MANY)?;
    }
    let query =
        LocksQuery { prefix: "", after: None, locks_max: MANY, size_bytes_max: MANY, extent: locks::ALL };
    for lock in lock::list(map, &query)?.0 {
        lock::queue(map, &lock.name, MANY)?;
    }
    Ok(())
}

fn of_keys(map: &MemoryMap) -> Result<(), MapError> {
    let query = RangeQuery {
        range: KeyRange::all(),
        revision: None,
        limit: 0,
        sort: None,
        bounds: RevisionBounds::default(),
        keys_only: false,
        count_only: false,
    };
    kv::range(map, &query)?.ok();
    kv::is_sweep_due(map)?;
    if let Ok(mut hashing) = kv::Hashing::begin(map, None)? {
        hashing.go_on(map, MANY)?.ok();
    }
    Ok(())
}

fn of_the_cluster(map: &MemoryMap) -> Result<(), MapError> {
    cluster::admissions(map, 0)?;
    cluster::instances(map, 9)?;
    cluster::alarms(map)?;
    auth::status(map)?;
    for name in auth::users(map)? {
        auth::user(map, &name)?.ok();
    }
    for name in auth::roles(map)? {
        auth::role(map, &name)?.ok();
    }
    Ok(())
}
