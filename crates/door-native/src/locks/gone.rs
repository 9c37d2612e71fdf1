//! Why a ticket is there no more: read from the node's own state, which has come as far as what was told of it.

use conclave_core::lease;
use conclave_core::lock::{self, Extent, ForcedRelease};
use conclave_core::{FencingToken, LeaseId, LockName};
use conclave_mvcc::{MapError, ReadMap};
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

impl Gone {
    /// Why a session's ticket is gone, which was granted with this token if it was.
    pub(super) fn read(
        view: &dyn ReadMap,
        name: &LockName,
        session: LeaseId,
        token: Option<FencingToken>,
    ) -> Result<Self, MapError> {
        if let Some(forced) = token.map(|token| forced(view, name, token)).transpose()?.flatten() {
            return Ok(Self::Forced(forced));
        }
        let ended = lease::get(view, session)?.is_none();
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

/// The release by force that took a grant; none if it was not the last one of its lock.
pub(super) fn forced(
    view: &dyn ReadMap,
    name: &LockName,
    token: FencingToken,
) -> Result<Option<ForcedRelease>, MapError> {
    let last = lock::get(view, name, FORCED)?.and_then(|lock| lock.forced);
    Ok(last.filter(|forced| forced.token == token))
}
