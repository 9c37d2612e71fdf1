//! What commands to the configuration lead to.

use conclave_mvcc::Revision;
use serde::{Deserialize, Serialize};

use crate::names::NamespaceName;
use crate::version::Version;

/// What a command to the configuration led to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConfigOutcome {
    /// A namespace was made.
    Created(NamespaceInfo),
    /// Versions were made.
    Committed(Committed),
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
        }
        self
    }
}
