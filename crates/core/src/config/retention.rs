//! Which versions of a namespace are kept.
//!
//! A version is kept if it is among the newest so many, or was the newest at some moment of the last so many
//! days, or if a tag or a snapshot names it. The newest is always kept.

use std::collections::BTreeSet;

use conclave_mvcc::{MapError, ReadMap, Revision};

use super::command::Retention;
use super::head::Head;
use super::snapshots::Snapshot;
use super::stop::Stop;
use super::{settings, snapshots, tags, versions};
use crate::names::NamespaceName;
use crate::version::Version;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// The oldest version of which all newer ones are to be kept. Never older than what is kept now.
pub(crate) fn floor(
    view: &dyn ReadMap,
    namespace: &NamespaceName,
    head: &Head,
    time_ms: i64,
) -> Result<Version, Stop> {
    let oldest = versions::oldest_kept(view, namespace, head)?;
    let Retention { versions, days } = settings::retention(view, namespace)?;
    let by_count = head.version.get().saturating_sub(versions.unwrap_or(u64::MAX).saturating_sub(1));
    if by_count <= oldest.get() {
        return Ok(oldest);
    }
    let cutoff_ms = time_ms.saturating_sub(i64::from(days.unwrap_or(u32::MAX)).saturating_mul(DAY_MS));
    if versions::time_of(view, namespace, head, oldest)? > cutoff_ms {
        return Ok(oldest);
    }
    let by_time = versions::newest_by(view, namespace, head, (oldest, cutoff_ms))?;
    Ok(Version::new(by_count).min(by_time))
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

/// How many versions may wait to be dropped, so that not every commit begins a sweep: a tenth of what is kept.
pub(crate) fn slack(view: &dyn ReadMap, namespace: &NamespaceName) -> Result<u64, MapError> {
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
