//! Collection: drops what a namespace need not keep, a bounded step at a time.
//!
//! A pass first drops versions: from then on they cannot be read. Then it sweeps the namespace's keys and
//! removes what only they needed. How far it has come is part of the state, so that any leader goes on with it.
//!
//! A store on disk has rows that were removed in the way of whoever passes over them, until it is compacted. So a step
//! begins where the one before it ended, and which of the versions it came past are kept is noted, never searched for.

use conclave_mvcc::{CollectQuery, Collection, KeyRange, MapError, Place, ReadMap, Revision, Transaction};

use super::command::CollectStep;
use super::head::{Head, not_found};
use super::keys::{head_key, items};
use super::outcome::{Collected, ConfigOutcome};
use super::retained::{self, Progress, Stage};
use super::retention::{self, Names};
use super::{settings, snapshots, versions};
use crate::names::NamespaceName;
use crate::stop::Stop;
use crate::version::Version;

/// About so many rows are looked at by one step, however many it may.
pub(super) const ROWS_A_STEP_MAX: u32 = 1_000;

/// Does one step.
pub(crate) fn collect_step(
    transaction: &mut Transaction<'_>,
    step: &CollectStep,
    now_ms: i64,
) -> Result<ConfigOutcome, Stop> {
    let CollectStep { namespace, rows_max } = step;
    let head = Head::find(transaction, namespace)?.ok_or_else(|| not_found(namespace))?;
    let rows_max = (*rows_max).clamp(1, ROWS_A_STEP_MAX) as usize;
    let of = Of { namespace, head: &head, rows_max, now_ms };
    let progress = Progress::of(transaction.view(), namespace)?;
    let floor = progress.floor;
    let (after, collected) = match progress.stage.clone() {
        Stage::Idle => begin(transaction, of, Version::ZERO)?,
        Stage::Rested => begin(transaction, of, floor)?,
        // It was not noted what is kept.
        Stage::Dropping | Stage::Sweeping(_) => drop_versions(transaction, of, (Version::ZERO, floor))?,
        Stage::DroppingFrom(from) => drop_versions(transaction, of, (from, floor))?,
        Stage::SweepingFrom(place) => sweep(transaction, of, (floor, place))?,
    };
    if after != progress {
        after.write(transaction, namespace);
    }
    Ok(ConfigOutcome::Collected(collected))
}

/// What is collected, and how.
#[derive(Clone, Copy)]
struct Of<'a> {
    namespace: &'a NamespaceName,
    head: &'a Head,
    rows_max: usize,
    now_ms: i64,
}

/// Raises the floor: what is below it, and not named, is dropped from here on. Which versions older than `from` are
/// kept is noted.
fn begin(
    transaction: &mut Transaction<'_>,
    of: Of<'_>,
    from: Version,
) -> Result<(Progress, Collected), Stop> {
    let view = transaction.view();
    let oldest = versions::oldest_kept(view, of.namespace, of.head)?;
    let floor = retention::floor(view, of.namespace, of.head, of.now_ms)?;
    let (progress, collected) = drop_versions(transaction, of, (from, floor))?;
    let all_seen = matches!(progress.stage, Stage::SweepingFrom(_));
    if floor == oldest && collected.versions == 0 && all_seen {
        return Ok((Progress { floor, stage: Stage::Rested }, Collected::default()));
    }
    Ok((progress, collected))
}

/// Drops versions from `from` on, and those before it that are named no longer.
fn drop_versions(
    transaction: &mut Transaction<'_>,
    of: Of<'_>,
    (from, floor): (Version, Version),
) -> Result<(Progress, Collected), Stop> {
    let (view, namespace) = (transaction.view(), of.namespace);
    let noted = retained::noted(view, namespace)?;
    let more = versions::kept_between(view, namespace, (from, floor), of.rows_max)?;
    let is_last = more.len() < of.rows_max;
    let next = if is_last { floor } else { more.last().map_or(floor, |(version, _)| version.next()) };
    let mut kept = [noted.as_slice(), &more].concat();
    let until = versions::first_kept_from(view, namespace, next)?.unwrap_or(Revision::MAX);
    let gone = Names::of(view, namespace, &snapshots::all(view)?)?.without_name(&kept, until);
    for version in &gone {
        versions::forget(transaction, namespace, *version);
    }
    kept.retain(|(version, _)| gone.binary_search(version).is_err());
    if kept != noted {
        retained::note(transaction, namespace, &kept);
    }
    let stage = if is_last { Stage::SweepingFrom(Place::default()) } else { Stage::DroppingFrom(next) };
    Ok((Progress { floor, stage }, Collected { versions: gone.len() as u64, rows: 0, more: true }))
}

/// Removes what only versions needed that were dropped: first of the head, then of the items.
fn sweep(
    transaction: &mut Transaction<'_>,
    of: Of<'_>,
    (floor, place): (Version, Place),
) -> Result<(Progress, Collected), Stop> {
    let (view, namespace) = (transaction.view(), of.namespace);
    let (heads, all_items) = (KeyRange::single(head_key(namespace)), items(namespace, ""));
    let floor_revision = versions::revision_of(view, namespace, of.head, floor)?;
    transaction.raise_floor(&heads, floor_revision)?;
    transaction.raise_floor(&all_items, floor_revision)?;
    let points = points(view, namespace)?;
    let (mut place, mut done) = (place, Collection::default());
    if place.key.is_empty() || place.key == heads.start {
        let query = CollectQuery {
            range: &heads,
            within: place.within.as_ref(),
            floor: floor_revision,
            points: &points,
            rows_max: of.rows_max,
        };
        done = transaction.collect(&query)?;
        if done.next.is_some() {
            return Ok(swept(floor, done.rows, done.next));
        }
        place = Place { key: all_items.start, within: None };
    }
    let is_over = floor == of.head.version
        && retention::is_over(of.head, settings::retention(view, namespace)?, of.now_ms);
    let query = CollectQuery {
        range: &KeyRange::new(place.key, all_items.end),
        within: place.within.as_ref(),
        // Then not even the deletion needs to be told any longer.
        floor: if is_over { floor_revision.next() } else { floor_revision },
        points: &points,
        rows_max: of.rows_max.saturating_sub(done.seen).max(1),
    };
    let rest = transaction.collect(&query)?;
    Ok(swept(floor, done.rows + rest.rows, rest.next))
}

fn swept(floor: Version, rows: usize, next: Option<Place>) -> (Progress, Collected) {
    let more = next.is_some();
    let stage = next.map_or(Stage::Rested, Stage::SweepingFrom);
    (Progress { floor, stage }, Collected { versions: 0, rows: rows as u64, more })
}

/// The revisions below the floor that stay readable, ascending: those of the versions that are kept, and those
/// of the snapshots themselves.
fn points(view: &dyn ReadMap, namespace: &NamespaceName) -> Result<Vec<Revision>, MapError> {
    let kept = retained::noted(view, namespace)?;
    let mut points: Vec<_> = kept.into_iter().map(|(_, revision)| revision).collect();
    points.extend(snapshots::revisions_of(&snapshots::all(view)?, namespace));
    points.sort_unstable();
    points.dedup();
    Ok(points)
}
