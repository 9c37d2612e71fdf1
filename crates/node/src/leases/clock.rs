//! The leader's clock of leases: when each of them ends unless it is renewed.
//!
//! Its time goes on only while the node is known to lead, and never by more than [`STEP_MAX`] at once: while a node was
//! paused, or cut off from the others, nobody could renew at it, so that time counts against nobody. A lease may live
//! too long by that, never too short.
//!
//! A function of what it is told: it reads no clock itself.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use conclave_core::LeaseId;
use conclave_core::lease::LeaseInfo;
use tokio::time::Instant;

/// The most by which time goes on at once.
pub(super) const STEP_MAX: Duration = Duration::from_millis(500);
/// Of leases that live no longer than this, what is left is not noted: a new leader lets them live their whole TTL.
const NOTED_TTL_MIN_MS: u64 = 60_000;
/// What is left is noted anew when it has become less by this.
const NOTED_STEP_MS: u64 = 60_000;

/// When leases end.
pub(super) struct LeaseClock {
    /// The present, in milliseconds of this clock.
    now_ms: u64,
    /// When that was.
    read_at: Instant,
    leases: HashMap<LeaseId, Timed>,
    /// The leases that have not ended, the next to end first.
    order: BTreeSet<(u64, LeaseId)>,
}

struct Timed {
    ttl_ms: u64,
    ends_ms: u64,
    /// What was left when it was last noted; the whole TTL if it was renewed since, or never noted.
    noted_ms: u64,
    /// It is being ended: it cannot be renewed any more.
    ending: bool,
}

impl LeaseClock {
    pub(super) fn new(now: Instant) -> Self {
        Self { now_ms: 0, read_at: now, leases: HashMap::new(), order: BTreeSet::new() }
    }

