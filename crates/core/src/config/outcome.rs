//! What commands to the configuration lead to.

use std::collections::BTreeMap;

use conclave_mvcc::Revision;
use serde::{Deserialize, Serialize};

use super::command::{Defaults, Quota, Retention};
use crate::names::{NamespaceName, PinName};
use crate::version::Version;

/// What a command to the configuration led to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConfigOutcome {
    /// A namespace was made.
    Created(NamespaceInfo),
    /// Versions were made.
    Committed(Committed),
    /// A namespace's settings were changed.
    Updated(NamespaceInfo),
    /// The defaults were changed: what they are now, complete.
    DefaultsUpdated(Defaults),
    /// A tag was set, or was deleted.
    Tagged(TagInfo),
    /// A snapshot was made, or was deleted.
    Snapshot(SnapshotInfo),
    /// Namespaces were rolled back to a snapshot.
    SnapshotRestored(SnapshotRestored),
    /// A part of what need not be kept was dropped.
    Collected(Collected),
}

/// What is known of a namespace without its items.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamespaceInfo {
    /// Its name.
    pub name: NamespaceName,
    /// Its newest version.
    pub version: Version,
    /// The revision of that version, or of the creation.
    pub revision: Revision,
    /// When that was: milliseconds since 1970-01-01 UTC.
    pub time_ms: i64,
    /// What it is for.
    pub description: String,
    /// Who answers for it.
    pub owner: String,
    /// Labels, for people and tools.
    pub labels: BTreeMap<String, String>,
    /// How long its versions are kept, as set.
    pub retention: Retention,
    /// What it may hold, as set.
    pub quota: Quota,
    /// What it holds.
    pub usage: Usage,
    /// The oldest version that was not dropped, but for those that a tag or snapshot names; 0: no version yet.
    pub oldest_version: Version,
}

/// What a namespace holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Items.
    pub items: u64,
    /// Bytes of keys, values, content types and labels as they are stored.
    pub size_bytes: u64,
}

/// What is known of a tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagInfo {
    /// Its name.
    pub name: PinName,
    /// The version that it names.
    pub version: Version,
    /// Who set it last.
    pub author: String,
    /// Why.
    pub message: String,
    /// When: milliseconds since 1970-01-01 UTC.
    pub time_ms: i64,
    /// The revision at which it was set last.
    pub revision: Revision,
}

/// What is known of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotInfo {
    /// Its name.
    pub name: PinName,
    /// The revision that it names.
    pub revision: Revision,
    /// Whether it is of all namespaces that existed then.
    pub all_namespaces: bool,
    /// How many namespaces it holds.
    pub namespaces: u64,
    /// Who made it.
    pub author: String,
    /// Why.
    pub message: String,
    /// When: milliseconds since 1970-01-01 UTC.
    pub time_ms: i64,
}

/// What a rollback to a snapshot did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotRestored {
    /// The versions that were made, in order of name; at most [`VERSIONS_TOLD_MAX`].
    pub versions: Vec<CommittedVersion>,
    /// How many namespaces got a version.
    pub changed: u64,
    /// How many were as in the snapshot already, and got none.
    pub unchanged: u64,
    /// The revision that it took; 0: nothing differed.
    pub revision: Revision,
    /// When it was committed: milliseconds since 1970-01-01 UTC.
    pub time_ms: i64,
}

/// Most versions that the answer to a rollback to a snapshot lists: answers are remembered.
pub const VERSIONS_TOLD_MAX: usize = 1_000;

/// What a step of collection did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collected {
    /// Versions that can no longer be read.
    pub versions: u64,
    /// Rows that were removed.
    pub rows: u64,
    /// Whether more of the namespace is to be gone through.
    pub more: bool,
}

/// The versions that a command made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Committed {
    /// One for each namespace, in the order of the command.
    pub versions: Vec<CommittedVersion>,
    /// The revision that all of it took.
    pub revision: Revision,
    /// When it was committed: milliseconds since 1970-01-01 UTC.
    pub time_ms: i64,
}

/// The version that a command made of one namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommittedVersion {
    /// Name of the namespace.
    pub namespace: NamespaceName,
    /// The new version.
    pub version: Version,
    /// Items added.
    pub added: u32,
    /// Items changed.
    pub changed: u32,
    /// Items deleted.
    pub deleted: u32,
}

impl ConfigOutcome {
    /// The same as of a command that was only tried: it took no revision.
    #[must_use]
    pub(crate) fn without_revision(mut self) -> Self {
        match &mut self {
            Self::Created(info) => info.revision = Revision::ZERO,
            Self::Committed(committed) => committed.revision = Revision::ZERO,
            Self::SnapshotRestored(restored) => restored.revision = Revision::ZERO,
            Self::Updated(_) | Self::DefaultsUpdated(_) | Self::Tagged(_) | Self::Snapshot(_) => {}
            Self::Collected(_) => {}
        }
        self
    }
}
