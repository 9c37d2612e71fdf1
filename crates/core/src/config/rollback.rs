//! Rollbacks: a new version whose content equals that of an earlier one.

use conclave_mvcc::{Revision, Transaction};

use super::command::{Authorship, Rollback};
use super::difference::{Difference, Differences};
use super::extent::Extent;
use super::head::{Head, not_found};
use super::keys::{items, local_key};
use super::namespace::count_restored;
use super::outcome::{Committed, CommittedVersion, ConfigOutcome};
use super::stop::Stop;
use super::tally::Tally;
use super::versions;
use crate::names::NamespaceName;
use crate::times::Times;
use crate::version::Version;

/// Restores what a version held; the namespace exists afterwards, also if it was deleted.
pub(crate) fn rollback(
    transaction: &mut Transaction<'_>,
    rollback: &Rollback,
    times: Times,
) -> Result<ConfigOutcome, Stop> {
    let Rollback { namespace, to_version, expected_version, authorship } = rollback;
    let head = Head::find(transaction, namespace)?.ok_or_else(|| not_found(namespace))?;
    head.expect(namespace, *expected_version)?;
    let target = versions::revision_of(transaction.view(), namespace, &head, *to_version)?;
    let version = restore(
        transaction,
        namespace,
        head,
        Restored { version: *to_version, revision: target, authorship, times },
        &mut Extent::default(),
    )?;
    let committed =
        Committed { versions: vec![version], revision: transaction.revision(), time_ms: times.told_ms };
    Ok(ConfigOutcome::Committed(committed))
}

/// What a namespace becomes again.
pub(crate) struct Restored<'a> {
    pub(crate) version: Version,
    pub(crate) revision: Revision,
    pub(crate) authorship: &'a Authorship,
    pub(crate) times: Times,
}

/// Makes the next version, which holds what an earlier one held; the namespace exists afterwards.
pub(crate) fn restore(
    transaction: &mut Transaction<'_>,
    namespace: &NamespaceName,
    head: Head,
    target: Restored<'_>,
    extent: &mut Extent,
) -> Result<CommittedVersion, Stop> {
    let Restored { version, revision, authorship, times } = target;
    let tally = restore_items(transaction, namespace, (revision, Tally::new(head.usage)), extent)?;
    if head.deleted_namespace {
        count_restored(transaction)?;
    }
    let next = Head { rollback_of: version, ..head.next_with(tally, authorship, times) };
    Ok(next.write(transaction, namespace)?)
}

/// Makes the items what they were at the revision; writes only those that differ.
fn restore_items(
    transaction: &mut Transaction<'_>,
    namespace: &NamespaceName,
    (revision, mut tally): (Revision, Tally),
    extent: &mut Extent,
) -> Result<Tally, Stop> {
    let range = items(namespace, "");
    let mut differences = Differences::new(transaction.view(), &range, Some(Revision::MAX), Some(revision))?;
    while let Some(difference) = differences.next()? {
        extent.add(difference.size_bytes())?;
        let Difference { key, before, after } = difference;
        tally.note(&local_key(namespace, &key)?, before.as_ref(), after.as_ref());
        match after {
            Some(record) => transaction.put(key, record.value, record.annotations)?,
            None => {
                transaction.delete(key)?;
            }
        }
    }
    Ok(tally)
}
