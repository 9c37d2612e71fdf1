//! Between the messages of `conclave.config.v1` and the core's commands, queries and answers.
//!
//! | file | what |
//! |---|---|
//! | `writes.rs` | the requests that change something, and their answers |
//! | `edits.rs` | the edits of a commit, with all their rules |
//! | `reads.rs` | the requests that read one thing |
//! | `listings.rs` | the requests that read page by page |
//! | `messages.rs` | what both answer with: items, versions, changes |
//!
//! All of it is pure: a request is read against the limits, a query is answered from a view of the store.

mod edits;
mod listings;
mod messages;
mod reads;
mod writes;

pub(crate) use listings::{Differences, Items, Namespaces, Page, Versions};
pub(crate) use messages::{item, item_change, version};
pub(crate) use reads::{OneItem, OneNamespace};
pub(crate) use writes::{Write, commit, create_namespace, delete_namespace, rollback};
pub(crate) use writes::{commit_response, create_response, delete_response, rollback_response};

#[cfg(test)]
pub(crate) mod tests;
