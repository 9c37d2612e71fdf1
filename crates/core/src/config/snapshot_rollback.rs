//! Rollbacks to a snapshot: many namespaces become what they were, at one revision.

use conclave_mvcc::{Revision, Transaction};

use super::command::RollbackSnapshot;
use super::extent::Extent;
use super::head::{Counts, Head, not_found};
use super::outcome::{ConfigOutcome, SnapshotRestored, VERSIONS_TOLD_MAX};
use super::rollback::{Restored, make_version, restore_items};
use super::snapshots::{self, Held, Snapshot};
use super::tally::Tally;
use crate::names::{NamespaceName, PinName};
use crate::rejection::Rejection;
use crate::stop::Stop;
use crate::times::Times;
use crate::version::Version;

/// About what the head of a namespace takes.
const HEAD_SIZE_BYTES: usize = 1_024;

/// Restores what the snapshot holds; namespaces that came after it stay as they are.
pub(crate) fn rollback(
    transaction: &mut Transaction<'_>,
    rollback: &RollbackSnapshot,
    times: Times,
) -> Result<ConfigOutcome, Stop> {
    let RollbackSnapshot { snapshot: name, namespaces, authorship } = rollback;
    let snapshot = snapshots::find(transaction.view(), name)?;
    let mut extent = Extent::default();
    let mut done = SnapshotRestored {
        versions: Vec::new(),
        changed: 0,
        unchanged: 0,
        revision: Revision::ZERO,
        time_ms: times.told_ms,
    };
    for (namespace, version) in chosen(transaction, name, &snapshot, namespaces.as_deref())? {
        let head = Head::find(transaction, &namespace)?.ok_or_else(|| not_found(&namespace))?;
        // If it has the same version, it is known without a walk that nothing differs.
        let mut tally = Tally::new(head.usage);
        if head.deleted_namespace || head.version != version {
            tally = restore_items(transaction, &namespace, (snapshot.revision, head.usage), &mut extent)?;
        }
        if !head.deleted_namespace && tally.counts == Counts::default() {
            done.unchanged += 1;
            continue;
        }
        extent.add(HEAD_SIZE_BYTES)?;
        let restored = Restored { version, authorship, times };
        let made = make_version(transaction, &namespace, (head, tally), &restored)?;
        done.changed += 1;
        done.revision = transaction.revision();
        if done.versions.len() < VERSIONS_TOLD_MAX {
            done.versions.push(made);
        }
    }
    Ok(ConfigOutcome::SnapshotRestored(done))
}

/// The namespaces to be restored in order of name, with their versions in the snapshot.
fn chosen(
    transaction: &Transaction<'_>,
    name: &PinName,
    snapshot: &Snapshot,
    only: Option<&[NamespaceName]>,
) -> Result<Vec<(NamespaceName, Version)>, Stop> {
    let view = transaction.view();
    let mut chosen = Vec::new();
    let Some(only) = only else {
        let mut held = Held::new(view, snapshot, None)?;
        while let Some(found) = held.next()? {
            chosen.push(found);
        }
        return Ok(chosen);
    };
    for namespace in only {
        let version = snapshot.version_of(view, namespace)?.ok_or_else(|| {
            let (snapshot, namespace) = (name.to_string(), namespace.to_string());
            Stop::Rejected(Rejection::NotInSnapshot { snapshot, namespace })
        })?;
        chosen.push((namespace.clone(), version));
    }
    chosen.sort();
    chosen.dedup();
    Ok(chosen)
}
