//! Between the messages of `conclave.config.v1` and the core's commands, queries and answers.
//!
//! | file | what |
//! |---|---|
//! | `writes.rs` | the requests that change something, and their answers |
//! | `edits.rs` | the edits of a commit, with all their rules |
//! | `guards.rs` | the locks that a change depends on |
//! | `labels.rs` | the labels of items and namespaces |
//! | `reads.rs` | the requests that read one thing |
//! | `listings.rs` | the requests that read page by page |
//! | `settings.rs` | settings of namespaces, and the defaults |
//! | `pins.rs` | tags and snapshots |
//! | `finds.rs` | the changes of one item, and the search |
//! | `messages.rs` | what both answer with: items, versions, changes |
//!
//! All of it is pure: a request is read against the limits, a query is answered from a view of the store.

mod edits;
mod finds;
mod guards;
mod labels;
mod listings;
mod messages;
mod pins;
mod reads;
mod settings;
mod writes;

pub(crate) use finds::{ItemChanges, Search};
pub(crate) use listings::{Differences, Items, Namespaces, Page, Versions};
pub(crate) use messages::{item, item_change, version};
pub(crate) use pins::{SnapshotNamespaces, Snapshots, Tags};
pub(crate) use pins::{
    create_snapshot, create_snapshot_response, delete_snapshot, delete_snapshot_response, delete_tag,
    delete_tag_response, rollback_snapshot, rollback_snapshot_response, set_tag, set_tag_response,
};
pub(crate) use reads::{OneItem, OneNamespace, OneSnapshot, TheDefaults};
pub(crate) use settings::{defaults_response, update_defaults, update_namespace, update_response};
pub(crate) use writes::{Write, commit, create_namespace, delete_namespace, rollback, strange_outcome};
pub(crate) use writes::{commit_response, create_response, delete_response, rollback_response};

#[cfg(test)]
pub(crate) mod tests;
