//! Whether a commit or a creation would use more than is allowed. Rollbacks and deletions are never refused:
//! whoever has to go back must be able to.

use conclave_mvcc::Transaction;

use super::head::Pace;
use super::outcome::Usage;
use super::settings;
use crate::names::NamespaceName;
use crate::rejection::{QuotaKind, Rejection};
use crate::stop::Stop;

const MINUTE_MS: i64 = 60_000;
/// A stamp may lie so many minutes before the one before it and still be of the same minute: a request may wait so
/// long for a leader, and clocks differ a little. One further back is of another clock, which begins anew: had the
/// one before it been ahead, its minute would not end for long.
const MINUTES_BACK_MAX: i64 = 1;

impl Pace {
    /// One version more, with this stamp.
    pub(crate) fn step(self, stamp_ms: i64) -> Self {
        let minute = stamp_ms.div_euclid(MINUTE_MS);
        if (self.minute - MINUTES_BACK_MAX..=self.minute).contains(&minute) {
            return Self { versions: self.versions.saturating_add(1), ..self };
        }
        Self { minute, versions: 1 }
    }

    /// How long after the stamp its minute ends.
    fn ends_after_ms(self, stamp_ms: i64) -> u64 {
        let end_ms = self.minute.saturating_add(1).saturating_mul(MINUTE_MS);
        u64::try_from(end_ms.saturating_sub(stamp_ms)).unwrap_or(0)
    }
}

/// Refuses a version after which the namespace would hold more than it may, or do more if its pace counts.
pub(crate) fn check(
    transaction: &mut Transaction<'_>,
    namespace: &NamespaceName,
    usage: (Usage, Usage),
    pace: Option<(Pace, i64)>,
) -> Result<(), Stop> {
    let quota = settings::quota(transaction, namespace)?;
    let (before, after) = usage;
    let grown = |kind, before, after, allowed: Option<u64>| match allowed {
        // What is above a quota that was lowered since may still shrink.
        Some(allowed) if allowed > 0 && after > allowed && after > before => {
            Err(exceeded(namespace.as_str(), kind, (after, allowed)))
        }
        _ => Ok(()),
    };
    grown(QuotaKind::Items, before.items, after.items, quota.items_max)?;
    grown(QuotaKind::SizeBytes, before.size_bytes, after.size_bytes, quota.size_bytes_max)?;
    match pace.zip(quota.versions_per_minute_max) {
        Some(((pace, stamp_ms), allowed)) if allowed > 0 && pace.versions > allowed => {
            Err(Stop::Rejected(Rejection::QuotaExceeded {
                namespace: namespace.to_string(),
                quota: QuotaKind::VersionsPerMinute,
                used: pace.versions.into(),
                allowed: allowed.into(),
                retry_after_ms: pace.ends_after_ms(stamp_ms),
            }))
        }
        _ => Ok(()),
    }
}

/// Refuses another namespace if there are as many as may be.
pub(crate) fn check_namespaces(transaction: &Transaction<'_>, living: u64) -> Result<(), Stop> {
    match settings::defaults(transaction.view())?.namespaces_max {
        Some(allowed) if allowed > 0 && living >= allowed => {
            Err(exceeded("", QuotaKind::Namespaces, (living + 1, allowed)))
        }
        _ => Ok(()),
    }
}

pub(crate) fn exceeded(namespace: &str, quota: QuotaKind, (used, allowed): (u64, u64)) -> Stop {
    let namespace = namespace.to_owned();
    Stop::Rejected(Rejection::QuotaExceeded { namespace, quota, used, allowed, retry_after_ms: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_counted_by_the_minute() {
        let first = Pace::default().step(60_000);
        let second = first.step(119_999);
        assert_eq!((first.versions, second.versions, second.step(120_000).versions), (1, 2, 1));
    }

    #[test]
    fn a_minute_is_left_by_a_clock_that_is_far_behind_and_by_no_other() {
        let ahead = Pace::default().step(1_000_000_000);
        let late = ahead.step(1_000_000_000 - MINUTE_MS);
        assert_eq!(late, Pace { versions: 2, ..ahead });
        assert!(late.ends_after_ms(1_000_000_000 - MINUTE_MS) <= 2 * MINUTE_MS as u64);
        let right = late.step(1_000_000_000 - 3 * MINUTE_MS);
        assert_eq!((right.versions, right.step(1_000_000_000 - 3 * MINUTE_MS).versions), (1, 2));
    }
}
