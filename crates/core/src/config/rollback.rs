//! Rollbacks: a new version whose content equals that of an earlier one.

use conclave_mvcc::{ChangeKind, Revision, Transaction};

use super::command::Rollback;
use super::difference::{Difference, Differences};
use super::head::{Counts, Head, not_found};
use super::keys::items;
use super::outcome::{Committed, ConfigOutcome};
use super::stop::Stop;
use super::versions;
use crate::names::NamespaceName;

/// Restores what a version held; the namespace exists afterwards, also if it was deleted.
pub(crate) fn rollback(
    transaction: &mut Transaction<'_>,
    rollback: &Rollback,
    time_ms: i64,
) -> Result<ConfigOutcome, Stop> {
    let Rollback { namespace, to_version, expected_version, authorship } = rollback;
    let head = Head::find(transaction, namespace)?.ok_or_else(|| not_found(namespace))?;
    head.expect(namespace, *expected_version)?;
    let target = versions::revision_of(transaction.view(), namespace, &head, *to_version)?;
    let counts = restore(transaction, namespace, target)?;
    let head = Head { rollback_of: *to_version, counts, ..head.next(authorship, time_ms) };
    let version = head.write(transaction, namespace)?;
    let committed = Committed { versions: vec![version], revision: transaction.revision(), time_ms };
    Ok(ConfigOutcome::Committed(committed))
}

/// Makes the items what they were at the revision; writes only those that differ.
fn restore(
    transaction: &mut Transaction<'_>,
    namespace: &NamespaceName,
    target: Revision,
) -> Result<Counts, Stop> {
    let range = items(namespace, "");
    let mut differences = Differences::new(transaction.view(), &range, Some(Revision::MAX), Some(target))?;
    let mut counts = Counts::default();
    while let Some(difference) = differences.next()? {
        match difference.kind() {
            ChangeKind::Added => counts.added += 1,
            ChangeKind::Changed => counts.changed += 1,
            ChangeKind::Deleted => counts.deleted += 1,
        }
        let Difference { key, after, .. } = difference;
        match after {
            Some(record) => transaction.put(key, record.value, record.annotations)?,
            None => {
                transaction.delete(key)?;
            }
        }
    }
    Ok(counts)
}
