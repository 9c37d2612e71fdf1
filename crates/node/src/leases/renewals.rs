//! Renewals on their way to the leader: what comes while a batch is under way goes with the next one.

use std::sync::Arc;
use std::time::Duration;

use conclave_core::LeaseId;
use conclave_raft::{KeepLeases, KeptLeases};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::at_leader;
use crate::handle::{NodeHandle, Shared};
use crate::request_error::RequestError;

/// Most that wait to be taken in; more wait to be let in.
pub(crate) const WAITING_MAX: usize = 16_384;
/// Most leases of one batch.
const BATCH_MAX: usize = 8_192;
/// How long one batch may take.
const BATCH_TIMEOUT: Duration = Duration::from_secs(1);
/// The pause before a renewal that found no leader is tried again.
const AGAIN_AFTER: Duration = Duration::from_millis(50);

/// A question about one lease that waits for its batch.
pub(crate) struct Asked {
    id: LeaseId,
    renew: bool,
    answer: oneshot::Sender<Kept>,
}

/// What was learned of a lease; an error if the leader could not be asked.
type Kept = Result<Option<u64>, NoLeader>;

#[derive(Debug, Clone, Copy)]
struct NoLeader;

impl NodeHandle {
    /// Renews a lease; gives its TTL in milliseconds, which runs from before this was called. None: there is no such
    /// lease, or no more.
    ///
    /// # Errors
    /// See [`RequestError`]. It may have been renewed all the same.
    pub async fn renew(&self, lease: LeaseId, deadline: Instant) -> Result<Option<u64>, RequestError> {
        self.ask_about(lease, true, deadline).await
    }

    /// What is left of leases in milliseconds, by the leader's clock, in the order given. None: there is no such
    /// lease, or no more.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub async fn time_left(
        &self,
        leases: Vec<LeaseId>,
        deadline: Instant,
    ) -> Result<Vec<Option<u64>>, RequestError> {
        let asked = leases.into_iter().map(|lease| self.ask_about(lease, false, deadline));
        futures::future::try_join_all(asked).await
    }

    async fn ask_about(
        &self,
        id: LeaseId,
        renew: bool,
        deadline: Instant,
    ) -> Result<Option<u64>, RequestError> {
        self.shared.require_sound()?;
        loop {
            let (answer, answered) = oneshot::channel();
            let asking = async {
                self.shared.renewals.send(Asked { id, renew, answer }).await.ok()?;
                answered.await.ok()
            };
            match timeout_at(deadline, asking).await {
                Ok(Some(Ok(kept))) => return Ok(kept),
                Ok(Some(Err(NoLeader))) => {}
                Ok(None) => return Err(RequestError::shutting_down()),
                Err(_) => return Err(RequestError::no_leader()),
            }
            if Instant::now() + AGAIN_AFTER >= deadline {
                return Err(RequestError::no_leader());
            }
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    }
}

/// Takes batches to the leader, until the node stops.
pub(crate) async fn take_renewals(
    shared: Arc<Shared>,
    mut arriving: mpsc::Receiver<Asked>,
    stop: CancellationToken,
) {
    let taking = async {
        let mut waiting = Vec::new();
        while arriving.recv_many(&mut waiting, BATCH_MAX).await > 0 {
            waiting.retain(|asked: &Asked| !asked.answer.is_closed());
            settle(&shared, std::mem::take(&mut waiting)).await;
        }
    };
    stop.run_until_cancelled(taking).await;
}

async fn settle(shared: &Arc<Shared>, asked: Vec<Asked>) {
    let (renew, ask): (Vec<_>, Vec<_>) = asked.into_iter().partition(|asked| asked.renew);
    let ids = |asked: &[Asked]| asked.iter().map(|asked| asked.id).collect();
    let request = KeepLeases { renew: ids(&renew), ask: ids(&ask) };
    let kept = at_leader(shared, &request, Instant::now() + BATCH_TIMEOUT).await;
    let (ttls, left) = match kept {
        Some(KeptLeases { ttl_ms, left_ms }) => (Some(ttl_ms), Some(left_ms)),
        None => (None, None),
    };
    answer(renew, ttls);
    answer(ask, left);
}

fn answer(asked: Vec<Asked>, kept: Option<Vec<Option<u64>>>) {
    let kept =
        kept.map_or_else(|| vec![Err(NoLeader); asked.len()], |kept| kept.into_iter().map(Ok).collect());
    for (asked, kept) in asked.into_iter().zip(kept) {
        // Whoever has given up waiting needs no answer.
        let _ = asked.answer.send(kept);
    }
}

/// Asks the leader, which may be this node.
async fn at_leader(shared: &Arc<Shared>, request: &KeepLeases, deadline: Instant) -> Option<KeptLeases> {
    match shared.consensus.leader()? {
        id if id == shared.node_id => {
            timeout_at(deadline, at_leader::keep(shared, request, deadline)).await.ok().flatten()
        }
        id => shared.consensus.forward_leases(id, request, deadline).await,
    }
}
