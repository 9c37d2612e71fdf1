//! What the leader answers about leases: renewals, and how much is left.
//!
//! It answers only once a majority has confirmed, after it was asked, that it leads: whoever is elected later gives
//! each lease its time anew, and so keeps the promise. Whether a lease is there the state tells, not the clock.

use std::collections::HashSet;
use std::sync::Arc;

use conclave_core::LeaseId;
use conclave_core::lease::{self, CheckpointLeases, LeaseCommand, LeaseInfo};
use conclave_mvcc::{MapError, ReadMap, Revision, newest_present};
use conclave_raft::{KeepLeases, KeptLeases};
use tokio::time::Instant;

use super::keeper::{NOTED_AT_ONCE_MAX, propose};
use crate::alarms::Alarm;
use crate::blocking::read_state;
use crate::handle::Shared;

/// Renews leases and tells what is left, if this node surely leads and keeps the clock.
pub(crate) async fn keep(
    shared: &Arc<Shared>,
    request: &KeepLeases,
    deadline: Instant,
) -> Option<KeptLeases> {
    if shared.is_raised(Alarm::Corrupt) {
        return None;
    }
    let asked = Instant::now();
    let leading = shared.consensus.confirm_leading(deadline).await.ok()?;
    shared.consensus.wait_applied(leading.index, deadline).await.ok()?;
    if shared.leases.lock().as_ref().map(|kept| kept.term) != Some(leading.term) {
        return None;
    }
    // What is noted meanwhile would be noted after it was renewed.
    let _apart = shared.noting.read().await;
    let Read { renewed, told, seen } = read(shared, request).await?;
    restore_whole_ttl(shared, leading.term, &renewed).await?;
    let mut leases = shared.leases.lock();
    let kept = leases.as_mut().filter(|kept| kept.term == leading.term)?;
    let now = Instant::now();
    let ttl_ms = renewed.iter().map(|lease| kept.renew(lease.as_ref()?, seen, asked)).collect();
    let clock = &kept.clock;
    let left = |lease: LeaseInfo| clock.left_ms(lease.id, now).unwrap_or_else(|| lease.left_ms());
    let left_ms = told.into_iter().map(|lease| lease.map(left)).collect();
    Some(KeptLeases { ttl_ms, left_ms })
}

type Found = Vec<Option<LeaseInfo>>;

/// The leases that are there.
struct Read {
    renewed: Found,
    told: Found,
    /// As of when.
    seen: Revision,
}

async fn read(shared: &Arc<Shared>, request: &KeepLeases) -> Option<Read> {
    let request = request.clone();
    let reading = read_state(shared, move |view| {
        let (renewed, told) = (find(view, &request.renew)?, find(view, &request.ask)?);
        Ok::<_, MapError>(Read { renewed, told, seen: newest_present(view)? })
    });
    match reading.await {
        Ok(Ok(found)) => Some(found),
        Ok(Err(error)) => {
            tracing::error!(%error, "leases cannot be read");
            None
        }
        Err(error) => {
            tracing::warn!(%error, "reading leases was cut short");
            None
        }
    }
}

fn find(view: &dyn ReadMap, ids: &[LeaseId]) -> Result<Found, MapError> {
    ids.iter().map(|id| lease::get(view, *id)).collect()
}

/// Of leases of which less was noted, the whole TTL is noted before they count as renewed: the next leader would give
/// them too little otherwise.
async fn restore_whole_ttl(shared: &Shared, term: u64, renewed: &Found) -> Option<()> {
    let noted = renewed.iter().flatten().filter(|lease| lease.remaining_ms.is_some());
    let ids: HashSet<LeaseId> = noted.map(|lease| lease.id).collect();
    let ids: Vec<LeaseId> = ids.into_iter().collect();
    for ids in ids.chunks(NOTED_AT_ONCE_MAX) {
        let remaining = ids.iter().map(|id| (*id, None)).collect();
        let whole = LeaseCommand::Checkpoint(CheckpointLeases { term, remaining });
        propose(shared, whole).await.ok()?.ok()?;
    }
    Some(())
}
