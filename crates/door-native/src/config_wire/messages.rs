//! What answers and watches are made of: items, versions, changes.

use conclave_core::config::{
    Defaults, Item, ItemChange, KeyChange, NamespaceInfo, Quota, Retention, SnapshotInfo, TagInfo,
    VersionInfo,
};
use conclave_mvcc::ChangeKind;
use conclave_proto::config::v1 as wire;

pub(super) fn namespace(info: NamespaceInfo) -> wire::Namespace {
    wire::Namespace {
        name: info.name.to_string(),
        version: info.version.get(),
        revision: info.revision.get(),
        time_ms: info.time_ms,
        description: info.description,
        labels: info.labels,
        owner: info.owner,
        retention: Some(retention(info.retention)),
        quota: Some(quota(info.quota)),
        usage: Some(wire::Usage { items: info.usage.items, size_bytes: info.usage.size_bytes }),
        oldest_version: info.oldest_version.get(),
    }
}

fn retention(retention: Retention) -> wire::Retention {
    wire::Retention { versions: retention.versions, days: retention.days }
}

fn quota(quota: Quota) -> wire::Quota {
    let Quota { items_max, size_bytes_max, versions_per_minute_max } = quota;
    wire::Quota { items_max, size_bytes_max, versions_per_minute_max }
}

pub(super) fn defaults(defaults: Defaults) -> wire::Defaults {
    wire::Defaults {
        retention: Some(retention(defaults.retention)),
        quota: Some(quota(defaults.quota)),
        namespaces_max: defaults.namespaces_max,
    }
}

pub(super) fn tag(tag: TagInfo) -> wire::Tag {
    wire::Tag {
        name: tag.name.to_string(),
        version: tag.version.get(),
        author: tag.author,
        message: tag.message,
        time_ms: tag.time_ms,
        revision: tag.revision.get(),
    }
}

pub(super) fn snapshot(snapshot: SnapshotInfo) -> wire::Snapshot {
    wire::Snapshot {
        name: snapshot.name.to_string(),
        revision: snapshot.revision.get(),
        all_namespaces: snapshot.all_namespaces,
        namespaces: snapshot.namespaces,
        author: snapshot.author,
        message: snapshot.message,
        time_ms: snapshot.time_ms,
    }
}

pub(crate) fn item(item: Item) -> wire::Item {
    wire::Item {
        key: item.key,
        value: item.content.value,
        content_type: item.content.content_type,
        labels: item.content.labels,
        create_revision: item.create_revision.get(),
        mod_revision: item.mod_revision.get(),
        change_count: item.change_count,
    }
}

pub(crate) fn item_change(change: ItemChange) -> wire::ItemChange {
    wire::ItemChange {
        key: change.key,
        kind: change_kind(change.kind).into(),
        before: change.before.map(item),
        after: change.after.map(item),
    }
}

pub(crate) fn version(info: VersionInfo, changes: Vec<KeyChange>) -> wire::Version {
    wire::Version {
        version: info.version.get(),
        revision: info.revision.get(),
        author: info.author,
        message: info.message,
        time_ms: info.time_ms,
        rollback_of: info.rollback_of.get(),
        deleted_namespace: info.deleted_namespace,
        added: info.added,
        changed: info.changed,
        deleted: info.deleted,
        changes: changes.into_iter().map(key_change).collect(),
    }
}

fn key_change(change: KeyChange) -> wire::KeyChange {
    wire::KeyChange { key: change.key, kind: change_kind(change.kind).into() }
}

pub(super) fn change_kind(kind: ChangeKind) -> wire::ChangeKind {
    match kind {
        ChangeKind::Added => wire::ChangeKind::Added,
        ChangeKind::Changed => wire::ChangeKind::Changed,
        ChangeKind::Deleted => wire::ChangeKind::Deleted,
    }
}
