//! Versioned configuration: namespaces of items, their commits, history and watch.

mod collect;
mod collect_due;
mod collect_first;
mod command;
mod commit;
mod diff;
mod difference;
mod extent;
#[cfg(test)]
mod golden;
mod head;
mod history;
mod info;
mod item;
mod item_history;
mod kept_at;
mod keys;
mod namespace;
mod namespaces;
mod outcome;
mod present;
mod quota;
mod read;
mod retained;
mod retention;
mod rollback;
mod search;
mod settings;
mod snapshot_rollback;
mod snapshots;
mod tags;
mod tally;
mod versions;
mod watch;

use conclave_mvcc::Transaction;

pub use collect_due::next_collection;
pub use command::{
    Action, Authorship, Collect, CollectStep, Commit, ConfigCommand, CreateNamespace, CreateSnapshot,
    Defaults, DeleteNamespace, DeleteSnapshot, DeleteTag, Edit, NamespaceEdits, Quota, Retention, Rollback,
    RollbackSnapshot, SetTag, SettingsChange, UpdateDefaults, UpdateNamespace,
};
pub use diff::{DiffQuery, ItemChange, diff};
pub use extent::{ITEMS_CHANGED_MAX, ITEMS_SEEN_MAX, SIZE_BYTES_CHANGED_MAX};
pub use history::{HistoryPage, HistoryQuery, KeyChange, VersionInfo, history};
pub use item::{Item, ItemContent};
pub use item_history::{ItemHistoryQuery, ItemRevision, item_history};
pub use namespaces::{
    NamespacePage, NamespaceQuery, defaults, get_namespace, list_namespaces, newest_version,
};
pub use outcome::{
    Collected, Committed, CommittedVersion, ConfigOutcome, NamespaceInfo, SnapshotInfo, SnapshotRestored,
    TagInfo, Usage, VERSIONS_TOLD_MAX,
};
pub use read::{At, ItemPage, ItemQuery, KEYS_A_PAGE_MAX, Read, get_item, list_items};
pub use search::{SearchMatch, SearchPage, SearchQuery, search};
pub use snapshots::{SNAPSHOTS_MAX, SnapshotNamespace, get_snapshot, list_snapshots, snapshot_namespaces};
pub use tags::{TAGS_MAX, list_tags};
pub use watch::{version_in, watch_ranges};

use crate::stop::Stop;
use crate::times::Times;

/// Does what the command says within the transaction. If it is refused, the transaction is to be dropped:
/// it may hold a part of what was to be done.
pub(crate) fn apply(
    transaction: &mut Transaction<'_>,
    command: &ConfigCommand,
    times: Times,
) -> Result<ConfigOutcome, Stop> {
    match command {
        ConfigCommand::CreateNamespace(create) => namespace::create(transaction, create, times),
        ConfigCommand::DeleteNamespace(delete) => namespace::delete(transaction, delete, times),
        ConfigCommand::Commit(commit) => commit::commit(transaction, commit, times),
        ConfigCommand::Rollback(rollback) => rollback::rollback(transaction, rollback, times),
        ConfigCommand::UpdateNamespace(update) => settings::update(transaction, update, times.told_ms),
        ConfigCommand::UpdateDefaults(update) => settings::update_defaults(transaction, update),
        ConfigCommand::SetTag(set) => tags::set(transaction, set, times.told_ms),
        ConfigCommand::DeleteTag(delete) => tags::delete(transaction, delete),
        ConfigCommand::CreateSnapshot(create) => snapshots::create(transaction, create, times.told_ms),
        ConfigCommand::DeleteSnapshot(delete) => snapshots::delete(transaction, delete),
        ConfigCommand::RollbackSnapshot(rollback) => {
            snapshot_rollback::rollback(transaction, rollback, times)
        }
        ConfigCommand::Collect(collect) => collect_first::collect(transaction, collect, times.stamp_ms),
        ConfigCommand::CollectStep(step) => collect::collect_step(transaction, step, times.stamp_ms),
    }
}
