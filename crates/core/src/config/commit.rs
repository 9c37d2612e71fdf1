//! Commits: edits to items of one or several namespaces, all of them or none.

use std::collections::BTreeSet;

use conclave_mvcc::{Record, Revision, Transaction};

use super::command::{Action, Commit, Edit, NamespaceEdits};
use super::head::{Head, not_found};
use super::item::ItemContent;
use super::keys::item_key;
use super::namespace;
use super::outcome::{Committed, CommittedVersion, ConfigOutcome};
use super::quota;
use super::settings::Settings;
use super::tally::Tally;
use crate::names::NamespaceName;
use crate::rejection::Rejection;
use crate::stop::Stop;
use crate::times::Times;
use crate::version::Version;

/// Makes the next version of each namespace. What is checked is checked in the order of the request;
/// the first failure is the answer.
pub(crate) fn commit(
    transaction: &mut Transaction<'_>,
    commit: &Commit,
    times: Times,
) -> Result<ConfigOutcome, Stop> {
    let mut versions = Vec::with_capacity(commit.namespaces.len());
    let mut seen = BTreeSet::new();
    for edits in &commit.namespaces {
        let head = find_head(transaction, edits)?;
        if !seen.insert(&edits.namespace) {
            return Err(namespace_twice(&edits.namespace, head.version));
        }
        head.expect(&edits.namespace, edits.expected_version)?;
        let before = head.usage;
        let tally = apply_edits(transaction, edits, Tally::new(before))?;
        let next = head.next_with(tally, &commit.authorship, times);
        let pace = (!only_deletes(edits)).then_some((next.pace, times.stamp_ms));
        quota::check(transaction, &edits.namespace, (before, next.usage), pace)?;
        versions.push(next.write(transaction, &edits.namespace)?);
    }
    Ok(ConfigOutcome::Committed(committed(transaction, versions, times.told_ms)))
}

/// The present head; a blank one where the commit may make the namespace.
fn find_head(transaction: &mut Transaction<'_>, edits: &NamespaceEdits) -> Result<Head, Stop> {
    let found = Head::find(transaction, &edits.namespace)?;
    match found {
        Some(head) if !head.deleted_namespace => Ok(head),
        missing if edits.create_if_missing => {
            namespace::count_another(transaction)?;
            // One that was deleted comes back as one that is made anew.
            Settings::clear(transaction, &edits.namespace)?;
            Ok(missing.unwrap_or_default())
        }
        _ => Err(not_found(&edits.namespace)),
    }
}

/// Such a commit is never refused by a quota: whoever has to go back must be able to.
fn only_deletes(edits: &NamespaceEdits) -> bool {
    !edits.edits.is_empty() && edits.edits.iter().all(|edit| matches!(edit.action, Action::Delete))
}

fn apply_edits(
    transaction: &mut Transaction<'_>,
    edits: &NamespaceEdits,
    mut tally: Tally,
) -> Result<Tally, Stop> {
    let mut seen = BTreeSet::new();
    for edit in &edits.edits {
        if !seen.insert(&edit.key) {
            return Err(key_twice(transaction, &edits.namespace, edit)?);
        }
        apply_edit(transaction, &edits.namespace, edit, &mut tally)?;
    }
    Ok(tally)
}

fn apply_edit(
    transaction: &mut Transaction<'_>,
    namespace: &NamespaceName,
    edit: &Edit,
    tally: &mut Tally,
) -> Result<(), Stop> {
    let key = item_key(namespace, &edit.key);
    let found = transaction.get(&key)?.cloned();
    expect_revision(namespace, edit, found.as_ref())?;
    match (&edit.action, &found) {
        (Action::Put(content), _) => {
            let annotations = content.annotations();
            if found.as_ref().is_some_and(|record| holds(record, content, &annotations)) {
                return Ok(());
            }
            transaction.put(key.clone(), content.value.clone(), annotations)?;
        }
        (Action::Delete, Some(_)) => {
            transaction.delete(key.clone())?;
        }
        (Action::Delete, None) => {
            let (namespace, key) = (namespace.to_string(), edit.key.to_string());
            return Err(Rejection::KeyNotFound { namespace, key }.into());
        }
    }
    tally.note(edit.key.as_str(), found.as_ref(), transaction.get(&key)?);
    Ok(())
}

fn holds(record: &Record, content: &ItemContent, annotations: &[u8]) -> bool {
    record.value == content.value && record.annotations == annotations
}

fn expect_revision(namespace: &NamespaceName, edit: &Edit, found: Option<&Record>) -> Result<(), Stop> {
    let found = found.map_or(Revision::ZERO, |record| record.mod_revision);
    match edit.expected_mod_revision {
        Some(expected) if expected != found => Err(revision_mismatch(namespace, edit, expected, found)),
        _ => Ok(()),
    }
}

fn revision_mismatch(namespace: &NamespaceName, edit: &Edit, expected: Revision, found: Revision) -> Stop {
    Stop::Rejected(Rejection::ItemRevisionMismatch {
        namespace: namespace.to_string(),
        key: edit.key.to_string(),
        expected: expected.get(),
        found: found.get(),
    })
}

/// Doors refuse a commit that names a namespace twice. Should one come here, it must be refused alike on
/// all nodes: the second edits find a version that the first ones made.
fn namespace_twice(namespace: &NamespaceName, found: Version) -> Stop {
    let (namespace, found) = (namespace.to_string(), found.get());
    Stop::Rejected(Rejection::VersionMismatch { namespace, expected: found.saturating_sub(1), found })
}

/// The same for a key that is edited twice: it is no longer as it was before the commit.
fn key_twice(
    transaction: &mut Transaction<'_>,
    namespace: &NamespaceName,
    edit: &Edit,
) -> Result<Stop, Stop> {
    let found = transaction.get(&item_key(namespace, &edit.key))?.map(|record| record.mod_revision);
    let found = found.unwrap_or(Revision::ZERO);
    Ok(revision_mismatch(namespace, edit, transaction.newest(), found))
}

/// A commit of no namespaces, which doors refuse, takes no revision: it names the newest.
fn committed(transaction: &Transaction<'_>, versions: Vec<CommittedVersion>, time_ms: i64) -> Committed {
    let revision = if versions.is_empty() { transaction.newest() } else { transaction.revision() };
    Committed { versions, revision, time_ms }
}
