//! Which versions of a namespace are kept.
//!
//! A version is kept if it is among the newest so many, or was the newest at some moment of the last so many
//! days, or if a tag or a snapshot names it. The newest is always kept. Once a namespace has been deleted for so many
//! days, nothing else is, and nothing of what the newest, which deleted it, deleted: nobody would make more versions,
//! so the count would keep them for ever.

use std::collections::BTreeSet;

use conclave_mvcc::{MapError, ReadMap, Revision};

use super::command::Retention;
use super::head::Head;
use super::snapshots::Snapshot;
use super::{settings, snapshots, tags, versions};
use crate::names::NamespaceName;
use crate::stop::Stop;
use crate::version::Version;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
/// So much the clocks of two leaders may differ without one of them being wrong.
const CLOCKS_DIFFER_MAX_MS: i64 = 60_000;

/// The oldest version of which all newer ones are to be kept, now. Never older than what is kept already.
pub(crate) fn floor(
    view: &dyn ReadMap,
    namespace: &NamespaceName,
    head: &Head,
    now_ms: i64,
) -> Result<Version, Stop> {
    let oldest = versions::oldest_kept(view, namespace, head)?;
    let retention = settings::retention(view, namespace)?;
    if is_over(head, retention, now_ms) {
        return Ok(head.version);
    }
    let Retention { versions, days } = retention;
    let by_count = head.version.get().saturating_sub(versions.unwrap_or(u64::MAX).saturating_sub(1));
    if by_count <= oldest.get() {
        return Ok(oldest);
    }
    let by_time = match days {
        Some(0) => head.version,
        days => newest_before(view, namespace, head, (oldest, Past::new(days.unwrap_or(u32::MAX), now_ms)))?,
    };
    Ok(Version::new(by_count).min(by_time))
}

/// Whether a namespace was deleted so long ago that it is to be forgotten. At least a day: a deletion can be undone.
pub(crate) fn is_over(head: &Head, retention: Retention, now_ms: i64) -> bool {
    let past = Past::new(retention.days.unwrap_or(u32::MAX).max(1), now_ms);
    head.deleted_namespace && past.time_of(head).is_some_and(|time_ms| time_ms <= past.until_ms)
}

/// The newest version that was made so long ago, from the oldest on that is kept; that one if it is not known.
fn newest_before(
    view: &dyn ReadMap,
    namespace: &NamespaceName,
    head: &Head,
    (oldest, past): (Version, Past),
) -> Result<Version, Stop> {
    if !past.holds(&versions::head_of(view, namespace, head, oldest)?) {
        return Ok(oldest);
    }
    let newest = versions::newest_that(view, namespace, head, (oldest, |then| past.holds(then)))?;
    let made_ms = past.time_of(&versions::head_of(view, namespace, head, newest)?);
    Ok(if made_ms.is_some() { newest } else { oldest })
}

/// What lies at least so many days back. The clock of a leader may have been wrong: then a version is kept longer,
/// and never shorter, if the stamps show it. They do not once a clock that is behind has come past the last stamp.
#[derive(Clone, Copy)]
struct Past {
    until_ms: i64,
    now_ms: i64,
}

impl Past {
    fn new(days: u32, now_ms: i64) -> Self {
        Self { until_ms: now_ms.saturating_sub(i64::from(days).saturating_mul(DAY_MS)), now_ms }
    }

    /// Whether a version is of the past. If it is not known, what comes after it decides.
    fn holds(self, then: &Head) -> bool {
        self.time_of(then).is_none_or(|time_ms| time_ms <= self.until_ms)
    }

    /// When a version was made, if that is known.
    fn time_of(self, then: &Head) -> Option<i64> {
        let Head { time_ms, stamp_ms, .. } = *then;
        if time_ms > self.now_ms {
            // A clock was ahead, of this version or of one before it: of this one its own stamp tells.
            return Some(stamp_ms).filter(|stamp_ms| *stamp_ms <= self.now_ms);
        }
        // Its own clock was behind: it is younger than what it stands after.
        Some(time_ms).filter(|time_ms| stamp_ms >= time_ms.saturating_sub(CLOCKS_DIFFER_MAX_MS))
    }
}

/// What names versions of a namespace, and so keeps them.
pub(crate) struct Names {
    /// Versions with a tag.
    tagged: BTreeSet<Version>,
    /// Revisions of snapshots, ascending: what was the newest then is kept, also a version that deleted the
    /// namespace. It would seem to have been there otherwise.
    snapshots: Vec<Revision>,
}

impl Names {
    /// Those of a namespace, by its tags and by all snapshots.
    pub(crate) fn of(
        view: &dyn ReadMap,
        namespace: &NamespaceName,
        snapshots: &[Snapshot],
    ) -> Result<Self, MapError> {
        let tagged = tags::tagged(view, namespace)?.into_iter().collect();
        Ok(Self { tagged, snapshots: snapshots::revisions_of(snapshots, namespace) })
    }

    /// Most versions that are named.
    pub(crate) fn count_max(&self) -> usize {
        self.tagged.len() + self.snapshots.len()
    }

    /// Those of these versions that nothing names. They are the ones that are kept, the oldest first, up to the
    /// one that was made at `until`; whatever a snapshot holds is one of them.
    pub(crate) fn without_name(&self, kept: &[(Version, Revision)], until: Revision) -> Vec<Version> {
        let ends = kept.iter().skip(1).map(|(_, revision)| *revision).chain([until]);
        let unnamed = kept.iter().zip(ends).filter(|((version, revision), end)| {
            let first = self.snapshots.partition_point(|snapshot| snapshot < revision);
            let in_snapshot = self.snapshots.get(first).is_some_and(|snapshot| snapshot < end);
            !in_snapshot && !self.tagged.contains(version)
        });
        unnamed.map(|((version, _), _)| *version).collect()
    }
}

/// How many versions may wait to be dropped, so that not every commit begins a sweep: a tenth of what is kept. None
/// once there are no more commits.
pub(crate) fn slack(view: &dyn ReadMap, namespace: &NamespaceName, head: &Head) -> Result<u64, MapError> {
    if head.deleted_namespace {
        return Ok(1);
    }
    let versions = settings::retention(view, namespace)?.versions.unwrap_or(0);
    Ok((versions / 10).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_the_newest_at_a_snapshot_is_named() {
        let kept = [(1, 10), (2, 20), (5, 50), (6, 60)]
            .map(|(version, revision)| (Version::new(version), Revision::new(revision)));
        let without_name = |tagged: &[u64], snapshots: &[u64]| {
            let tagged = tagged.iter().copied().map(Version::new).collect();
            let names = Names { tagged, snapshots: snapshots.iter().copied().map(Revision::new).collect() };
            names.without_name(&kept, Revision::new(70)).into_iter().map(Version::get).collect::<Vec<_>>()
        };
        assert_eq!(without_name(&[], &[]), [1, 2, 5, 6]);
        assert_eq!(without_name(&[2, 9], &[]), [1, 5, 6]);
        assert_eq!(without_name(&[], &[9, 10, 49, 50, 70]), [6]);
        assert_eq!(without_name(&[1], &[19, 69]), [2, 5]);
    }
}
