//! Commands to the configuration.

use std::collections::BTreeMap;

use conclave_mvcc::Revision;
use serde::{Deserialize, Serialize};

use super::item::ItemContent;
use crate::names::{ItemKey, NamespaceName, PinName};
use crate::version::Version;

/// A change of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConfigCommand {
    /// Makes a namespace.
    CreateNamespace(CreateNamespace),
    /// Deletes a namespace with all its items. Its history stays as long as its retention says.
    DeleteNamespace(DeleteNamespace),
    /// Edits items.
    Commit(Commit),
    /// Restores what a version held.
    Rollback(Rollback),
    /// Changes what is known of a namespace beside its items.
    UpdateNamespace(UpdateNamespace),
    /// Changes what holds for namespaces that do not say otherwise.
    UpdateDefaults(UpdateDefaults),
    /// Gives a version a name.
    SetTag(SetTag),
    /// Takes a name from a version.
    DeleteTag(DeleteTag),
    /// Gives a name to the state of many namespaces.
    CreateSnapshot(CreateSnapshot),
    /// Forgets such a name.
    DeleteSnapshot(DeleteSnapshot),
    /// Restores what a snapshot names.
    RollbackSnapshot(RollbackSnapshot),
    /// Drops a bounded part of what is no longer to be kept, as it was done at first: only old logs have it.
    Collect(Collect),
    /// Drops a part of what is no longer to be kept.
    CollectStep(CollectStep),
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
    /// What is known of it beside its items.
    pub settings: SettingsChange,
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
    /// Makes the namespace if it does not exist, instead of refusing, without settings: also one that was deleted.
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

/// Changes what is known of a namespace beside its items. It makes no version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateNamespace {
    /// Name of the namespace.
    pub namespace: NamespaceName,
    /// What changes.
    pub settings: SettingsChange,
    /// Who and why.
    pub authorship: Authorship,
}

/// What is to change of a namespace's settings; what is none stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingsChange {
    /// What it is for.
    pub description: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// All its labels.
    pub labels: Option<BTreeMap<String, String>>,
    /// How long its versions are kept.
    pub retention: Option<Retention>,
    /// What it may hold.
    pub quota: Option<Quota>,
}

/// How long versions are kept, of a namespace or by default. A version goes when both bounds let it go and
/// nothing names it. Once a namespace has been deleted for so many days, and for one at least, the days alone decide.
/// None: as the defaults say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    /// At least so many of the newest versions are kept, from 1.
    pub versions: Option<u64>,
    /// All that was the newest within so many days is kept.
    pub days: Option<u32>,
}

/// What a namespace may hold, or may by default. 0: no bound; none: as the defaults say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quota {
    /// Most items.
    pub items_max: Option<u64>,
    /// Most bytes of keys, values, content types and labels.
    pub size_bytes_max: Option<u64>,
    /// Most versions within a minute.
    pub versions_per_minute_max: Option<u32>,
}

/// Changes what holds for namespaces that do not say otherwise; what is none stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateDefaults {
    /// What is to hold.
    pub defaults: Defaults,
    /// Who and why.
    pub authorship: Authorship,
}

/// What holds for namespaces that do not say otherwise, and how many there may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Defaults {
    /// How long versions are kept.
    pub retention: Retention,
    /// What a namespace may hold.
    pub quota: Quota,
    /// Most namespaces. 0: no bound.
    pub namespaces_max: Option<u64>,
}

/// Gives a version a name, which keeps it from being dropped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetTag {
    /// Name of the namespace, which may be deleted.
    pub namespace: NamespaceName,
    /// Name of the tag.
    pub tag: PinName,
    /// The version; none: the newest.
    pub version: Option<Version>,
    /// Lets a tag that names another version move.
    pub may_move: bool,
    /// Who and why.
    pub authorship: Authorship,
}

/// Takes a name from a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteTag {
    /// Name of the namespace, which may be deleted.
    pub namespace: NamespaceName,
    /// Name of the tag.
    pub tag: PinName,
    /// Who and why.
    pub authorship: Authorship,
}

/// Gives a name to the state of namespaces at one revision, which keeps it from being dropped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateSnapshot {
    /// Name of the snapshot, which must be new.
    pub snapshot: PinName,
    /// Its namespaces; none: all that exist at the revision.
    pub namespaces: Option<Vec<NamespaceName>>,
    /// The revision; none: the newest.
    pub revision: Option<Revision>,
    /// Who and why.
    pub authorship: Authorship,
}

/// Forgets a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteSnapshot {
    /// Name of the snapshot.
    pub snapshot: PinName,
    /// Who and why.
    pub authorship: Authorship,
}

/// Makes namespaces what they were in a snapshot: all of them or none, at one revision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollbackSnapshot {
    /// Name of the snapshot.
    pub snapshot: PinName,
    /// Only these of its namespaces; none: all.
    pub namespaces: Option<Vec<NamespaceName>>,
    /// Who and why.
    pub authorship: Authorship,
}

/// Drops a bounded part of what a namespace need not keep any longer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collect {
    /// What is gone through.
    pub namespace: NamespaceName,
}

/// Drops a part of what a namespace need not keep any longer, and goes on where the step before it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CollectStep {
    /// What is gone through.
    pub namespace: NamespaceName,
    /// About so many rows are looked at: from 1 to 1,000.
    pub rows_max: u32,
}
