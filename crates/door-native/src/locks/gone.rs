//! Why a ticket is there no more: read from the node's own state, which has come as far as what was told of it.

use conclave_core::lease;
use conclave_core::lock::{self, Extent, ForcedRelease, Granted, Mode};
use conclave_core::{LeaseId, LockName};
use conclave_mvcc::{MapError, ReadMap, Revision};
use conclave_proto::lock::v1 as wire;

use crate::lock_wire;

/// Reads of a lock only its last release by force.
const FORCED: Extent = Extent { holders_max: 0, waiters_max: 0, with_forced: true };

/// Why a ticket is there no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Gone {
    /// It was released, or given up.
    Released,
    /// Its session has ended.
    SessionEnded,
    /// The lock was taken by force.
    Forced(ForcedRelease),
}

/// A ticket that is there no more.
#[derive(Debug, Clone)]
pub(super) struct Passed {
    pub(super) name: LockName,
    pub(super) session: LeaseId,
    pub(super) mode: Mode,
    /// The grant, if there was one.
    pub(super) granted: Option<Granted>,
    /// The revision at which the grant ended, if that was seen.
    pub(super) ended: Option<Revision>,
}

impl Gone {
    /// Why a ticket is there no more.
    pub(super) fn read(view: &dyn ReadMap, passed: &Passed) -> Result<Self, MapError> {
        let forced = last_forced(view, &passed.name)?;
        let forced = forced.filter(|forced| passed.granted.is_some_and(|granted| passed.by(granted, forced)));
        if let Some(forced) = forced {
            return Ok(Self::Forced(forced));
        }
        let ended = lease::get(view, passed.session)?.is_none();
        Ok(if ended { Self::SessionEnded } else { Self::Released })
    }

    pub(super) fn into_lost(self) -> wire::Lost {
        let (reason, forced_release) = self.into_parts();
        wire::Lost { reason: reason.into(), forced_release }
    }

    pub(super) fn into_parts(self) -> (wire::LostReason, Option<wire::ForcedRelease>) {
        match self {
            Self::Released => (wire::LostReason::Released, None),
            Self::SessionEnded => (wire::LostReason::SessionEnded, None),
            Self::Forced(forced) => (wire::LostReason::Forced, Some(lock_wire::forced_release(forced))),
        }
    }
}

impl Passed {
    /// Whether a release by force took the grant. Of several that it took it names the one with the greatest token: so
    /// it is told by the revision at which they ended, and where that was not seen, it is inferred.
    fn by(&self, granted: Granted, forced: &ForcedRelease) -> bool {
        if let Some(ended) = self.ended {
            return forced.revision == ended;
        }
        let alone = self.mode == Mode::Exclusive;
        let among = !alone && forced.token > granted.token && forced.time_ms >= granted.since_ms;
        forced.token == granted.token || among
    }
}

/// The last release of a lock by force; none if there was none, or it is forgotten.
pub(super) fn last_forced(view: &dyn ReadMap, name: &LockName) -> Result<Option<ForcedRelease>, MapError> {
    Ok(lock::get(view, name, FORCED)?.and_then(|lock| lock.forced))
}

#[cfg(test)]
mod tests {
    use conclave_core::FencingToken;

    use super::*;

    fn passed(mode: Mode) -> Passed {
        let (name, session) = (LockName::parse("a").unwrap(), LeaseId::new(9).unwrap());
        Passed { name, session, mode, granted: None, ended: None }
    }

    #[test]
    fn whoever_shares_is_taken_from_together() {
        let granted = Granted { token: FencingToken::new(7), since_ms: 10 };
        let forced = |token, time_ms| ForcedRelease {
            token: FencingToken::new(token),
            owner: String::new(),
            session: LeaseId::new(9).unwrap(),
            author: String::new(),
            reason: "stuck".into(),
            time_ms,
            revision: Revision::new(20),
        };
        let (alone, shared) = (passed(Mode::Exclusive), passed(Mode::Shared));
        assert!(alone.by(granted, &forced(7, 11)) && shared.by(granted, &forced(7, 11)));
        assert!(!alone.by(granted, &forced(8, 11)), "it was another's by then");
        assert!(shared.by(granted, &forced(8, 11)));
        assert!(!shared.by(granted, &forced(8, 9)), "it was before the grant");
        assert!(!shared.by(granted, &forced(6, 11)), "only an older one was taken");
        let seen = |revision| Passed { ended: Some(Revision::new(revision)), ..passed(Mode::Shared) };
        assert!(seen(20).by(granted, &forced(8, 11)));
        assert!(!seen(19).by(granted, &forced(8, 11)), "it had ended before");
        assert!(!seen(21).by(granted, &forced(8, 11)), "only another one was taken");
    }
}
