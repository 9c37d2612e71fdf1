//! Collection as it was done at first: each step goes through all that the steps before it have removed.
//!
//! Logs may hold commands that say so, and what they lead to must not change: that is all that this is for.

use bytes::Bytes;
use conclave_mvcc::{CollectQuery, KeyRange, MapError, ReadMap, Revision, Transaction};

use super::collect::{ROWS_A_STEP_MAX, collect_step};
use super::command::{Collect, CollectStep};
use super::head::{Head, not_found};
use super::keys::{head_key, items};
use super::outcome::{Collected, ConfigOutcome};
use super::retained::{Progress, Stage};
use super::retention::{self, Names};
use super::{settings, snapshots, versions};
use crate::names::NamespaceName;
use crate::stop::Stop;
use crate::version::Version;

/// Most versions that one step drops.
const VERSIONS_A_STEP_MAX: usize = 1_000;

/// Does one step; once the namespace was collected as it is now, one of that kind.
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
        Stage::Rested | Stage::DroppingFrom(_) | Stage::SweepingFrom(_) => {
            let step = CollectStep { namespace: namespace.clone(), rows_max: ROWS_A_STEP_MAX };
            return collect_step(transaction, &step, now_ms);
        }
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
    let below = versions::kept_between(view, namespace, (Version::ZERO, floor), versions_max)?;
    let gone = without_name(view, namespace, &names, &below)?;
    for version in &gone {
        versions::forget(transaction, namespace, *version);
    }
    let stage = if below.len() < versions_max { Stage::Sweeping(Bytes::new()) } else { Stage::Dropping };
    Ok((Progress { floor, stage }, Collected { versions: gone.len() as u64, rows: 0, more: true }))
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
    let query = |range, floor| CollectQuery {
        range,
        within: None,
        floor,
        points: &points,
        rows_max: ROWS_A_STEP_MAX as usize,
    };
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
    let stage = done.next.map_or(Stage::Idle, |place| Stage::Sweeping(place.key));
    Ok((Progress { floor, stage }, Collected { versions: 0, rows, more }))
}

/// The revisions below the floor that stay readable, ascending: those of the versions that are kept, and those
/// of the snapshots themselves.
fn points(view: &dyn ReadMap, namespace: &NamespaceName, floor: Version) -> Result<Vec<Revision>, MapError> {
    let kept = versions::kept_between(view, namespace, (Version::ZERO, floor), usize::MAX)?;
    let mut points: Vec<_> = kept.into_iter().map(|(_, revision)| revision).collect();
    points.extend(snapshots::revisions_of(&snapshots::all(view)?, namespace));
    points.sort_unstable();
    points.dedup();
    Ok(points)
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
