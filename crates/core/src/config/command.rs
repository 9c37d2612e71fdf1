//! Commands to the configuration.

use conclave_mvcc::Revision;
use serde::{Deserialize, Serialize};

use super::item::ItemContent;
use crate::names::{ItemKey, NamespaceName};
use crate::version::Version;

/// A change of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConfigCommand {
    /// Makes a namespace.
    CreateNamespace(CreateNamespace),
    /// Deletes a namespace with all its items. Its history stays.
    DeleteNamespace(DeleteNamespace),
    /// Edits items.
    Commit(Commit),
    /// Restores what a version held.
    Rollback(Rollback),
}

/// Who changes something, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authorship {
    /// Who.
    pub author: String,
    /// Why.
    pub message: String,
}

/// Makes a namespace: at version 0 if the name was never used. One that was deleted comes back empty, at
/// its next version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateNamespace {
    /// Its name.
    pub namespace: NamespaceName,
    /// What it is for.
    pub description: String,
    /// Who and why.
    pub authorship: Authorship,
}

/// Deletes a namespace with all its items, as a version of it. A rollback brings it back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteNamespace {
    /// Its name.
    pub namespace: NamespaceName,
    /// Refuses unless the namespace is at this version.
    pub expected_version: Option<Version>,
    /// Who and why.
    pub authorship: Authorship,
}

/// Edits items of one or several namespaces: all of it or nothing, at one revision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// The edits; each namespace at most once.
    pub namespaces: Vec<NamespaceEdits>,
    /// Who and why.
    pub authorship: Authorship,
}

/// A commit's edits of one namespace. They make its next version, also if they change nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamespaceEdits {
    /// Name of the namespace.
    pub namespace: NamespaceName,
    /// Refuses the commit unless the namespace is at this version; 0: nothing was ever committed.
    pub expected_version: Option<Version>,
    /// Makes the namespace if it does not exist, instead of refusing.
    pub create_if_missing: bool,
    /// The edits; each key at most once.
    pub edits: Vec<Edit>,
}

/// What is to be done to one item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    /// Key of the item.
    pub key: ItemKey,
    /// Refuses the commit unless the item last changed at this revision; 0: it must not exist.
    pub expected_mod_revision: Option<Revision>,
    /// What is to be done.
    pub action: Action,
}

/// What is to be done to an item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Sets it. Setting what is there already changes nothing.
    Put(ItemContent),
    /// Deletes it; it must exist.
    Delete,
}

/// Makes a version whose content equals that of an earlier one. A deleted namespace comes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollback {
    /// Name of the namespace.
    pub namespace: NamespaceName,
    /// The version whose content is to be restored.
    pub to_version: Version,
    /// Refuses unless the namespace is at this version.
    pub expected_version: Option<Version>,
    /// Who and why.
    pub authorship: Authorship,
}
