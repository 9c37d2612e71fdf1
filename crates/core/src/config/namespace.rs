//! Creating and deleting namespaces.

use conclave_mvcc::{RangeCursor, Revision, Transaction};

use super::command::{CreateNamespace, DeleteNamespace};
use super::head::{Counts, Head, not_found};
use super::keys::items;
use super::outcome::{Committed, ConfigOutcome};
use super::stop::Stop;
use crate::names::NamespaceName;
use crate::rejection::Rejection;

/// Makes a namespace at version 0, or the next version, empty, of one that was deleted.
pub(crate) fn create(
    transaction: &mut Transaction<'_>,
    create: &CreateNamespace,
    time_ms: i64,
) -> Result<ConfigOutcome, Stop> {
    let CreateNamespace { namespace, description, authorship } = create;
    let head = match Head::find(transaction, namespace)? {
        None => Head::by(authorship, time_ms),
        Some(deleted) if deleted.deleted_namespace => deleted.next(authorship, time_ms),
        Some(_) => {
            return Err(Rejection::NamespaceExists { namespace: namespace.to_string() }.into());
        }
    };
    let head = Head { description: description.clone(), ..head };
    head.write(transaction, namespace)?;
    Ok(ConfigOutcome::Created(head.into_info(namespace.clone(), transaction.revision())))
}

/// Deletes a namespace and all its items: a version of it like any other.
pub(crate) fn delete(
    transaction: &mut Transaction<'_>,
    delete: &DeleteNamespace,
    time_ms: i64,
) -> Result<ConfigOutcome, Stop> {
    let DeleteNamespace { namespace, expected_version, authorship } = delete;
    let head = Head::find(transaction, namespace)?.ok_or_else(|| not_found(namespace))?.alive(namespace)?;
    head.expect(namespace, *expected_version)?;
    let counts = Counts { deleted: delete_items(transaction, namespace)?, ..Counts::default() };
    let head = Head { deleted_namespace: true, counts, ..head.next(authorship, time_ms) };
    let version = head.write(transaction, namespace)?;
    let committed = Committed { versions: vec![version], revision: transaction.revision(), time_ms };
    Ok(ConfigOutcome::Committed(committed))
}

fn delete_items(transaction: &mut Transaction<'_>, namespace: &NamespaceName) -> Result<u32, Stop> {
    let mut found = RangeCursor::new(transaction.view(), &items(namespace, ""), Revision::MAX)?;
    let mut deleted = 0;
    while let Some(key) = found.key() {
        transaction.delete(key.to_vec().into())?;
        deleted += 1;
        found.advance()?;
    }
    Ok(deleted)
}
