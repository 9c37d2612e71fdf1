//! The clock of leases for one term, and how far it has followed the store.

use std::collections::HashSet;
use std::time::Duration;

use conclave_core::LeaseId;
use conclave_core::lease::{LeaseChange, LeaseInfo};
use conclave_mvcc::Revision;
use tokio::time::Instant;

use super::clock::LeaseClock;

/// The clock of the term in which this node leads.
pub(crate) struct Kept {
    pub(super) term: u64,
    pub(super) clock: LeaseClock,
    /// All that happened to leases up to here the clock was told.
    pub(super) told: Revision,
}

impl Kept {
    /// What happened to leases at a revision.
    pub(super) fn happened(&mut self, changes: Vec<LeaseChange>, revision: Revision, now: Instant) {
        for change in changes {
            match change {
                LeaseChange::Is(lease) => self.clock.know(&lease, Duration::ZERO, now),
                LeaseChange::Ended(id) => self.clock.forget(id),
            }
        }
        self.told = revision;
    }

    /// These leases there are at a revision, and no others.
    pub(super) fn are(&mut self, leases: &[LeaseInfo], revision: Revision, now: Instant) {
        let there: HashSet<LeaseId> = leases.iter().map(|lease| lease.id).collect();
        self.clock.retain(|id| there.contains(&id));
        leases.iter().for_each(|lease| self.clock.know(lease, Duration::ZERO, now));
        self.told = revision;
    }

    /// Renews a lease, which there was at the revision `seen`, as of `asked`; gives its TTL in milliseconds. None: it
    /// has ended since, or is being ended.
    pub(super) fn renew(&mut self, lease: &LeaseInfo, seen: Revision, asked: Instant) -> Option<u64> {
        if !self.clock.knows(lease.id) {
            if seen <= self.told {
                return None;
            }
            // It was made a moment ago, and the clock was not told yet.
            self.clock.know(lease, Duration::ZERO, Instant::now());
        }
        self.clock.renew(lease.id, asked)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn lease(number: u64) -> LeaseInfo {
        LeaseInfo {
            id: LeaseId::new(number).unwrap(),
            ttl_ms: 1_000,
            remaining_ms: None,
            owner: String::new(),
            metadata: BTreeMap::new(),
            granted_ms: 0,
        }
    }

    fn kept(told: u64) -> Kept {
        Kept { term: 1, clock: LeaseClock::new(Instant::now()), told: Revision::new(told) }
    }

    #[test]
    fn one_that_was_made_a_moment_ago_is_renewed_before_it_is_told() {
        let (mut kept, now) = (kept(9), Instant::now());
        assert_eq!(kept.renew(&lease(1), Revision::new(10), now), Some(1_000));
        kept.happened(vec![LeaseChange::Is(lease(1))], Revision::new(10), now);
        assert_eq!(kept.renew(&lease(1), Revision::new(10), now), Some(1_000));
    }

    #[test]
    fn one_that_has_ended_since_it_was_seen_is_not() {
        let (mut kept, now) = (kept(9), Instant::now());
        kept.happened(vec![LeaseChange::Is(lease(1))], Revision::new(10), now);
        kept.happened(vec![LeaseChange::Ended(lease(1).id)], Revision::new(11), now);
        assert_eq!(kept.renew(&lease(1), Revision::new(10), now), None);
        assert_eq!(kept.clock.len(), 0, "nor is it known again");
        kept.are(&[lease(2)], Revision::new(12), now);
        assert_eq!(kept.renew(&lease(1), Revision::new(12), now), None);
        assert_eq!(kept.renew(&lease(2), Revision::new(12), now), Some(1_000));
    }
}
