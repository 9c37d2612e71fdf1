//! Collection: drops what a namespace need not keep, a bounded step at a time.
//!
//! A pass first drops versions: from then on they cannot be read. Then it sweeps the namespace's keys and
//! removes what only they needed. How far it has come is part of the state, so that any leader goes on with it.

use bytes::Bytes;
use conclave_mvcc::{CollectQuery, KeyRange, MapError, RangeCursor, ReadMap, Revision, Transaction};

use super::command::Collect;
use super::head::{Head, not_found};
use super::keys::{head_key, heads, heads_after, items, namespace_of_head};
use super::outcome::{Collected, ConfigOutcome};
use super::retained::{Progress, Stage};
use super::retention::{self, Names};
use super::snapshots::{self, Snapshot};
use super::{settings, versions};
use crate::names::NamespaceName;
use crate::stop::Stop;
use crate::version::Version;

/// Most versions that one step drops.
const VERSIONS_A_STEP_MAX: usize = 1_000;
/// About so many rows are looked at by one step.
const ROWS_A_STEP_MAX: usize = 1_000;

/// Does one step.
pub(crate) fn collect(
    transaction: &mut Transaction<'_>,
    collect: &Collect,
    now_ms: i64,
) -> Result<ConfigOutcome, Stop> {
    let namespace = &collect.namespace;
    let head = Head::find(transaction, namespace)?.ok_or_else(|| not_found(namespace))?;
    let progress = Progress::of(transaction.view(), namespace)?;
    let (after, collected) = match progress.stage.clone() {
        Stage::Idle => begin(transaction, namespace, &head, now_ms)?,
        Stage::Dropping => drop_versions(transaction, namespace, progress.floor)?,
        Stage::Sweeping(from) => sweep(transaction, (namespace, &head), (progress.floor, from), now_ms)?,
    };
    if after != progress {
        after.write(transaction, namespace);
    }
    Ok(ConfigOutcome::Collected(collected))
}

/// Raises the floor: what is below it, and not named, is dropped from here on.
fn begin(
    transaction: &mut Transaction<'_>,
    namespace: &NamespaceName,
    head: &Head,
    now_ms: i64,
) -> Result<(Progress, Collected), Stop> {
    let view = transaction.view();
    let oldest = versions::oldest_kept(view, namespace, head)?;
    let floor = retention::floor(view, namespace, head, now_ms)?;
    let (progress, collected) = drop_versions(transaction, namespace, floor)?;
    if floor == oldest && collected.versions == 0 {
        return Ok((Progress { floor, stage: Stage::Idle }, Collected::default()));
    }
    Ok((progress, collected))
}

fn drop_versions(
    transaction: &mut Transaction<'_>,
    namespace: &NamespaceName,
    floor: Version,
) -> Result<(Progress, Collected), Stop> {
    let view = transaction.view();
    let names = Names::of(view, namespace, &snapshots::all(view)?)?;
    // Beyond those that are named, a step always comes to some that it drops.
    let versions_max = VERSIONS_A_STEP_MAX + names.count_max();
    let below = versions::kept_before(view, namespace, floor, versions_max)?;
    let gone = without_name(view, namespace, &names, &below)?;
    for version in &gone {
        versions::forget(transaction, namespace, *version);
    }
    let stage = if below.len() < versions_max { Stage::Sweeping(Bytes::new()) } else { Stage::Dropping };
    Ok((Progress { floor, stage }, Collected { versions: gone.len() as u64, rows: 0, more: true }))
}

fn without_name(
    view: &dyn ReadMap,
    namespace: &NamespaceName,
    names: &Names,
    kept: &[(Version, Revision)],
) -> Result<Vec<Version>, MapError> {
    let Some((last, _)) = kept.last() else { return Ok(Vec::new()) };
    let until = versions::first_kept_from(view, namespace, last.next())?;
    Ok(names.without_name(kept, until.unwrap_or(Revision::MAX)))
}

fn sweep(
    transaction: &mut Transaction<'_>,
    (namespace, head): (&NamespaceName, &Head),
    (floor, from): (Version, Bytes),
    now_ms: i64,
) -> Result<(Progress, Collected), Stop> {
    let view = transaction.view();
    let floor_revision = versions::revision_of(view, namespace, head, floor)?;
    let points = points(view, namespace, floor)?;
    let (heads, all_items) = (KeyRange::single(head_key(namespace)), items(namespace, ""));
    transaction.raise_floor(&heads, floor_revision)?;
    transaction.raise_floor(&all_items, floor_revision)?;
    let query = |range, floor| CollectQuery { range, floor, points: &points, rows_max: ROWS_A_STEP_MAX };
    let mut rows = 0;
    if from.is_empty() {
        let done = transaction.collect(&query(&heads, floor_revision))?;
        rows += done.rows as u64;
        if done.next.is_some() {
            let progress = Progress { floor, stage: Stage::Sweeping(Bytes::new()) };
            return Ok((progress, Collected { versions: 0, rows, more: true }));
        }
    }
    let start = if from.is_empty() { all_items.start.clone() } else { from };
    let is_over =
        floor == head.version && retention::is_over(head, settings::retention(view, namespace)?, now_ms);
    // Then not even the deletion needs to be told any longer.
    let items_floor = if is_over { floor_revision.next() } else { floor_revision };
    let done = transaction.collect(&query(&KeyRange::new(start, all_items.end), items_floor))?;
    rows += done.rows as u64;
    let more = done.next.is_some();
    let stage = done.next.map_or(Stage::Idle, Stage::Sweeping);
    Ok((Progress { floor, stage }, Collected { versions: 0, rows, more }))
}

/// The revisions below the floor that stay readable, ascending: those of the versions that are kept, and those
/// of the snapshots themselves.
fn points(view: &dyn ReadMap, namespace: &NamespaceName, floor: Version) -> Result<Vec<Revision>, MapError> {
    let kept = versions::kept_before(view, namespace, floor, usize::MAX)?;
    let mut points: Vec<_> = kept.into_iter().map(|(_, revision)| revision).collect();
    points.extend(snapshots::revisions_of(&snapshots::all(view)?, namespace));
    points.sort_unstable();
    points.dedup();
    Ok(points)
}

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
) -> Result<(Option<Collect>, Option<NamespaceName>), MapError> {
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
            return Ok((Some(Collect { namespace: namespace.clone() }), Some(namespace)));
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
    if Progress::of(view, namespace)?.stage != Stage::Idle {
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
    let below = versions::kept_before(view, namespace, oldest, usize::MAX)?;
    if below.is_empty() {
        return Ok(false);
    }
    let names = Names::of(view, namespace, snapshots)?;
    Ok(!without_name(view, namespace, &names, &below)?.is_empty())
}
