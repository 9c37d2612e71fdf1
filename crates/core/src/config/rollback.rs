//! Rollbacks: a new version whose content equals that of an earlier one.

use conclave_mvcc::{Revision, Transaction};

use super::command::{Authorship, Rollback};
use super::difference::{Difference, Differences};
use super::extent::Extent;
use super::head::{Head, not_found};
use super::keys::{items, local_key};
use super::namespace::count_restored;
use super::outcome::{Committed, CommittedVersion, ConfigOutcome, Usage};
use super::tally::Tally;
use super::versions;
use crate::names::NamespaceName;
use crate::stop::Stop;
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
    let restored = Restored { version: *to_version, authorship, times };
    let tally = restore_items(transaction, namespace, (target, head.usage), &mut Extent::default())?;
    let version = make_version(transaction, namespace, (head, tally), &restored)?;
    let committed =
        Committed { versions: vec![version], revision: transaction.revision(), time_ms: times.told_ms };
    Ok(ConfigOutcome::Committed(committed))
}

/// What a namespace becomes again.
pub(crate) struct Restored<'a> {
    pub(crate) version: Version,
    pub(crate) authorship: &'a Authorship,
    pub(crate) times: Times,
}

/// Makes the next version, of items that are restored already; the namespace exists afterwards.
pub(crate) fn make_version(
    transaction: &mut Transaction<'_>,
    namespace: &NamespaceName,
    (head, tally): (Head, Tally),
    restored: &Restored<'_>,
) -> Result<CommittedVersion, Stop> {
    let Restored { version, authorship, times } = *restored;
    if head.deleted_namespace {
        count_restored(transaction)?;
    }
    let next = Head { rollback_of: version, ..head.next_with(tally, authorship, times) };
    Ok(next.write(transaction, namespace)?)
}

/// Makes the items what they were at the revision; writes only those that differ. Before it, they took so much.
pub(crate) fn restore_items(
    transaction: &mut Transaction<'_>,
    namespace: &NamespaceName,
    (revision, usage): (Revision, Usage),
    extent: &mut Extent,
) -> Result<Tally, Stop> {
    let range = items(namespace, "");
    let moments = (Some(Revision::MAX), Some(revision));
    let mut differences = Differences::bounded(transaction.view(), &range, moments, extent.left_to_see())?;
    let mut tally = Tally::new(usage);
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
    extent.see(differences.keys(), !differences.is_stopped())?;
    Ok(tally)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use conclave_mvcc::{MemoryMap, ReadMap};

    use super::*;
    use crate::config::ITEMS_SEEN_MAX;
    use crate::config::keys::item_key;
    use crate::names::ItemKey;
    use crate::rejection::Rejection;

    /// A namespace of ten items, of which the last one was changed at the second revision.
    fn store(namespace: &NamespaceName) -> MemoryMap {
        let mut map = MemoryMap::default();
        for changed in [0..10, 9..10] {
            let mut transaction = Transaction::begin(&map).unwrap();
            for number in changed.clone() {
                let key = ItemKey::parse(&number.to_string(), 9).unwrap();
                let value = Bytes::from(changed.start.to_string());
                transaction.put(item_key(namespace, &key), value, Bytes::new()).unwrap();
            }
            let writes = transaction.seal().writes;
            map.write(&writes);
        }
        map
    }

    fn restore(view: &dyn ReadMap, namespace: &NamespaceName, extent: &mut Extent) -> Result<Tally, Stop> {
        let mut transaction = Transaction::begin(view).unwrap();
        restore_items(&mut transaction, namespace, (Revision::EMPTY.next(), Usage::default()), extent)
    }

    #[test]
    fn items_that_do_not_differ_are_gone_through_and_count() {
        let namespace = NamespaceName::parse("a").unwrap();
        let map = store(&namespace);
        let mut extent = Extent::default();
        assert_eq!(restore(&map, &namespace, &mut extent).unwrap().counts.changed, 1);
        assert_eq!(extent.left_to_see() as u64, ITEMS_SEEN_MAX - 10);
        for (left, is_refused) in [(10, false), (9, true), (0, true)] {
            let mut extent = Extent::default();
            extent.see(usize::try_from(ITEMS_SEEN_MAX).unwrap() - left, true).unwrap();
            let restored = restore(&map, &namespace, &mut extent);
            let refused = matches!(
                restored,
                Err(Stop::Rejected(Rejection::ChangeTooLarge { items_max: ITEMS_SEEN_MAX, .. }))
            );
            assert_eq!(refused, is_refused, "{left} left");
        }
    }
}
