//! Versioned configuration: namespaces of items, their commits, history and watch.

mod command;
mod commit;
mod diff;
mod difference;
mod head;
mod history;
mod item;
mod keys;
mod namespace;
mod namespaces;
mod outcome;
mod read;
mod rollback;
mod stop;
mod versions;
mod watch;

use conclave_mvcc::Transaction;

pub use command::{
    Action, Authorship, Commit, ConfigCommand, CreateNamespace, DeleteNamespace, Edit, NamespaceEdits,
    Rollback,
};
pub use diff::{DiffQuery, ItemChange, diff};
pub use history::{HistoryPage, HistoryQuery, KeyChange, VersionInfo, history};
pub use item::{Item, ItemContent};
pub use namespaces::{get_namespace, list_namespaces, newest_version};
pub use outcome::{Committed, CommittedVersion, ConfigOutcome, NamespaceInfo};
pub use read::{At, ItemPage, ItemQuery, Read, get_item, list_items};
pub use watch::{version_in, watch_ranges};

pub(crate) use stop::Stop;

/// Does what the command says within the transaction. If it is refused, the transaction is to be dropped:
/// it may hold a part of what was to be done.
pub(crate) fn apply(
    transaction: &mut Transaction<'_>,
    command: &ConfigCommand,
    time_ms: i64,
) -> Result<ConfigOutcome, Stop> {
    match command {
        ConfigCommand::CreateNamespace(create) => namespace::create(transaction, create, time_ms),
        ConfigCommand::DeleteNamespace(delete) => namespace::delete(transaction, delete, time_ms),
        ConfigCommand::Commit(commit) => commit::commit(transaction, commit, time_ms),
        ConfigCommand::Rollback(rollback) => rollback::rollback(transaction, rollback, time_ms),
    }
}
