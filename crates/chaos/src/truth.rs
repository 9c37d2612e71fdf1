//! What really happened, as the cluster tells it when all is well again.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use conclave_checker::watch::Change;
use conclave_testkit::Cluster;
use tokio::time::timeout;

use crate::clients::watch_config::{Made, all_versions};
use crate::clients::watch_keys::all_changes;

/// How long the history of all keys may take to come.
const READ_LIMIT: Duration = Duration::from_secs(60);

/// The history of a run.
pub(crate) struct Truth {
    /// All changes of plain keys, by revision.
    pub(crate) keys: Vec<Change>,
    /// All versions, by namespace and number.
    pub(crate) versions: BTreeMap<(String, u64), Made>,
}

impl Truth {
    /// Reads it, of keys from every node: all must tell the same.
    pub(crate) async fn read(cluster: &Cluster, namespaces: &[String]) -> anyhow::Result<Self> {
        let mut told: Option<(u64, Vec<Change>)> = None;
        for id in cluster.ids() {
            let changes = timeout(READ_LIMIT, all_changes(cluster.channel(id))).await;
            let changes = changes.context("the history of keys does not come to its end")??;
            if let Some((first, known)) = &told {
                ensure!(*known == changes, "nodes {first} and {id} tell different histories of the keys");
            }
            told = Some((id, changes));
        }
        let versions = all_versions(&cluster.client(), namespaces).await?;
        Ok(Self { keys: told.map(|(_, changes)| changes).unwrap_or_default(), versions })
    }

    /// The versions, as watchers are told them.
    pub(crate) fn version_changes(&self) -> Vec<Change> {
        let change = |((namespace, _), made): (&(String, u64), &Made)| Change {
            revision: made.revision,
            key: namespace.clone(),
            value: Some(made.content.clone()),
        };
        let mut changes: Vec<_> = self.versions.iter().map(change).collect();
        changes.sort_by_key(|change| change.revision);
        changes
    }
}
