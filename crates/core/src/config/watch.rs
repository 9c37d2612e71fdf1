//! What a revision of the store means to those who watch a namespace.

use conclave_mvcc::{Event, KeyRange, MapError, Revised};

use super::diff::ItemChange;
use super::head::Head;
use super::history::VersionInfo;
use super::keys::{head_key, items};
use crate::names::NamespaceName;
use crate::version::Version;

/// The keys whose events a watcher of the namespace needs: its head, and the items whose keys begin with
/// the prefix.
pub fn watch_ranges(namespace: &NamespaceName, key_prefix: &str) -> Vec<KeyRange> {
    vec![items(namespace, key_prefix), KeyRange::single(head_key(namespace))]
}

/// The version of the namespace that this revision made, and what it changed among the keys with the
/// prefix; none if it made none, as when it only created the namespace. A revision may make versions of
/// several namespaces.
///
/// # Errors
/// An event holds what this crate never wrote.
pub fn version_in(
    revised: &Revised,
    namespace: &NamespaceName,
    key_prefix: &str,
) -> Result<Option<(VersionInfo, Vec<ItemChange>)>, MapError> {
    let head_range = KeyRange::single(head_key(namespace));
    let [event] = events_in(&revised.events, &head_range) else {
        return Ok(None);
    };
    let record = event.record().ok_or_else(|| Head::vanished(namespace))?;
    let head = Head::decode(record)?;
    if head.version == Version::ZERO {
        return Ok(None);
    }
    let changes = events_in(&revised.events, &items(namespace, key_prefix))
        .iter()
        .map(|event| change(namespace, event))
        .collect::<Result<_, _>>()?;
    Ok(Some((VersionInfo::of(namespace.clone(), revised.revision, head), changes)))
}

/// The events of a range: they are in order of key.
fn events_in<'a>(events: &'a [Event], range: &KeyRange) -> &'a [Event] {
    let start = events.partition_point(|event| event.key < range.start);
    let count = events[start..].partition_point(|event| range.contains(&event.key));
    &events[start..start + count]
}

fn change(namespace: &NamespaceName, event: &Event) -> Result<ItemChange, MapError> {
    let (before, after) = (event.previous.clone(), event.record().cloned());
    ItemChange::between(namespace, &event.key, event.change(), before, after)
}
