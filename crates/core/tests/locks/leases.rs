//! Sessions, in the model.

use conclave_core::lease::{LeaseCommand, LeaseInfo, LeaseOutcome, LeaseRejection};
use conclave_core::{LeaseId, Outcome, Rejection};

use crate::tickets;
use crate::world::{Done, Model};

pub(crate) fn apply(model: &mut Model, command: &LeaseCommand, term: u64) -> Done {
    let (outcome, changed) = match command {
        LeaseCommand::Grant(grant) => {
            let id = grant.id;
            if model.sessions.contains_key(&id) {
                return Err(LeaseRejection::Exists { id: id.get() }.into());
            }
            let lease = LeaseInfo {
                id,
                ttl_ms: grant.ttl_ms,
                remaining_ms: None,
                owner: grant.owner.clone(),
                metadata: grant.metadata.clone(),
                granted_ms: model.time_ms,
            };
            model.sessions.insert(id, lease.clone());
            (LeaseOutcome::Granted(lease), true)
        }
        LeaseCommand::Revoke(revoke) => {
            model.require_session(revoke.id)?;
            (LeaseOutcome::Revoked { tickets: end(model, &[revoke.id]) }, true)
        }
        LeaseCommand::Expire(expire) => {
            require_term(expire.term, term)?;
            let mut ended: Vec<_> =
                expire.ids.iter().copied().filter(|id| model.sessions.contains_key(id)).collect();
            ended.sort();
            ended.dedup();
            end(model, &ended);
            let leases = ended.len() as u64;
            (LeaseOutcome::Expired { leases, left: 0 }, leases > 0)
        }
        LeaseCommand::Checkpoint(checkpoint) => {
            require_term(checkpoint.term, term)?;
            let mut leases = 0;
            for (id, remaining_ms) in &checkpoint.remaining {
                if let Some(lease) = model.sessions.get_mut(id) {
                    lease.remaining_ms = *remaining_ms;
                    leases += 1;
                }
            }
            (LeaseOutcome::Checkpointed { leases }, leases > 0)
        }
    };
    Ok((Outcome::Lease(outcome), changed))
}

/// Ends sessions; tells how many tickets went with them.
fn end(model: &mut Model, sessions: &[LeaseId]) -> u64 {
    model.sessions.retain(|id, _| !sessions.contains(id));
    let names: Vec<_> = model.locks.keys().cloned().collect();
    let of_lock = |name| tickets::leave(model, name, |ticket| sessions.contains(&ticket.session));
    names.iter().map(of_lock).sum()
}

fn require_term(measured: u64, term: u64) -> Result<(), Rejection> {
    (measured == term).then_some(()).ok_or(LeaseRejection::OtherTerm { term: measured }.into())
}
