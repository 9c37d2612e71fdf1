//! What the leader answers about leases: renewals, and how much is left.
//!
//! It answers only once a majority has confirmed, after it was asked, that it leads: whoever is elected later gives
//! each lease its time anew, and so keeps the promise. Whether a lease is there the state tells, not the clock.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use conclave_core::LeaseId;
use conclave_core::lease::{self, CheckpointLeases, LeaseCommand, LeaseInfo};
use conclave_mvcc::{MapError, ReadMap};
use conclave_raft::{KeepLeases, KeptLeases};
use tokio::time::Instant;

use super::keeper::{NOTED_AT_ONCE_MAX, propose};
use crate::alarms::Alarm;
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
    let (renewed, told) = read(shared, request).await?;
    restore_whole_ttl(shared, leading.term, &renewed).await?;
    let mut leases = shared.leases.lock();
    let clock = &mut leases.as_mut().filter(|kept| kept.term == leading.term)?.clock;
    let now = Instant::now();
    let mut kept = KeptLeases::default();
    for lease in renewed {
        // It may have been made a moment ago, and the clock not know it yet.
        kept.ttl_ms.push(lease.and_then(|lease| {
            clock.know(&lease, Duration::ZERO, asked);
            clock.renew(lease.id, asked)
        }));
    }
    for lease in told {
        kept.left_ms.push(lease.map(|lease| clock.left_ms(lease.id, now).unwrap_or_else(|| lease.left_ms())));
    }
    Some(kept)
}

type Found = Vec<Option<LeaseInfo>>;

/// The leases that are there.
async fn read(shared: &Arc<Shared>, request: &KeepLeases) -> Option<(Found, Found)> {
    let (in_use, state, request) = (shared.reading.token(), shared.state.clone(), request.clone());
    let reading = tokio::task::spawn_blocking(move || {
        let read: Result<_, MapError> =
            state.read(|view| Ok((find(view, &request.renew)?, find(view, &request.ask)?)));
        drop((state, in_use));
        read
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