    /// Time goes on to `now`, at which the node led.
    pub(super) fn advance(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.read_at).min(STEP_MAX);
        self.now_ms += millis(passed);
        self.read_at = self.read_at.max(now);
    }

    /// Knows a lease from now on, which has as much left as was noted and `grace` beyond. One that is known stays as
    /// it is, but for a TTL that differs.
    pub(super) fn know(&mut self, lease: &LeaseInfo, grace: Duration, now: Instant) {
        if let Some(known) = self.leases.get_mut(&lease.id) {
            known.ttl_ms = lease.ttl_ms;
            return;
        }
        let ends_ms = self.reading(now).saturating_add(lease.left_ms()).saturating_add(millis(grace));
        let timed = Timed { ttl_ms: lease.ttl_ms, ends_ms, noted_ms: lease.left_ms(), ending: false };
        self.leases.insert(lease.id, timed);
        self.order.insert((ends_ms, lease.id));
    }

    /// Forgets a lease, which has ended.
    pub(super) fn forget(&mut self, id: LeaseId) {
        if let Some(timed) = self.leases.remove(&id) {
            self.order.remove(&(timed.ends_ms, id));
        }
    }

    /// Forgets all leases but these.
    pub(super) fn retain(&mut self, is_there: impl Fn(LeaseId) -> bool) {
        let gone: Vec<_> = self.leases.keys().copied().filter(|id| !is_there(*id)).collect();
        gone.into_iter().for_each(|id| self.forget(id));
    }

    /// Renews a lease at `now`; gives its TTL in milliseconds. None: it is not known, or is being ended.
    pub(super) fn renew(&mut self, id: LeaseId, now: Instant) -> Option<u64> {
        let reading = self.reading(now);
        let timed = self.leases.get_mut(&id).filter(|timed| !timed.ending)?;
        self.order.remove(&(timed.ends_ms, id));
        timed.ends_ms = timed.ends_ms.max(reading.saturating_add(timed.ttl_ms));
        timed.noted_ms = timed.ttl_ms;
        self.order.insert((timed.ends_ms, id));
        Some(timed.ttl_ms)
    }

    /// What is left of a lease at `now`, in milliseconds. None: it is not known.
    pub(super) fn left_ms(&self, id: LeaseId, now: Instant) -> Option<u64> {
        self.leases.get(&id).map(|timed| timed.ends_ms.saturating_sub(self.reading(now)).min(timed.ttl_ms))
    }

    /// Leases whose time is over, at most so many: they cannot be renewed from now on.
    pub(super) fn take_due(&mut self, leases_max: usize) -> Vec<LeaseId> {
        let due = self.order.iter().take_while(|(ends_ms, _)| *ends_ms <= self.now_ms);
        let due: Vec<_> = due.take(leases_max).copied().collect();
        for (ends_ms, id) in &due {
            self.order.remove(&(*ends_ms, *id));
            if let Some(timed) = self.leases.get_mut(id) {
                timed.ending = true;
            }
        }
        due.into_iter().map(|(_, id)| id).collect()
    }

    /// They could not be ended now: they are due again.
    pub(super) fn put_back(&mut self, ids: &[LeaseId]) {
        for id in ids {
            if let Some(timed) = self.leases.get_mut(id).filter(|timed| timed.ending) {
                timed.ending = false;
                timed.ends_ms = self.now_ms;
                self.order.insert((timed.ends_ms, *id));
            }
        }
    }

    /// Long leases of which clearly less is left than was noted.
    pub(super) fn to_note(&self) -> Vec<LeaseId> {
        self.leases.iter().filter(|(_, timed)| self.is_to_be_noted(timed)).map(|(id, _)| *id).collect()
    }

    /// Those of them of which that is still so, and what is left of them in milliseconds: they count as noted.
    pub(super) fn note(&mut self, ids: &[LeaseId]) -> Vec<(LeaseId, u64)> {
        let mut noted = Vec::with_capacity(ids.len());
        for id in ids {
            let Some(timed) = self.leases.get(id).filter(|timed| self.is_to_be_noted(timed)) else {
                continue;
            };
            let left_ms = self.left_of(timed);
            noted.push((*id, left_ms));
            self.leases.entry(*id).and_modify(|timed| timed.noted_ms = left_ms);
        }
        noted
    }

    fn is_to_be_noted(&self, timed: &Timed) -> bool {
        let is_long = timed.ttl_ms > NOTED_TTL_MIN_MS && !timed.ending;
        is_long && self.left_of(timed).saturating_add(NOTED_STEP_MS) <= timed.noted_ms
    }

    fn left_of(&self, timed: &Timed) -> u64 {
        timed.ends_ms.saturating_sub(self.now_ms)
    }

    /// Whether it knows a lease.
    pub(super) fn knows(&self, id: LeaseId) -> bool {
        self.leases.contains_key(&id)
    }

    /// How many leases it knows.
    pub(super) fn len(&self) -> usize {
        self.leases.len()
    }

    /// The clock at `now`, had it gone on without a break: never before what it will show then.
    fn reading(&self, now: Instant) -> u64 {
        self.now_ms.saturating_add(millis(now.saturating_duration_since(self.read_at)))
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn id(number: u64) -> LeaseId {
        LeaseId::new(number).unwrap()
    }

    fn lease(number: u64, ttl_ms: u64, remaining_ms: Option<u64>) -> LeaseInfo {
        let (owner, metadata) = (String::new(), BTreeMap::new());
        LeaseInfo { id: id(number), ttl_ms, remaining_ms, owner, metadata, granted_ms: 0 }
    }

    /// A clock, and the moment at which it began.
    struct Ticking {
        clock: LeaseClock,
        began: Instant,
    }

    impl Ticking {
        fn new() -> Self {
            let began = Instant::now();
            Self { clock: LeaseClock::new(began), began }
        }

        fn at(&self, ms: u64) -> Instant {
            self.began + Duration::from_millis(ms)
        }

        /// Ticks every 100 ms from one moment to another, and gives who was due.
        fn run(&mut self, from_ms: u64, to_ms: u64) -> Vec<LeaseId> {
            let mut due = Vec::new();
            for ms in (from_ms..=to_ms).step_by(100) {
                self.clock.advance(self.at(ms));
                due.extend(self.clock.take_due(10));
            }
            due
        }

        fn note(&mut self) -> Vec<(LeaseId, u64)> {
            let ids = self.clock.to_note();
            self.clock.note(&ids)
        }
    }

    #[test]
    fn of_what_was_renewed_meanwhile_nothing_is_noted() {
        let mut ticking = Ticking::new();
        ticking.clock.know(&lease(1, 180_000, None), Duration::ZERO, ticking.began);
        ticking.run(0, 60_000);
        assert_eq!(ticking.clock.to_note(), [id(1)]);
        ticking.clock.renew(id(1), ticking.at(60_000));
        assert_eq!(ticking.clock.note(&[id(1), id(9)]), []);
    }

    #[test]
    fn a_lease_ends_when_it_was_not_renewed_for_its_ttl() {
        let mut ticking = Ticking::new();
        let (first, second) = (lease(1, 1_000, None), lease(2, 1_000, None));
        ticking.clock.know(&first, Duration::ZERO, ticking.began);
        ticking.clock.know(&second, Duration::ZERO, ticking.began);
        assert_eq!(ticking.run(0, 500), []);
        let at = ticking.at(550);
        assert_eq!(ticking.clock.renew(id(1), at), Some(1_000));
        assert_eq!(ticking.clock.left_ms(id(1), at), Some(1_000));
        assert_eq!(ticking.run(600, 1_500), [id(2)]);
        assert_eq!(ticking.clock.renew(id(2), ticking.at(1_500)), None, "it is being ended");
        assert_eq!(ticking.run(1_600, 1_600), [id(1)], "not before 1,000 ms after it was renewed at 550");
        assert_eq!(ticking.clock.renew(id(3), ticking.at(1_600)), None);
    }

    #[test]
    fn a_pause_ends_nobody() {
        let mut ticking = Ticking::new();
        ticking.clock.know(&lease(1, 1_000, None), Duration::ZERO, ticking.began);
        assert_eq!(ticking.run(0, 300), []);
        // Ten seconds nobody could renew: the step counts for half a second.
        assert_eq!(ticking.run(10_300, 10_400), []);
        assert_eq!(ticking.clock.renew(id(1), ticking.at(10_450)), Some(1_000));
        assert_eq!(ticking.run(10_500, 11_400), []);
        assert_eq!(ticking.run(11_500, 11_500), [id(1)]);
    }

    #[test]
    fn what_is_renewed_between_two_ticks_lives_its_whole_ttl_from_there() {
        let mut ticking = Ticking::new();
        ticking.clock.know(&lease(1, 1_000, None), Duration::ZERO, ticking.began);
        ticking.clock.advance(ticking.at(100));
        // Long after the last tick: the clock will go on by less than has passed, not by more.
        assert_eq!(ticking.clock.renew(id(1), ticking.at(900)), Some(1_000));
        ticking.clock.advance(ticking.at(900));
        assert_eq!(ticking.run(1_000, 1_800), []);
    }

    #[test]
    fn what_could_not_be_ended_is_due_again_and_can_be_renewed_meanwhile() {
        let mut ticking = Ticking::new();
        ticking.clock.know(&lease(1, 1_000, None), Duration::ZERO, ticking.began);
        assert_eq!(ticking.run(0, 1_000), [id(1)]);
        assert_eq!(ticking.run(1_100, 1_200), [], "once is enough");
        ticking.clock.put_back(&[id(1), id(9)]);
        assert_eq!(ticking.run(1_300, 1_300), [id(1)]);
        ticking.clock.put_back(&[id(1)]);
        assert_eq!(ticking.clock.renew(id(1), ticking.at(1_300)), Some(1_000));
        assert_eq!(ticking.run(1_400, 2_200), []);
        ticking.clock.forget(id(1));
        assert_eq!((ticking.clock.len(), ticking.run(2_300, 9_000)), (0, vec![]));
    }

    #[test]
    fn only_of_long_leases_it_is_noted_what_is_left_and_again_once_it_is_less() {
        let mut ticking = Ticking::new();
        for lease in [lease(1, 60_000, None), lease(2, 180_000, None), lease(3, 180_000, Some(100_000))] {
            ticking.clock.know(&lease, Duration::ZERO, ticking.began);
        }
        ticking.run(0, 59_900);
        assert_eq!(ticking.note(), []);
        ticking.run(60_000, 60_000);
        let mut noted = ticking.note();
        noted.sort();
        assert_eq!(noted, [(id(2), 120_000), (id(3), 40_000)]);
        assert_eq!(ticking.note(), []);
        ticking.clock.renew(id(2), ticking.at(60_000));
        ticking.run(60_100, 119_900);
        assert_eq!(ticking.note(), [], "it was renewed");
        ticking.run(120_000, 120_000);
        assert_eq!(ticking.note(), [(id(2), 120_000)]);
    }

    #[test]
    fn a_new_leader_goes_on_with_what_was_left() {
        let mut ticking = Ticking::new();
        let began = ticking.began;
        ticking.clock.know(&lease(1, 90_000, Some(2_000)), Duration::from_secs(1), began);
        assert_eq!(ticking.run(0, 2_900), []);
        assert_eq!(ticking.run(3_000, 3_000), [id(1)]);
        ticking.clock.retain(|_| false);
        assert_eq!(ticking.clock.len(), 0);
    }
}
