//! Of which namespaces something is to be dropped.

use conclave_mvcc::{MapError, RangeCursor, ReadMap, Revision};

use super::head::Head;
use super::keys::{heads, heads_after, namespace_of_head};
use super::retained::{self, Progress, Stage};
use super::retention::{self, Names};
use super::snapshots::{self, Snapshot};
use super::versions;
use crate::names::NamespaceName;
use crate::stop::Stop;

/// A namespace of which something is to be dropped, the first after `after`, if there is one among the next
/// `namespaces_max`; and the name after which to look next, none if all were looked at.
///
/// # Errors
/// The map cannot be read.
pub fn next_collection(
    view: &dyn ReadMap,
    now_ms: i64,
    after: Option<&NamespaceName>,
    namespaces_max: usize,
) -> Result<(Option<NamespaceName>, Option<NamespaceName>), MapError> {
    let range = heads("");
    let range = after.map_or(range.clone(), |name| heads_after(&range, name.as_str()));
    let mut cursor = RangeCursor::new(view, &range, Revision::MAX)?;
    let snapshots = snapshots::all(view)?;
    let (mut seen, mut last) = (0, None);
    while let Some(key) = cursor.key() {
        if seen >= namespaces_max {
            return Ok((None, last));
        }
        let namespace = namespace_of_head(key)?;
        let head = Head::decode(&cursor.record()?)?;
        if has_work(view, (&namespace, &head), &snapshots, now_ms)? {
            return Ok((Some(namespace.clone()), Some(namespace)));
        }
        last = Some(namespace);
        seen += 1;
        cursor.leap()?;
    }
    Ok((None, None))
}

fn has_work(
    view: &dyn ReadMap,
    (namespace, head): (&NamespaceName, &Head),
    snapshots: &[Snapshot],
    now_ms: i64,
) -> Result<bool, MapError> {
    if !matches!(Progress::of(view, namespace)?.stage, Stage::Idle | Stage::Rested) {
        return Ok(true);
    }
    let oldest = versions::oldest_kept(view, namespace, head)?;
    let floor = match retention::floor(view, namespace, head, now_ms) {
        Ok(floor) => floor,
        Err(Stop::Broken(error)) => return Err(error),
        // Nothing is refused of what is kept.
        Err(Stop::Rejected(rejection)) => return Err(MapError::new(rejection)),
    };
    if floor.get() - oldest.get() >= retention::slack(view, namespace, head)? {
        return Ok(true);
    }
    // What was named when it should have been dropped, and is named no longer.
    let below = retained::kept_before(view, namespace, oldest)?;
    if below.is_empty() {
        return Ok(false);
    }
    let until = versions::first_kept_from(view, namespace, oldest)?.unwrap_or(Revision::MAX);
    Ok(!Names::of(view, namespace, snapshots)?.without_name(&below, until).is_empty())
}
