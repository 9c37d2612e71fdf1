//! The requests of `conclave.config.v1`.

use conclave_door::Refusal;
use conclave_proto::config::v1 as wire;

use super::bounds::{in_store, kept};
use super::{Checks, accepted, decoded, limits};
use crate::config_wire::{
    Differences, ItemChanges, Items, Namespaces, OneItem, OneNamespace, OneSnapshot, Page, Search,
    SnapshotNamespaces, Snapshots, Tags, TheDefaults, Versions, Write, commit, create_namespace,
    create_snapshot, delete_namespace, delete_snapshot, delete_tag, rollback, rollback_snapshot, set_tag,
    update_defaults, update_namespace,
};
use crate::watch::query::WatchQuery;

fn written(write: Result<Write, Refusal>) {
    if let Some(write) = accepted(write) {
        kept(&write.command);
    }
}

macro_rules! writes {
    ($($name:ident by $read:expr),* $(,)?) => {
        &[$((stringify!($name), |bytes| {
            if let Some(request) = decoded::<wire::$name>(bytes) {
                written($read(request, &limits()));
            }
        })),*]
    };
}

pub(super) const WRITES: Checks = writes!(
    CreateNamespaceRequest by create_namespace,
    UpdateNamespaceRequest by update_namespace,
    UpdateDefaultsRequest by update_defaults,
    DeleteNamespaceRequest by delete_namespace,
    CommitRequest by commit,
    RollbackRequest by rollback,
    SetTagRequest by set_tag,
    DeleteTagRequest by delete_tag,
    CreateSnapshotRequest by create_snapshot,
    DeleteSnapshotRequest by delete_snapshot,
    RollbackSnapshotRequest by rollback_snapshot,
);

macro_rules! pages {
    ($($name:ident by $kind:ty),* $(,)?) => {
        &[$((stringify!($name), |bytes| {
            let Some(request) = decoded::<wire::$name>(bytes) else { return };
            let page: Option<Page<$kind>> = accepted(<$kind>::parse(request, &limits()));
            if let Some(page) = page {
                in_store(|store| page.answer(store));
            }
        })),*]
    };
}

pub(super) const PAGES: Checks = pages!(
    ListNamespacesRequest by Namespaces,
    ListRequest by Items,
    HistoryRequest by Versions,
    ItemHistoryRequest by ItemChanges,
    SearchRequest by Search,
    DiffRequest by Differences,
    ListTagsRequest by Tags,
    ListSnapshotNamespacesRequest by SnapshotNamespaces,
);

pub(super) const READS: Checks = &[
    ("GetNamespaceRequest", |bytes| {
        let Some(request) = decoded(bytes) else { return };
        if let Some((query, _)) = accepted(OneNamespace::parse(request, &limits())) {
            in_store(|store| query.answer(store));
        }
    }),
    ("GetDefaultsRequest", |bytes| {
        let Some(request) = decoded(bytes) else { return };
        if accepted(TheDefaults::parse(&request, &limits())).is_some() {
            in_store(|store| TheDefaults::answer(store));
        }
    }),
    ("GetRequest", |bytes| {
        let Some(request) = decoded(bytes) else { return };
        if let Some((query, _)) = accepted(OneItem::parse(request, &limits())) {
            in_store(|store| query.answer(store));
        }
    }),
    ("GetSnapshotRequest", |bytes| {
        let Some(request) = decoded(bytes) else { return };
        if let Some((query, _)) = accepted(OneSnapshot::parse(&request, &limits())) {
            in_store(|store| query.answer(store));
        }
    }),
    ("ListSnapshotsRequest", |bytes| {
        let Some(request) = decoded(bytes) else { return };
        if let Some(page) = accepted(Snapshots::parse(&request, &limits())) {
            in_store(|store| page.answer(store));
        }
    }),
    ("WatchRequest", |bytes| {
        let Some(request) = decoded(bytes) else { return };
        if let Some(query) = accepted(WatchQuery::parse(request, &limits())) {
            assert!(query.targets.len() <= limits().watch_targets_max);
            drop(query.filter());
        }
    }),
];
