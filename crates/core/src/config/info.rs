//! What is told of a namespace: head, settings and what is kept of it, put together.

use conclave_mvcc::{MapError, ReadMap, Revision};

use super::head::Head;
use super::outcome::NamespaceInfo;
use super::settings::Settings;
use super::versions;
use crate::names::NamespaceName;

impl NamespaceInfo {
    /// Roughly what it takes: its name and its texts.
    pub(crate) fn size_bytes(&self) -> usize {
        let labels = self.labels.iter().map(|(name, value)| name.len() + value.len());
        self.name.as_str().len() + self.description.len() + self.owner.len() + labels.sum::<usize>()
    }
}

/// All that is told of the namespace whose head was written at this revision.
pub(crate) fn of(
    view: &dyn ReadMap,
    name: NamespaceName,
    (head, revision): (Head, Revision),
    settings: Settings,
) -> Result<NamespaceInfo, MapError> {
    let oldest_version = versions::oldest_kept(view, &name, &head)?;
    let Settings { description, owner, labels, retention, quota, .. } = settings;
    let Head { version, time_ms, usage, .. } = head;
    Ok(NamespaceInfo {
        name,
        version,
        revision,
        time_ms,
        description,
        owner,
        labels,
        retention,
        quota,
        usage,
        oldest_version,
    })
}
