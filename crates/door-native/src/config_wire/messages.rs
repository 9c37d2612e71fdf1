//! What answers and watches are made of: items, versions, changes.

use conclave_core::config::{Item, ItemChange, KeyChange, NamespaceInfo, VersionInfo};
use conclave_mvcc::ChangeKind;
use conclave_proto::config::v1 as wire;

pub(super) fn namespace(info: NamespaceInfo) -> wire::Namespace {
    wire::Namespace {
        name: info.name.to_string(),
        version: info.version.get(),
        revision: info.revision.get(),
        time_ms: info.time_ms,
        description: info.description,
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

fn change_kind(kind: ChangeKind) -> wire::ChangeKind {
    match kind {
        ChangeKind::Added => wire::ChangeKind::Added,
        ChangeKind::Changed => wire::ChangeKind::Changed,
        ChangeKind::Deleted => wire::ChangeKind::Deleted,
    }
}
