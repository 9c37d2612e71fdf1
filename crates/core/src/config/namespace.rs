//! Creating and deleting namespaces.

use conclave_mvcc::{RangeCursor, Revision, Transaction};

use super::command::{CreateNamespace, DeleteNamespace};
use super::extent::Extent;
use super::head::{Head, not_found};
use super::info;
use super::keys::{items, local_key};
use super::outcome::{Committed, ConfigOutcome};
use super::quota::{self, check_namespaces};
use super::settings::Settings;
use super::tally::Tally;
use crate::names::NamespaceName;
use crate::rejection::Rejection;
use crate::stop::Stop;
use crate::times::Times;
use crate::totals::NAMESPACES;
use crate::version::Version;

/// Makes a namespace at version 0, or the next version, empty, of one that was deleted.
pub(crate) fn create(
    transaction: &mut Transaction<'_>,
    create: &CreateNamespace,
    times: Times,
) -> Result<ConfigOutcome, Stop> {
    let CreateNamespace { namespace, settings, authorship } = create;
    let head = match Head::find(transaction, namespace)? {
        None => Head::by(authorship, times),
        Some(deleted) if deleted.deleted_namespace => deleted.next(authorship, times),
        Some(_) => {
            return Err(Rejection::NamespaceExists { namespace: namespace.to_string() }.into());
        }
    };
    count_another(transaction)?;
    head.write(transaction, namespace)?;
    let mut settings = Settings::default().with(settings);
    settings.write(transaction, namespace, (authorship, times.told_ms))?;
    if head.version != Version::ZERO {
        quota::check(transaction, namespace, (head.usage, head.usage), Some((head.pace, times.stamp_ms)))?;
    }
    let revision = transaction.revision();
    let info = info::of(transaction.view(), namespace.clone(), (head, revision), settings)?;
    Ok(ConfigOutcome::Created(info))
}

/// Notes that there is another namespace, if there may be.
pub(crate) fn count_another(transaction: &mut Transaction<'_>) -> Result<(), Stop> {
    let count = NAMESPACES.of(transaction)?;
    check_namespaces(transaction, count)?;
    NAMESPACES.set(transaction, count + 1);
    Ok(())
}

/// Notes that a namespace is there again, also beyond what may be: whoever goes back is never refused.
pub(crate) fn count_restored(transaction: &mut Transaction<'_>) -> Result<(), Stop> {
    let count = NAMESPACES.of(transaction)?;
    NAMESPACES.set(transaction, count + 1);
    Ok(())
}

/// Deletes a namespace and all its items: a version of it like any other.
pub(crate) fn delete(
    transaction: &mut Transaction<'_>,
    delete: &DeleteNamespace,
    times: Times,
) -> Result<ConfigOutcome, Stop> {
    let DeleteNamespace { namespace, expected_version, authorship } = delete;
    let head = Head::find(transaction, namespace)?.ok_or_else(|| not_found(namespace))?.alive(namespace)?;
    head.expect(namespace, *expected_version)?;
    let tally = delete_items(transaction, namespace, Tally::new(head.usage))?;
    let head = Head { deleted_namespace: true, ..head.next_with(tally, authorship, times) };
    let version = head.write(transaction, namespace)?;
    let count = NAMESPACES.of(transaction)?;
    NAMESPACES.set(transaction, count.saturating_sub(1));
    let committed =
        Committed { versions: vec![version], revision: transaction.revision(), time_ms: times.told_ms };
    Ok(ConfigOutcome::Committed(committed))
}

fn delete_items(
    transaction: &mut Transaction<'_>,
    namespace: &NamespaceName,
    mut tally: Tally,
) -> Result<Tally, Stop> {
    let mut extent = Extent::default();
    let range = items(namespace, "");
    let mut found = RangeCursor::bounded(transaction.view(), &range, Revision::MAX, extent.left_to_see())?;
    while let Some(key) = found.key() {
        let record = found.record()?;
        extent.add(key.len() + record.size_bytes())?;
        tally.note(&local_key(namespace, key)?, Some(&record), None);
        transaction.delete(key.to_vec().into())?;
        found.advance()?;
    }
    extent.see(found.keys(), found.stopped_after()?.is_none())?;
    Ok(tally)
}
